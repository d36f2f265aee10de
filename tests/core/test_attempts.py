"""What is left behind: history, notes, log records; and what never is."""

from __future__ import annotations

import logging
from typing import Any

import httpx
import pytest
import tenacity
from support.fake_io import FakeIO
from support.server import Server, close, reply
from support.world import World

from httpx_resilient import (
    Attempt,
    RetryingTransport,
    attempts_of,
    explain,
    retry_if_status,
    retry_if_transient,
)
from httpx_resilient._core.io.protocol import run_sync

pytestmark = pytest.mark.anyio

SECRET = "hunter2"


class TestAttempts:
    def run(
        self, *script: Any, method: str = "GET", **options: Any
    ) -> tuple[Attempt, ...]:
        options = {"wait": tenacity.wait_fixed(2), **options}
        flow = RetryingTransport(**options)._handle(
            httpx.Request(method, "https://a/"), FakeIO(*script, takes=0.5)
        )
        try:
            return attempts_of(run_sync(flow))
        except Exception as error:
            return attempts_of(error)

    def test_one_success(self) -> None:
        assert self.run(200) == (Attempt(1, 200, "", 0.0, 0.5),)

    def test_success_in_the_end(self) -> None:
        assert self.run(503, httpx.ReadTimeout("slow"), 200) == (
            Attempt(1, 503, "503", 2.0, 0.5),
            Attempt(2, httpx.ReadTimeout, "ReadTimeout", 2.0, 0.5, at=2.5),
            Attempt(3, 200, "", 0.0, 0.5, at=5.0),
        )

    def test_out_of_attempts(self) -> None:
        first, second, third = self.run(503, 503, httpx.ReadTimeout("slow"))
        assert (first.reason, second.wait) == ("503", 2.0)
        assert third == Attempt(3, httpx.ReadTimeout, "ReadTimeout", 0.0, 0.5, at=5.0)

    @pytest.mark.parametrize(
        ("script", "method", "reason"),
        [
            (404, "GET", "404"),
            (503, "POST", "503, and POST is not idempotent"),
            (httpx.Response(503, headers={"x-should-retry": "false"}), "GET",
             "503, x-should-retry: false"),
            (httpx.PoolTimeout(""), "GET", "PoolTimeout"),
        ],
    )  # fmt: skip
    def test_why_there_was_no_other(
        self, script: Any, method: str, reason: str
    ) -> None:
        (only,) = self.run(script, method=method)
        assert only.reason == reason

    def test_who_said_no_is_not_told_if_another_said_yes(self) -> None:
        retry = retry_if_transient() | retry_if_status(500)
        first, _ = self.run(500, 200, method="POST", retry=retry)
        assert first.reason == "500"

    def test_why_the_server_was_not_waited_for(self) -> None:
        response = httpx.Response(429, headers={"retry-after": "3600"})
        (only,) = self.run(
            response, **RetryingTransport().__class__.__init__.__kwdefaults__
        )
        assert only.reason == "429, Retry-After 3600 s is above 60 s"

    def test_of_a_status_error_they_are_the_responses(self) -> None:
        inner = httpx.MockTransport(lambda request: httpx.Response(404))
        with httpx.Client(transport=RetryingTransport(inner)) as client:
            response = client.get("https://a/")
        with pytest.raises(httpx.HTTPStatusError) as caught:
            response.raise_for_status()
        assert attempts_of(caught.value) == attempts_of(response) != ()

    def test_of_what_an_sdk_raised_they_are_those_of_its_cause(self) -> None:
        def refuse(request: httpx.Request) -> httpx.Response:
            raise httpx.ConnectError("refused")

        transport = RetryingTransport(
            httpx.MockTransport(refuse), wait=tenacity.wait_none()
        )
        with httpx.Client(transport=transport) as client:
            with pytest.raises(httpx.ConnectError) as caught:
                client.get("https://a/")
        theirs = LookupError()
        theirs.__cause__ = caught.value
        assert len(attempts_of(theirs)) == 3

    @pytest.mark.parametrize("stranger", [httpx.Response(200), ValueError(), None])
    def test_of_a_stranger_there_are_none(self, stranger: object) -> None:
        assert attempts_of(stranger) == ()

    def test_an_attempt_reads_as_its_outcome(self) -> None:
        assert str(Attempt(1, 503, "", 0, 0)) == "503"
        assert str(Attempt(1, httpx.ReadTimeout, "", 0, 0)) == "ReadTimeout"


class TestLogs:
    @pytest.fixture(autouse=True)
    def at_info(self, caplog: Any) -> None:
        caplog.set_level(logging.INFO, logger="httpx_resilient")

    async def get(self, world: World, url: str, **options: Any) -> None:
        async with world.client(world.transport(**options)) as client:
            await client.get(url)

    def ours(self, caplog: Any) -> list[logging.LogRecord]:
        return [record for record in caplog.records if record.name == "httpx_resilient"]

    async def test_success_is_silent(
        self, world: World, server: Server, caplog: Any
    ) -> None:
        await self.get(world, server.url)
        assert self.ours(caplog) == []

    async def test_one_record_for_each_retry_and_one_for_giving_up(
        self, world: World, server: Server, caplog: Any
    ) -> None:
        server.play(reply(503))
        await self.get(
            world, server.url + "some/path?query", wait=tenacity.wait_fixed(0.01)
        )
        url = server.url + "some/path"
        first, second, last = self.ours(caplog)
        assert first.getMessage() == f"GET {url}: 503; next attempt in 0.01 s"
        assert (first.levelname, second.levelname, last.levelname) == (
            "INFO",
            "INFO",
            "WARNING",
        )
        assert last.getMessage().startswith(f"GET {url}: gave up after 3 attempts in")
        assert last.getMessage().endswith(": 503, 503, 503")

    async def test_the_fields_are_in_the_record(
        self, world: World, server: Server, caplog: Any
    ) -> None:
        server.play(reply(503), reply(200))
        await self.get(world, server.url)
        (record,) = self.ours(caplog)
        assert vars(record).items() >= {
            "method": "GET", "url": server.url, "attempt": 1, "reason": "503", "wait": 0.0,
        }.items()  # fmt: skip

    async def test_what_was_never_worth_retrying_is_silent(
        self, world: World, server: Server, caplog: Any
    ) -> None:
        server.play(reply(404))
        await self.get(world, server.url)
        assert self.ours(caplog) == []

    async def test_a_disabled_logger_says_nothing(
        self, world: World, server: Server, caplog: Any
    ) -> None:
        caplog.set_level(logging.CRITICAL, logger="httpx_resilient")
        server.play(reply(503))
        await self.get(world, server.url)
        assert self.ours(caplog) == []


async def test_no_secret_is_told_to_anyone(
    world: World, server: Server, caplog: Any
) -> None:
    """Not in logs, notes, reprs or histories, at any level, however it ends."""
    caplog.set_level(logging.DEBUG, logger="httpx_resilient")
    told: list[object] = []
    server.play(reply(503, SECRET.encode(), x_secret=SECRET), close(), close())
    transport = world.transport(before_sleep=lambda state: told.append(repr(state)))
    async with world.client(transport) as client:
        with pytest.raises(world.library.RemoteProtocolError) as caught:
            await client.put(
                server.url.replace("//", f"//user:{SECRET}@")
                + f"?token={SECRET}#{SECRET}",
                headers={"authorization": SECRET},
                content=SECRET,
            )
    told += [
        r.getMessage() + repr(vars(r))
        for r in caplog.records
        if r.name == "httpx_resilient"
    ]
    told += [*caught.value.__notes__, attempts_of(caught.value), repr(transport)]
    told.append(explain(caught.value))
    assert len(told) == 12
    assert not [text for text in told if SECRET in str(text) or "token" in str(text)]


def test_tenacitys_own_hook_names_the_request(caplog: Any) -> None:
    caplog.set_level(logging.INFO)
    hook = tenacity.before_sleep_log(logging.getLogger("mine"), logging.INFO)
    answers = iter([503, 200])
    inner = httpx.MockTransport(lambda request: httpx.Response(next(answers)))
    transport = RetryingTransport(inner, before_sleep=hook, wait=tenacity.wait_none())
    with httpx.Client(transport=transport) as client:
        client.get("https://[::1]:8080/a?b")
    (text,) = [
        record.getMessage() for record in caplog.records if record.name == "mine"
    ]
    # Before 9.2 tenacity does not ask a state for its name.
    asks = hasattr(tenacity.RetryCallState, "get_fn_name")
    assert ("GET https://[::1]:8080/a in" if asks else "<unknown>") in text


def test_hooks_written_for_tenacity_find_all_they_look_for() -> None:
    """The outcome is a future, the strategies hang on the retry object."""
    seen: list[object] = []

    def hook(state: tenacity.RetryCallState) -> None:
        assert state.outcome is not None
        seen.extend([
            state.retry_object.stop.max_attempt_number, state.outcome.done(),
            state.outcome.failed, state.outcome.attempt_number, state.idle_for,
            state.seconds_since_start, state.args[0].method,
            getattr(state.outcome, "no such thing", None),
        ])  # fmt: skip
        state.outcome.add_done_callback(lambda outcome: seen.append(type(outcome)))

    io = FakeIO(503, httpx.ReadTimeout("slow"), 200, takes=1.0)
    transport = RetryingTransport(wait=tenacity.wait_fixed(2), before_sleep=hook)
    run_sync(transport._handle(httpx.Request("GET", "https://a/"), io))
    assert seen[:8] == [3, True, False, 1, 2.0, 1.0, "GET", None]
    assert seen[9:17] == [3, True, True, 2, 4.0, 4.0, "GET", None]


def test_the_outcome_raises_as_a_future_does() -> None:
    def retry(state: tenacity.RetryCallState) -> bool:
        assert state.outcome is not None
        with pytest.raises(httpx.ReadTimeout):
            state.outcome.result()
        return False

    flow = RetryingTransport(retry=retry)._handle(
        httpx.Request("GET", "https://a/"), FakeIO(httpx.ReadTimeout("slow"))
    )
    with pytest.raises(httpx.ReadTimeout):
        run_sync(flow)
