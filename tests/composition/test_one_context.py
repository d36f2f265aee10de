"""What layers know of a request is true in any order, around and inside anything."""

from __future__ import annotations

import contextlib
import copy
import itertools
import logging
import pickle
import time
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import pytest
import tenacity
from hypothesis import given, settings
from hypothesis import strategies as st
from support.fake_io import FakeIO, run_flow
from support.server import Server, close, head, reply, stall
from support.world import World, in_async

from httpx_resilient import (
    Failover,
    HedgePolicy,
    RetryingTransport,
    attempts_of,
    current_attempt,
    explain,
    retry_if_status,
)
from httpx_resilient._core.clock import Clock
from httpx_resilient.events import DeadlineCut, GaveUp, NotRetried

pytestmark = pytest.mark.anyio

A, B = "https://a.example", "https://b.example"
TWICE: dict[str, Any] = {"stop": tenacity.stop_after_attempt(2), "budget": False}
ON_503 = retry_if_status(503)
"""For a retry around another one, which may not have the same default."""


def rebuilding(world: World, inner: Any) -> Any:
    """A transport of another make that builds a new response, as caches do."""
    library = world.library

    def rebuilt(response: Any) -> Any:
        status, headers = response.status_code, response.headers
        return library.Response(status, headers=headers, stream=response.stream)

    class Rebuilding(library.AsyncBaseTransport, library.BaseTransport):
        def __init__(self) -> None:
            self.wrapped: Any = inner

        def handle_request(self, request: Any) -> Any:
            return rebuilt(self.wrapped.handle_request(request))

        async def handle_async_request(self, request: Any) -> Any:
            return rebuilt(await self.wrapped.handle_async_request(request))

    return Rebuilding()


def failing_over(world: World, inner: Any) -> Any:
    return world.ours.FailoverTransport(inner, Failover([A, B], cooldown=0.001))


def always(world: World, status: int) -> Any:
    return world.mock(lambda _: world.library.Response(status))


def in_turn(world: World, *statuses: int) -> Any:
    each = itertools.cycle(statuses)
    return world.mock(lambda _: world.library.Response(next(each)))


class TestHistory:
    async def test_passes_a_transport_that_builds_a_new_response(
        self, world: World
    ) -> None:
        inner = rebuilding(world, failing_over(world, always(world, 503)))
        async with world.client(world.transport(inner, **TWICE)) as client:
            attempts = attempts_of(await client.get(A))
        assert [each.origin for each in attempts] == [A, B, A, B]
        assert [each.number for each in attempts] == [1, 1, 2, 2]

    async def test_of_a_retry_around_a_failover_around_a_retry_has_every_attempt(
        self, world: World
    ) -> None:
        inside = world.transport(in_turn(world, 503, 200))
        outside = world.transport(failing_over(world, inside), retry=ON_503)
        async with world.client(outside) as client:
            attempts = attempts_of(await client.get(A))
        assert [each.outcome for each in attempts] == [503, 200]

    async def test_tells_apart_what_a_transport_in_between_has_answered(
        self, world: World
    ) -> None:
        """As a cache does that serves a stale response if the server fails."""
        library, inner = world.library, failing_over(world, always(world, 503))

        class Stale(library.AsyncBaseTransport, library.BaseTransport):  # type: ignore[name-defined, misc]  # classes of either library
            def __init__(self) -> None:
                self.inner: Any = inner

            def handle_request(self, request: Any) -> Any:
                inner.handle_request(request)
                return library.Response(200)

            async def handle_async_request(self, request: Any) -> Any:
                await inner.handle_async_request(request)
                return library.Response(200)

        async with world.client(world.transport(Stale())) as client:
            attempts = attempts_of(await client.get(A))
        assert [(each.outcome, each.origin) for each in attempts] == [
            *((503, A), (503, B), (200, "")),
        ]

    async def test_of_a_failover_inside_stays_without_a_retry(
        self, world: World
    ) -> None:
        transport = world.transport(failing_over(world, always(world, 503)))
        async with world.client(transport) as client:
            response = await client.get(A, extensions={"retry": False})
        assert [each.origin for each in attempts_of(response)] == [A, B]

        def fail(_: object) -> None:
            raise world.library.ConnectError("refused")

        transport = world.transport(failing_over(world, world.mock(fail)))
        async with world.client(transport) as client:
            with pytest.raises(world.library.ConnectError) as caught:
                await client.get(A, extensions={"retry": False})
        assert [each.origin for each in attempts_of(caught.value)] == [A, B]

    async def test_of_a_group_inside_of_another_stays(self, world: World) -> None:
        inner = world.ours.FailoverTransport(always(world, 200), [B])
        transport = world.ours.FailoverTransport(inner, [A])
        async with world.client(transport) as client:
            response = await client.get(B)
        assert response.extensions["origin"] == B

    async def test_of_a_body_whose_response_has_no_history_is_empty(
        self, world: World, server: Server
    ) -> None:
        server.play(close(head(200, {"Content-Length": "100"}) + b"ten bytes!"))
        async with world.client(world.ours.CircuitBreakingTransport()) as client:
            with pytest.raises(world.library.RemoteProtocolError) as caught:
                await client.get(server.url)
        assert attempts_of(caught.value) == ()

    async def test_of_a_shared_exception_is_that_of_one_request(
        self, world: World
    ) -> None:
        error = world.library.ConnectError("refused")

        def refuse(_: object) -> None:
            raise error

        transport = world.transport(failing_over(world, world.mock(refuse)), **TWICE)
        counts: list[int] = []

        async def get() -> None:
            try:
                await client.get(A)
            except world.library.ConnectError as caught:
                counts.append(len(attempts_of(caught)))

        async with world.client(transport) as client:
            if not world.sync:  # another thread may look between two layers
                await world.together(get, get)
            for _ in range(20):
                await get()
        assert counts == [4] * len(counts)
        assert len(error.__notes__) == 2  # of the retry, and of the failover

    @pytest.mark.parametrize("inside", ["retry", "failover", "retry in failover"])
    async def test_is_whole_if_the_clock_has_coarse_steps(
        self, world: World, inside: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Windows has steps of 15.6 ms before Python 3.13."""
        real = time.monotonic
        coarse = staticmethod(lambda: real() // 0.0156 * 0.0156)
        monkeypatch.setattr(Clock, "now", coarse)
        inner, count = always(world, 503), 2
        if "retry" in inside:
            inner, count = world.transport(inner, **TWICE), count * 2
        if "failover" in inside:
            inner, count = failing_over(world, inner), count * 2
        outer = world.transport(inner, retry=ON_503, **TWICE)
        async with world.client(outer) as client:
            assert len(attempts_of(await client.get(A))) == count

    async def test_is_not_left_on_a_response_that_a_mock_returns_again(
        self, world: World
    ) -> None:
        stored = world.library.Response(200)
        mock = world.mock(lambda _: stored)
        transport = world.transport(failing_over(world, mock))
        async with world.client(transport) as client:
            await client.get(A)
            assert stored.extensions["origin"] == A
            response = await client.get(B, extensions={"retry": False})
        assert response is stored
        assert attempts_of(response) == ()
        assert "origin" not in response.extensions

    async def test_is_not_left_on_an_exception_that_a_mock_raises_again(
        self, world: World
    ) -> None:
        error = world.library.ReadError("reset")

        def fail(_: object) -> None:
            raise error

        async with world.client(world.transport(world.mock(fail))) as client:
            for options, count in (({}, 3), ({"extensions": {"retry": False}}, 0)):
                with pytest.raises(world.library.ReadError) as caught:
                    await client.get(A, **options)
                assert len(attempts_of(caught.value)) == count

    async def test_of_a_body_that_breaks_tells_where(
        self, world: World, server: Server
    ) -> None:
        broken = head(200, {"Content-Length": "100"}) + b"ten bytes!"
        server.play(reply(503), close(broken))
        async with world.client(world.transport()) as client:
            with pytest.raises(world.library.RemoteProtocolError) as caught:
                await client.get(server.url)
        *before, last = attempts_of(caught.value)
        broke = world.library.RemoteProtocolError
        assert [each.outcome for each in before] == [503, broke]
        assert last.outcome is broke
        assert last.reason == "RemoteProtocolError after 10 bytes of the body"
        assert "RemoteProtocolError after 10 bytes" in explain(caught.value)

    async def test_of_an_error_in_a_body_that_was_read_is_empty(
        self, world: World
    ) -> None:
        async with world.client(world.transport(always(world, 200))) as client:
            response = await client.get(A)
        with pytest.raises(ValueError, match="Expecting value") as caught:
            response.json()
        assert attempts_of(caught.value) == ()

    async def test_of_a_queue_in_front_of_a_failover_is_a_part_of_its_first_request(
        self, world: World
    ) -> None:
        limit = world.ours.RateLimit(4)  # a wait longer than a loaded machine's delay
        inner = failing_over(world, always(world, 503))
        limited = world.ours.RateLimitingTransport(inner, limit)
        once = {"stop": tenacity.stop_after_attempt(1)}
        async with world.client(world.transport(limited, **once)) as client:
            await client.get(A)
            started = time.monotonic()
            first, second = attempts_of(await client.get(A))
        elapsed = time.monotonic() - started
        assert 0.03 < first.queued <= first.duration
        assert second.queued == 0.0
        assert first.duration + second.duration <= elapsed


class TestDeadline:
    @pytest.mark.parametrize("cut", ["attempt", "whole"])
    async def test_its_history_tells_the_truth_to_the_millisecond(
        self, world: World, server: Server, cut: str
    ) -> None:
        server.play(*[stall(seconds=3)] * 4)
        cuts: list[DeadlineCut] = []

        def listen(event: object) -> None:
            if isinstance(event, DeadlineCut):
                cuts.append(event)

        total = 0.5 if cut == "whole" else 30
        stack = world.ours.standard_transport(
            attempt=0.2, deadline=total, retry={**TWICE, "wait": tenacity.wait_fixed(0.2)},
            on_event=listen,
        )  # fmt: skip
        started = time.monotonic()
        async with world.client(stack) as client:
            with pytest.raises(world.ours.DeadlineExceeded) as caught:
                await client.get(server.url)
        elapsed = time.monotonic() - started
        first, last = attempts_of(caught.value)
        assert first.duration == pytest.approx(0.2, abs=0.1)
        assert last.at + last.duration <= elapsed
        assert last.duration < 0.3
        assert len(cuts) == 2

    async def test_its_exception_keeps_the_history_when_it_is_pickled_or_copied(
        self, world: World
    ) -> None:
        def slow(_: object) -> None:
            time.sleep(0.05)  # longer than the deadline
            raise world.library.ReadTimeout("timed out")

        stack = world.transport(world.mock(slow), wait=tenacity.wait_fixed(0.01))
        async with world.client(world.ours.DeadlineTransport(stack, 0.03)) as client:
            with pytest.raises(world.ours.DeadlineExceeded) as caught:
                await client.get(A)
        error = caught.value
        attempts = attempts_of(error)
        assert attempts
        for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
            assert attempts_of(again) == attempts

    async def test_a_wait_that_it_interrupts_is_told_as_long_as_it_was(
        self, world: World
    ) -> None:
        if world.sync:
            return  # nothing interrupts a blocking client: such a wait is not begun

        async def never(_: object) -> None:
            await anyio.sleep(60)

        stack = world.transport(always(world, 503), before_sleep=never)
        started = time.monotonic()
        async with world.client(world.ours.DeadlineTransport(stack, 0.1)) as client:
            with pytest.raises(world.ours.DeadlineExceeded) as caught:
                await client.get(A)
        (attempt,) = attempts_of(caught.value)
        assert attempt.duration + attempt.wait <= time.monotonic() - started


class TestRefusal:
    """A failure that is final because the request is not idempotent."""

    HINT = "not tried again: POST is not idempotent (retry_if_transient('POST'), or an Idempotency-Key)"  # fmt: skip

    async def test_of_a_response_is_one_record_at_info(
        self, world: World, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        async with world.client(world.transport(always(world, 503))) as client:
            await client.post(A)
        (record,) = [each for each in caplog.records if each.name == "httpx_resilient"]
        assert record.levelno == logging.INFO
        assert record.getMessage() == f"POST {A}/: 503; {self.HINT}"

    async def test_of_an_exception_is_a_note_too(self, world: World) -> None:
        def drop(_: object) -> None:
            raise world.library.ReadError("reset")

        seen: list[object] = []
        transport = world.transport(world.mock(drop), on_event=seen.append)
        async with world.client(transport) as client:
            with pytest.raises(world.library.ReadError) as caught:
                await client.post(A)
        assert caught.value.__notes__ == [self.HINT]
        assert [type(each) for each in seen][-1] is NotRetried

    async def test_is_not_told_of_a_failure_that_no_method_would_have_repeated(
        self, world: World
    ) -> None:
        seen: list[object] = []
        transport = world.transport(always(world, 404), on_event=seen.append)
        async with world.client(transport) as client:
            await client.post(A)
        assert NotRetried not in [type(each) for each in seen]


class TestSynchronousDrain:
    async def test_waits_a_quarter_of_a_second_at_most_with_a_layer_in_between(
        self, world: World, server: Server
    ) -> None:
        failed = head(503, {"Content-Length": "100"}) + b"ten bytes!"
        server.play(stall(failed), reply(200, b"ok"))
        inner = world.ours.CircuitBreakingTransport()
        started = time.monotonic()
        async with world.client(world.transport(inner), timeout=5) as client:
            response = await client.get(server.url)
        assert response.status_code == 200
        assert time.monotonic() - started < 2


class TestMissingLayers:
    @pytest.mark.parametrize(
        ("name", "value", "layer"),
        [
            ("deadline", 0.1, "DeadlineTransport"),
            ("hedge", True, "HedgingTransport"),
            ("failover", False, "FailoverTransport"),
            ("retry", {"budget": False}, "RetryingTransport"),
        ],
    )
    async def test_an_extension_for_a_layer_that_is_not_there_is_told_once(
        self, world: World, name: str, value: object, layer: str
    ) -> None:
        transport = world.ours.CircuitBreakingTransport(always(world, 200))
        async with world.client(transport) as client:
            told = f'extensions\\["{name}"\\] has no effect: there is no {layer} '
            with pytest.warns(RuntimeWarning, match=told):
                await client.get(A, extensions={name: value})
            await client.get(A, extensions={name: value})  # a warning would be an error

    @pytest.mark.parametrize("behind", [None, [0], {"all://": 0}], ids=repr)
    async def test_nothing_is_told_if_the_layer_is_behind_one_of_another_make(
        self, world: World, behind: Any
    ) -> None:
        layer = world.ours.DeadlineTransport(always(world, 200))
        foreign = rebuilding(world, always(world, 200))
        if isinstance(behind, list):
            foreign.routes = [layer]
        elif behind:
            foreign.routes = {"all://": layer}
        else:
            foreign.other = layer
        async with world.client(world.transport(foreign)) as client:
            await client.get(A, extensions={"deadline": 5})

    async def test_nothing_is_told_of_a_value_of_another_library(
        self, world: World
    ) -> None:
        """httpx-retries puts its `Retry` there."""
        transport = world.ours.CircuitBreakingTransport(always(world, 200))
        async with world.client(transport) as client:
            await client.get(A, extensions={"retry": object()})


class TestCurrentAttempt:
    async def test_tells_number_deadline_and_last_failure(self, world: World) -> None:
        seen: list[Any] = []
        statuses = iter([503, 429, 200])

        def handle(request: Any) -> Any:
            seen.append(current_attempt(request))
            return world.library.Response(next(statuses))

        stack = world.transport(rebuilding(world, world.mock(handle)))
        async with world.client(world.ours.DeadlineTransport(stack, 5)) as client:
            await client.get(A)
        assert [each.number for each in seen] == [1, 2, 3]
        assert [each.last_failure for each in seen] == ["", "503", "429"]
        assert all(4 < each.deadline_left <= 5 for each in seen)

    async def test_of_a_request_without_layers_is_the_first(self, world: World) -> None:
        request = world.library.Request("GET", A)
        assert current_attempt(request) == (1, None, "")

    async def test_of_a_lifted_deadline_is_none(self, world: World) -> None:
        requests: list[Any] = []

        def handle(request: Any) -> Any:
            requests.append(request)
            return world.library.Response(200)

        inner = world.mock(handle)
        transport = world.ours.DeadlineTransport(inner, 5, body=False)
        async with world.client(transport) as client:
            await client.get(A)
        assert current_attempt(requests[0]).deadline_left is None

    async def test_counts_in_a_retry_inside_of_another_from_1(
        self, world: World
    ) -> None:
        seen: list[int] = []

        def handle(request: Any) -> Any:
            seen.append(current_attempt(request).number)
            return world.library.Response(503)

        inner = world.transport(world.mock(handle), **TWICE)
        outer = world.transport(inner, retry=ON_503, **TWICE)
        async with world.client(outer) as client:
            response = await client.get(A)
        assert seen == [1, 2, 1, 2]
        assert [each.number for each in attempts_of(response)] == [1, 1, 2, 2]

    @in_async
    async def test_of_a_hedge_is_that_of_the_request(self, world: World) -> None:
        seen: list[int] = []

        async def handle(request: Any) -> Any:
            seen.append(current_attempt(request).number)
            await anyio.sleep(0.05 if len(seen) < 4 else 0)
            return world.library.Response(503 if len(seen) < 3 else 200)

        policy = HedgePolicy(0.01)
        inner = world.ours.HedgingTransport(world.mock(handle), policy)
        async with world.client(world.transport(inner)) as client:
            response = await client.get(A)
        assert seen == [1, 1, 2, 2]
        attempts = attempts_of(response)
        assert [each.number for each in attempts] == [1, 1, 2, 2]
        for one, other in (attempts[:2], attempts[2:]):
            first, hedge = (other, one) if one.hedge else (one, other)
            assert hedge.hedge
            assert hedge.at >= first.at + 0.009
            assert hedge.duration < first.duration + 0.05

    async def test_does_not_write_to_the_callers_request(self, world: World) -> None:
        stack = world.ours.DeadlineTransport(world.transport(in_turn(world, 503, 200)))
        async with world.client(stack) as client:
            request = client.build_request("GET", A, extensions={"deadline": 5})
            before = dict(request.extensions)
            await client.send(request)
        assert request.extensions == before


class TestAttemptsOfAHook:
    async def test_are_a_sequence(self, world: World) -> None:
        seen: list[Any] = []
        transport = world.transport(
            always(world, 503), before_sleep=lambda state: seen.append(state.attempts)
        )
        async with world.client(transport) as client:
            attempts = attempts_of(await client.get(A))
        one, two = seen
        assert len(one) == 1
        assert [each.outcome for each in two] == [503, 503]
        assert two[0] == one[0]
        assert two[-1].number == 2
        assert two[:] == tuple(two) == two
        assert two != attempts
        assert two != 2
        assert repr(one) == repr((one[0],))
        with pytest.raises(IndexError):
            two[2]

    async def test_of_a_failover_inside_have_each_origin(self, world: World) -> None:
        seen: list[Any] = []
        transport = world.transport(
            failing_over(world, always(world, 503)),
            before_sleep=lambda state: seen.append(state.attempts),
            **TWICE,
        )
        async with world.client(transport) as client:
            await client.get(A)
        (attempts,) = seen
        assert len(attempts) == 2
        assert [each.origin for each in attempts] == [A, B]
        assert attempts[1].origin == B

    async def test_of_tenacity_have_a_request_as_their_argument(
        self, world: World
    ) -> None:
        seen: list[Any] = []
        transport = world.transport(
            always(world, 503),
            before_sleep=lambda state: seen.append((state.args, state.kwargs)),
            **TWICE,
        )
        async with world.client(transport) as client:
            await client.get(A)
        (((request,), named),) = seen
        assert (request.method, named) == ("GET", {})


class TestEndlessRetries:
    COUNT = 100_000

    def test_have_short_notes_and_hooks_that_cost_the_same_each_time(self) -> None:
        seen: list[int] = []
        given: list[GaveUp] = []

        def look(state: Any) -> None:
            assert state.attempts[-1].number == state.attempt_number
            seen.append(len(state.attempts))

        def listen(event: object) -> None:
            if isinstance(event, GaveUp):
                given.append(event)

        transport = RetryingTransport(
            None,
            wait=tenacity.wait_none(),
            stop=tenacity.stop_after_attempt(self.COUNT),
            budget=False,
            before_sleep=look,
            on_event=listen,
        )
        io = FakeIO(*[httpx.ConnectError("refused")] * self.COUNT)
        io.script.reverse()  # `pop(0)` of a list takes as long as the list
        io.script = _Popping(io.script)  # type: ignore[assignment]  # a faster list
        started = time.process_time()
        with pytest.raises(httpx.ConnectError) as caught:
            run_flow(transport, httpx.Request("GET", A), io)
        assert seen == list(range(1, self.COUNT))
        assert len(str(given[0])) < 400
        assert max(map(len, caught.value.__notes__)) < 400
        assert "99,990 more" in str(given[0])
        assert time.process_time() - started < 60


class _Popping(list[Any]):
    """A list whose first element is its last one."""

    def __getitem__(self, index: Any) -> Any:
        return super().__getitem__(-1 if index == 0 else index)

    def pop(self, index: Any = 0) -> Any:
        return super().pop()


class TestSums:
    @settings(deadline=None, max_examples=60)
    @given(
        takes=st.lists(st.floats(0, 2), min_size=1, max_size=4),
        waits=st.floats(0, 2),
        cut=st.floats(0.01, 8),
    )
    def test_durations_and_waits_never_exceed_the_time_that_has_passed(
        self, takes: list[float], waits: float, cut: float
    ) -> None:
        """Of a request that a deadline cuts off at any moment."""
        takes, began = takes * 4, 0.0

        class Cut(BaseException):
            pass

        class IO(FakeIO):
            def pass_time(self, seconds: float) -> None:
                if self.time + seconds >= cut:
                    self.time = cut
                    raise Cut
                self.time += seconds

            async def send(self, request: Any, context: Any = None) -> Any:
                self.pass_time(takes[len(self.sent)])
                return await super().send(request, context)

            async def sleep(self, seconds: float) -> None:
                self.pass_time(seconds)

        io = IO(*[503] * 4)
        transport = RetryingTransport(
            None,
            wait=tenacity.wait_fixed(waits),
            stop=tenacity.stop_after_attempt(4),
            budget=False,
        )
        context = transport._enter(httpx.Request("GET", A), io)
        flow = transport._handle(context.request, io, context)  # type: ignore[arg-type]  # a scripted IO
        with contextlib.suppress(Cut, StopIteration):
            flow.send(None)
        told = sum(record[3] + record[4] for record in context.attempts)
        assert told <= io.time - began + 1e-9


async def test_a_listener_of_an_inner_layer_is_awaited_by_the_outermost(
    world: World,
) -> None:
    if world.sync:
        return  # an asynchronous listener is refused there
    heard: list[str] = []

    async def listen(event: object) -> None:
        await anyio.lowlevel.checkpoint()
        heard.append(type(event).__name__)

    inner = world.transport(in_turn(world, 503, 200), on_event=listen)
    outer = world.ours.DeadlineTransport(world.ours.CircuitBreakingTransport(inner), 5)
    async with world.client(outer) as client:
        await client.get(A)
        assert heard == [
            "AttemptStarted",
            "AttemptEnded",
            "RetryScheduled",
            "AttemptStarted",
            "AttemptEnded",
        ]
