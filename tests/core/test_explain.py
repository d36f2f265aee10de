"""The history of a request through all layers, and its explanation as text."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import anyio
import httpx
import pytest
import tenacity
from support.fake_io import FakeIO, Scripted, flow_of
from support.gates import Gate, until
from support.race import Race, handled
from support.server import Server, reply, stall
from support.world import World

from httpx_resilient import (
    ConcurrencyLimit,
    DeadlineExceeded,
    DeadlineTransport,
    FailoverTransport,
    HedgePolicy,
    RateLimit,
    RetryingTransport,
    attempts_of,
    explain,
    retry_if_status,
    wait_transient,
)
from httpx_resilient._core.context import RequestContext
from httpx_resilient._core.io.protocol import run_sync
from httpx_resilient.testing import FaultInjectingTransport, Reset

pytestmark = pytest.mark.anyio

A, B = "https://a.test", "https://b.test"


def run(flow: Any) -> Any:
    try:
        return run_sync(flow)
    except Exception as error:
        return error


def failed_over(*script: Scripted) -> Any:
    layer = FailoverTransport(None, [A, B])
    return run(flow_of(layer, httpx.Request("GET", A), FakeIO(*script, takes=0.5)))


class TestFailover:
    def test_each_origin_has_an_attempt(self) -> None:
        first, second = attempts_of(failed_over(503, 200))
        assert (first.outcome, first.origin, first.at) == (503, A, 0.0)
        assert (second.outcome, second.origin, second.at) == (200, B, 0.5)
        assert (first.number, second.number, second.duration) == (1, 1, 0.5)

    def test_an_exception_has_the_attempts_at_all_origins(self) -> None:
        outcomes = attempts_of(failed_over(503, httpx.ConnectError("refused")))
        assert [str(each) for each in outcomes] == ["503", "ConnectError"]

    def test_attempts_at_origins_have_the_number_of_the_retrys_attempt(self) -> None:
        def handler(request: httpx.Request) -> httpx.Response:
            return httpx.Response(statuses.pop(0))

        statuses = [503, 500, 503, 200]
        layer = FailoverTransport(httpx.MockTransport(handler), [A, B])
        transport = RetryingTransport(layer, wait=tenacity.wait_fixed(0.01))
        with httpx.Client(transport=transport) as client:
            response = client.get(A)
        attempts = attempts_of(response)
        assert [(each.number, each.outcome) for each in attempts] == [
            (1, 503),
            (1, 500),
            (2, 503),
            (2, 200),
        ]
        assert [each.wait for each in attempts] == [0.0, 0.01, 0.0, 0.0]
        assert sorted(each.at for each in attempts) == [each.at for each in attempts]


class TestHedge:
    def test_a_hedge_that_won_is_the_last_attempt(self) -> None:
        first, second = attempts_of(handled(Race(200)))
        assert (str(first), first.hedge) == ("cancelled", False)
        assert (second.outcome, second.hedge) == (200, True)

    def test_a_first_request_that_won_is_the_last_attempt(self) -> None:
        first, second = attempts_of(handled(Race(200, ends="first")))
        assert (str(first), first.hedge) == ("cancelled", True)
        assert (second.outcome, second.hedge) == (200, False)

    def test_two_failures_are_two_attempts(self) -> None:
        first, second = attempts_of(handled(Race(503, 500, ends="both")))
        assert {first.outcome, second.outcome} == {503, 500}

    def test_without_a_hedge_there_is_no_history(self) -> None:
        assert attempts_of(handled(Race(200, ends="alone"))) == ()


class TestDeadline:
    """A request that is cut off has no outcome, but has a history."""

    async def test_attempts_before_the_deadline_are_in_the_history(
        self, world: World
    ) -> None:
        attempts = await self.cut(world, reply(503), stall())
        assert [str(each) for each in attempts] in (
            ["503", "cancelled"],
            ["503", "ReadTimeout"],  # in a synchronous client
        )
        assert 0.05 <= sum(each.duration for each in attempts) < 5

    async def test_a_first_attempt_that_is_cut_off_has_its_duration(
        self, world: World
    ) -> None:
        (attempt,) = await self.cut(world, stall())
        assert attempt.outcome in {None, world.library.ReadTimeout}
        assert 0.05 <= attempt.duration < 5

    async def test_a_deadline_during_a_wait_leaves_the_attempts_before_it(
        self, world: World
    ) -> None:
        """Nothing says beforehand how long the hook takes."""

        def slow(state: Any) -> Any:
            return world.sleep(1) if not world.sync else None

        attempts = await self.cut(world, reply(503), stall(), before_sleep=slow)
        assert attempts[0].outcome == 503

    async def cut(self, world: World, *script: Any, **options: Any) -> Any:
        with Server() as server:
            server.play(*script)
            retrying = world.transport(**options)
            layer = world.ours.DeadlineTransport(retrying, 0.4)
            async with world.client(layer) as client:
                with pytest.raises(world.ours.DeadlineExceeded) as caught:
                    await client.get(server.url)
        return attempts_of(caught.value)


class TestQueue:
    async def test_the_wait_for_a_limit_is_in_the_history(
        self, world: World, virtual_time: Any
    ) -> None:
        inner = world.mock(lambda request: world.library.Response(200))
        limited = world.ours.RateLimitingTransport(inner, RateLimit(1, per=10))
        async with world.client(world.transport(limited)) as client:
            await client.get(A)
            (attempt,) = attempts_of(await client.get(A))
        assert attempt.queued == pytest.approx(10) == attempt.duration

    async def test_the_waits_of_two_layers_add_up(
        self, world: World, server: Server
    ) -> None:
        gate = Gate()
        server.play(gate)
        limit = ConcurrencyLimit(1)
        layer = world.ours.ConcurrencyLimitingTransport(None, limit)
        seen: list[Any] = []
        async with world.client(world.transport(layer)) as client:

            async def get() -> None:
                seen.append(attempts_of(await client.get(server.url)))

            async def let() -> None:
                await until(
                    world, lambda: any(s.waiting for s in limit.states().values())
                )
                gate.let(2)

            await world.together(get, get, let)
        assert sorted(bool(only.queued) for (only,) in seen) == [False, True]

    async def test_an_exception_has_the_sum_of_its_waits(
        self, world: World, virtual_time: Any
    ) -> None:
        def answer(_: Any) -> Any:
            return world.library.Response(200)

        def fail(_: Any) -> None:
            raise error

        error = world.library.ReadError("a mock raises the same object again")
        limits = RateLimit(1, per=1), RateLimit(1, per=3)
        limited, answering = world.ours.RateLimitingTransport, world.mock(answer)
        outer, inner = (limited(answering, limit) for limit in limits)
        layer = limited(limited(world.mock(fail), limits[1]), limits[0])
        failing = world.transport(layer, stop=tenacity.stop_after_attempt(1))
        async with (
            world.client(failing) as client,
            world.client(outer) as through_outer,
            world.client(inner) as through_inner,
        ):
            await through_inner.get(A)
            for _ in range(3):
                # Afterwards, the outer limit has a turn in 1 s, the inner one in 3 s.
                await through_outer.get(A)
                with pytest.raises(world.library.ReadError) as caught:
                    await client.get(A)
                assert caught.value is error
                (attempt,) = attempts_of(error)
                assert attempt.queued == pytest.approx(3.0) == attempt.duration


class TestNested:
    """The history of a layer includes that of the layers inside of it."""

    def got(self, layer: Any) -> list[Any]:
        with httpx.Client(transport=layer) as client:
            return list(attempts_of(client.get(A)))

    def answering(self, *script: int) -> Any:
        answers = iter(script)
        return RetryingTransport(
            httpx.MockTransport(lambda request: httpx.Response(next(answers))),
            wait=tenacity.wait_none(),
        )

    @pytest.mark.parametrize("last", [[200], [503, 200]])
    def test_retries_inside_of_failover_have_their_origins(
        self, last: list[int]
    ) -> None:
        retrying = self.answering(503, 503, 503, *last)
        attempts = self.got(FailoverTransport(retrying, [A, B]))
        assert [each.outcome for each in attempts] == [503, 503, 503, *last]
        assert [each.origin for each in attempts] == [A, A, A] + [B] * len(last)
        assert [each.number for each in attempts[:4]] == [1, 2, 3, 1]

    def test_retries_inside_of_a_retry_have_the_number_of_its_attempt(self) -> None:
        inner = self.answering(503, 503, 503, 503, 200)
        outer = RetryingTransport(inner, retry=retry_if_status(503))
        attempts = self.got(outer)
        assert [each.outcome for each in attempts] == [503] * 4 + [200]
        assert [each.number for each in attempts] == [1, 1, 1, 2, 2]

    def test_attempts_cut_off_by_a_deadline_inside_of_a_retry_are_in_the_history(
        self,
    ) -> None:
        def late(request: httpx.Request) -> httpx.Response:
            time.sleep(request.extensions["timeout"]["read"])
            raise httpx.ReadTimeout("")

        limited = DeadlineTransport(httpx.MockTransport(late), 0.01)
        outer = RetryingTransport(limited, wait=tenacity.wait_none())
        with pytest.raises(DeadlineExceeded) as caught:
            self.got(outer)
        assert [each.outcome for each in attempts_of(caught.value)] == [
            DeadlineExceeded
        ] * 3

    @pytest.mark.parametrize("runtime", ["asyncio", "trio"])
    async def test_retries_inside_of_a_hedge_are_in_the_history(
        self, world: World
    ) -> None:
        sent = 0

        async def handler(_: Any) -> Any:
            nonlocal sent
            sent += 1
            if sent == 1:
                await anyio.sleep(10)
            return world.library.Response(503 if sent == 2 else 200)

        retrying = world.transport(world.mock(handler))
        layer = world.ours.HedgingTransport(retrying, HedgePolicy(0.01))
        async with world.client(layer) as client:
            attempts = attempts_of(await client.get(A))
        assert [(each.outcome, each.hedge) for each in attempts] == [
            (None, False),
            (503, True),
            (200, True),
        ]


class TestSharedOutcome:
    """A mock may return or raise the same object for each request."""

    @pytest.mark.parametrize(
        ("nest", "times"),
        [
            (lambda mock: FailoverTransport(mock, [A, B]), 2),
            (lambda mock: RetryingTransport(FailoverTransport(mock, [A, B])), 6),
            (lambda mock: FailoverTransport(RetryingTransport(mock), [A, B]), 6),
            (lambda mock: RetryingTransport(mock), 3),
        ],
    )
    @pytest.mark.parametrize("given", [httpx.Response(503), httpx.ConnectError("")])
    def test_has_the_history_of_the_latest_request_only(
        self, nest: Any, times: int, given: Any, no_waits: Any
    ) -> None:
        def handler(_: httpx.Request) -> httpx.Response:
            if isinstance(given, Exception):
                raise given
            return given

        layer = nest(httpx.MockTransport(handler))
        with httpx.Client(transport=layer) as client:
            for _ in range(4):
                with suppress(httpx.ConnectError):
                    client.get(A, headers={"Idempotency-Key": "1"})
                assert len(attempts_of(given)) == times


class TestExplain:
    def explained(self, *script: Scripted, **options: Any) -> str:
        layer = RetryingTransport(None, **{"wait": tenacity.wait_fixed(2), **options})
        flow = flow_of(layer, httpx.Request("GET", A), FakeIO(*script, takes=0.5))
        return explain(run(flow))

    def test_each_attempt_has_a_line(self) -> None:
        assert self.explained(503, httpx.ReadTimeout("slow"), 200) == (
            "200 at attempt 3, after 5.50 s\n"
            "  0.00 s  1  503          after 0.500 s, then waited 2.00 s\n"
            "  2.50 s  2  ReadTimeout  after 0.500 s, then waited 2.00 s\n"
            "  5.00 s  3  200          after 0.500 s"
        )

    def test_the_summary_names_the_exception_of_a_body(self) -> None:
        server = httpx.MockTransport(lambda _: httpx.Response(200, content=b"x" * 20))
        inner = FaultInjectingTransport(server, Reset(after=10))
        layer = RetryingTransport(inner, retry_response_body=False)
        with httpx.Client(transport=layer) as client:
            with pytest.raises(httpx.ReadError) as caught:
                client.get(A)
        said = explain(caught.value)
        assert said.startswith(f"GET {A}/: 200 at the first attempt, then ReadError, ")

    def test_the_summary_of_a_refusal_is_its_status(self) -> None:
        server = httpx.MockTransport(lambda _: httpx.Response(404))
        with httpx.Client(transport=RetryingTransport(server)) as client:
            with pytest.raises(httpx.HTTPStatusError) as caught:
                client.get(A).raise_for_status()
        wrapped = ValueError("of an SDK")
        wrapped.__cause__ = caught.value
        for error in (caught.value, wrapped):
            assert ": 404 at the first attempt, after" in explain(error)

    def test_the_last_line_says_why_no_retry_followed(self) -> None:
        response = httpx.Response(429, headers={"retry-after": "3600"})
        assert self.explained(response, wait=wait_transient()).endswith(
            "after 0.500 s, 429, Retry-After 3600 s is above 60 s"
        )

    def test_a_line_has_the_origin_of_a_failover(self) -> None:
        assert explain(failed_over(503, 200)) == (
            "200 at the first attempt, after 1.00 s\n"
            "  0.00 s  1  503  after 0.500 s, at https://a.test\n"
            "  0.50 s  1  200  after 0.500 s, at https://b.test"
        )

    def test_a_line_marks_a_hedge(self) -> None:
        assert explain(handled(Race(200))) == (
            "200 at the first attempt, after 0.00 s\n"
            "  0.00 s  1  cancelled  after 0.000 s\n"
            "  0.00 s  1  200        after 0.000 s, as a hedge"
        )

    def test_a_line_has_the_seconds_in_a_queue(self) -> None:
        class Queueing(FakeIO):
            async def send(
                self, request: Any, context: RequestContext | None = None
            ) -> Any:
                assert context is not None
                context.queued += 0.25
                return await super().send(request, context)

        layer, io = RetryingTransport(), Queueing(200, takes=0.5)
        response = run(flow_of(layer, httpx.Request("GET", A), io))
        assert "after 0.500 s, 0.250 s of it in a queue" in explain(response)

    def test_the_summary_names_the_request_without_secrets(self) -> None:
        inner = httpx.MockTransport(lambda request: httpx.Response(200))
        with httpx.Client(transport=RetryingTransport(inner)) as client:
            response = client.get("https://user:secret@a.test/path?key=secret")
        assert explain(response).startswith("GET https://a.test/path: 200 at the first")

    def test_an_error_of_an_sdk_is_explained_by_its_cause(self) -> None:
        def refuse(request: httpx.Request) -> httpx.Response:
            msg = "refused"
            raise httpx.ConnectError(msg)

        transport = RetryingTransport(
            httpx.MockTransport(refuse), wait=tenacity.wait_none()
        )
        with httpx.Client(transport=transport) as client:
            with pytest.raises(httpx.ConnectError) as caught:
                client.get(A)
        sdk_error = LookupError()
        sdk_error.__cause__ = caught.value
        assert explain(sdk_error).startswith(f"GET {A}/: ConnectError at attempt 3")

    @pytest.mark.parametrize("stranger", [None, ValueError(), httpx.Response(200)])
    def test_an_object_without_history_is_explained_as_such(
        self, stranger: object
    ) -> None:
        assert explain(stranger) == "no attempts are recorded"
