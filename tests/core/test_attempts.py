"""The history of a request, its notes and its log records, without secrets."""

from __future__ import annotations

import logging
from typing import Any

import httpx
import pytest
import tenacity
from support.fake_io import FakeIO, run_flow
from support.server import Server, close, reply
from support.world import World

from httpx_resilient import (
    Attempt,
    RetryingTransport,
    attempts_of,
    explain,
    retry_if_status,
    retry_if_transient,
    wait_transient,
)

pytestmark = pytest.mark.anyio

SECRET = "hunter2"


class TestAttempts:
    def run(
        self, *script: Any, method: str = "GET", **options: Any
    ) -> tuple[Attempt, ...]:
        options = {"wait": tenacity.wait_fixed(2), **options}
        transport, io = RetryingTransport(**options), FakeIO(*script, takes=0.5)
        try:
            return attempts_of(
                run_flow(transport, httpx.Request(method, "https://a/"), io)
            )
        except Exception as error:
            return attempts_of(error)

    def test_a_success_has_one_attempt(self) -> None:
        assert self.run(200) == (Attempt(1, 200, "", 0.0, 0.5),)

    def test_a_success_after_failures_has_all_attempts(self) -> None:
        assert self.run(503, httpx.ReadTimeout("slow"), 200) == (
            Attempt(1, 503, "503", 2.0, 0.5),
            Attempt(2, httpx.ReadTimeout, "ReadTimeout", 2.0, 0.5, at=2.5),
            Attempt(3, 200, "", 0.0, 0.5, at=5.0),
        )

    def test_a_failure_has_all_attempts_and_no_wait_after_the_last(self) -> None:
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
    def test_the_reason_says_why_no_retry_followed(
        self, script: Any, method: str, reason: str
    ) -> None:
        (only,) = self.run(script, method=method)
        assert only.reason == reason

    def test_the_reason_of_a_retried_attempt_names_no_strategy_that_declined(
        self,
    ) -> None:
        retry = retry_if_transient() | retry_if_status(500)
        first, _ = self.run(500, 200, method="POST", retry=retry)
        assert first.reason == "500"

    def test_the_reason_says_that_retry_after_is_too_long(self) -> None:
        response = httpx.Response(429, headers={"retry-after": "3600"})
        (only,) = self.run(response, wait=wait_transient())
        assert only.reason == "429, Retry-After 3600 s is above 60 s"

    def test_a_status_error_has_the_attempts_of_its_response(self) -> None:
        inner = httpx.MockTransport(lambda request: httpx.Response(404))
        with httpx.Client(transport=RetryingTransport(inner)) as client:
            response = client.get("https://a/")
        with pytest.raises(httpx.HTTPStatusError) as caught:
            response.raise_for_status()
        assert attempts_of(caught.value) == attempts_of(response) != ()

    def test_an_error_of_an_sdk_has_the_attempts_of_its_cause(self) -> None:
        def refuse(request: httpx.Request) -> httpx.Response:
            raise httpx.ConnectError("refused")

        transport = RetryingTransport(
            httpx.MockTransport(refuse), wait=tenacity.wait_none()
        )
        with httpx.Client(transport=transport) as client:
            with pytest.raises(httpx.ConnectError) as caught:
                client.get("https://a/")
        sdk_error = LookupError()
        sdk_error.__cause__ = caught.value
        assert len(attempts_of(sdk_error)) == 3

    @pytest.mark.parametrize("stranger", [httpx.Response(200), ValueError(), None])
    def test_an_object_without_history_has_no_attempts(self, stranger: object) -> None:
        assert attempts_of(stranger) == ()

    def test_the_string_of_an_attempt_is_its_outcome(self) -> None:
        assert str(Attempt(1, 503, "", 0, 0)) == "503"
        assert str(Attempt(1, httpx.ReadTimeout, "", 0, 0)) == "ReadTimeout"


class TestLogs:
    @pytest.fixture(autouse=True)
    def at_info(self, caplog: Any) -> None:
        caplog.set_level(logging.INFO, logger="httpx_resilient")

    async def get(self, world: World, url: str, **options: Any) -> None:
        async with world.client(world.transport(**options)) as client:
            await client.get(url)

    def records(self, caplog: Any) -> list[logging.LogRecord]:
        return [record for record in caplog.records if record.name == "httpx_resilient"]

    async def test_a_success_is_not_logged(
        self, world: World, server: Server, caplog: Any
    ) -> None:
        await self.get(world, server.url)
        assert self.records(caplog) == []

    async def test_each_retry_and_the_last_failure_have_one_record(
        self, world: World, server: Server, caplog: Any
    ) -> None:
        server.play(reply(503))
        await self.get(
            world, server.url + "some/path?query", wait=tenacity.wait_fixed(0.01)
        )
        url = server.url + "some/path"
        first, second, last = self.records(caplog)
        assert first.getMessage() == f"GET {url}: 503; next attempt in 0.01 s"
        assert (first.levelname, second.levelname, last.levelname) == (
            "INFO",
            "INFO",
            "WARNING",
        )
        assert last.getMessage().startswith(f"GET {url}: gave up after 3 attempts in")
        assert last.getMessage().endswith(": 503, 503, 503")

    async def test_a_record_has_the_fields_of_its_event(
        self, world: World, server: Server, caplog: Any
    ) -> None:
        server.play(reply(503), reply(200))
        await self.get(world, server.url)
        (record,) = self.records(caplog)
        assert vars(record).items() >= {
            "method": "GET", "url": server.url, "attempt": 1, "reason": "503", "wait": 0.0,
        }.items()  # fmt: skip

    async def test_a_failure_that_is_not_retryable_is_not_logged(
        self, world: World, server: Server, caplog: Any
    ) -> None:
        server.play(reply(404))
        await self.get(world, server.url)
        assert self.records(caplog) == []

    async def test_a_disabled_logger_has_no_records(
        self, world: World, server: Server, caplog: Any
    ) -> None:
        caplog.set_level(logging.CRITICAL, logger="httpx_resilient")
        server.play(reply(503))
        await self.get(world, server.url)
        assert self.records(caplog) == []


async def test_no_secret_is_shown_anywhere(
    world: World, server: Server, caplog: Any
) -> None:
    """There is none in logs at any level, notes, reprs and histories."""
    caplog.set_level(logging.DEBUG, logger="httpx_resilient")
    shown: list[object] = []
    server.play(reply(503, SECRET.encode(), x_secret=SECRET), close(), close())
    transport = world.transport(before_sleep=lambda state: shown.append(repr(state)))
    async with world.client(transport) as client:
        with pytest.raises(world.library.RemoteProtocolError) as caught:
            await client.put(
                server.url.replace("//", f"//user:{SECRET}@")
                + f"?token={SECRET}#{SECRET}",
                headers={"authorization": SECRET},
                content=SECRET,
            )
    shown += [
        r.getMessage() + repr(vars(r))
        for r in caplog.records
        if r.name == "httpx_resilient"
    ]
    shown += [*caught.value.__notes__, attempts_of(caught.value), repr(transport)]
    shown.append(explain(caught.value))
    assert len(shown) == 11
    assert not [text for text in shown if SECRET in str(text) or "token" in str(text)]


def test_the_log_hook_of_tenacity_names_the_request(caplog: Any) -> None:
    caplog.set_level(logging.INFO)
    hook = tenacity.before_sleep_log(logging.getLogger("own"), logging.INFO)
    answers = iter([503, 200])
    inner = httpx.MockTransport(lambda request: httpx.Response(next(answers)))
    transport = RetryingTransport(inner, before_sleep=hook, wait=tenacity.wait_none())
    with httpx.Client(transport=transport) as client:
        client.get("https://[::1]:8080/a?b")
    (text,) = [record.getMessage() for record in caplog.records if record.name == "own"]
    # Before 9.2 tenacity does not use the name of a state.
    uses_name = hasattr(tenacity.RetryCallState, "get_fn_name")
    assert ("GET https://[::1]:8080/a in" if uses_name else "<unknown>") in text


def test_hooks_written_for_tenacity_find_its_attributes() -> None:
    """The outcome is a future, and the retry object has the strategies."""
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
    run_flow(transport, httpx.Request("GET", "https://a/"), io)
    assert seen[:8] == [3, True, False, 1, 2.0, 1.0, "GET", None]
    assert seen[9:17] == [3, True, True, 2, 4.0, 4.0, "GET", None]


def test_the_outcome_of_a_state_raises_as_a_future_does() -> None:
    def retry(state: tenacity.RetryCallState) -> bool:
        assert state.outcome is not None
        with pytest.raises(httpx.ReadTimeout):
            state.outcome.result()
        return False

    io = FakeIO(httpx.ReadTimeout("slow"))
    with pytest.raises(httpx.ReadTimeout):
        run_flow(RetryingTransport(retry=retry), httpx.Request("GET", "https://a/"), io)
