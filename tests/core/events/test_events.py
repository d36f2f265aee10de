"""Events: the listener that receives them, and the log."""

from __future__ import annotations

import logging
from contextlib import suppress
from contextvars import ContextVar
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import pytest
import structlog
import tenacity
from support.gates import Gate, until
from support.server import Server, close, reply, stall
from support.world import World

from httpx_resilient import (
    AdaptiveThrottle,
    CircuitBreaker,
    ConcurrencyLimit,
    HedgePolicy,
    RateLimit,
    RetryBudget,
    RetryingTransport,
    events,
)
from httpx_resilient._core.events.emitter import EventEmitter

pytestmark = pytest.mark.anyio

URL = "https://user:hunter2@example.org/path?token=hunter2"


class Recorder(list[Any]):
    """
    A listener that records the events of layers.

    That of a new circuit is tested in `tests/layers/circuit_breaker/test_events.py`.
    """

    def __call__(self, event: events.Event) -> Any:
        if not isinstance(event, events.CircuitCreated):
            self.append(event)

    @property
    def names(self) -> list[str]:
        return [type(event).__name__ for event in self]

    def __getitem__(self, kind: Any) -> Any:
        """Return the first event of a class."""
        return next(event for event in self if isinstance(event, kind))


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


def answering(world: World, *script: Any) -> Any:
    outcomes = list(script)

    def handler(request: Any) -> Any:
        outcome = outcomes.pop(0) if len(outcomes) > 1 else outcomes[0]
        if isinstance(outcome, int):
            return world.library.Response(outcome)
        raise outcome

    return world.mock(handler)


class TestRetrying:
    async def test_each_attempt_and_each_retry_emits_events(
        self, world: World, recorder: Recorder
    ) -> None:
        inner = answering(world, 503, world.library.ReadTimeout("slow"), 200)
        async with world.client(world.transport(inner, on_event=recorder)) as client:
            await client.get(URL)
        assert recorder.names == [
            "AttemptStarted", "AttemptEnded", "RetryScheduled",
            "AttemptStarted", "AttemptEnded", "RetryScheduled",
            "AttemptStarted", "AttemptEnded",
        ]  # fmt: skip
        ended = [each for each in recorder if isinstance(each, events.AttemptEnded)]
        assert [each.attempt for each in ended] == [1, 2, 3]
        assert [each.outcome for each in ended] == [
            503,
            world.library.ReadTimeout,
            200,
        ]
        assert [
            each.reason for each in recorder if isinstance(each, events.RetryScheduled)
        ] == [
            "503",
            "ReadTimeout",
        ]

    async def test_all_events_of_a_request_have_the_request_of_the_caller(
        self, world: World, recorder: Recorder
    ) -> None:
        inner = answering(world, 503, 200)
        async with world.client(world.transport(inner, on_event=recorder)) as client:
            response = await client.put(URL, content=b"body")
        assert {id(each.request) for each in recorder} == {id(response.request)}

    async def test_the_last_failed_attempt_emits_gave_up(
        self, world: World, recorder: Recorder
    ) -> None:
        async with world.client(
            world.transport(answering(world, 503), on_event=recorder)
        ) as client:
            await client.get(URL)
        last = recorder.pop()
        assert isinstance(last, events.GaveUp)
        assert (last.attempt, last.reason, len(last.attempts)) == (3, "503", 3)
        assert last.origin == "https://example.org"

    async def test_a_failure_that_is_not_retryable_does_not_emit_gave_up(
        self, world: World, recorder: Recorder
    ) -> None:
        transport = world.transport(answering(world, 404), on_event=recorder)
        async with world.client(transport) as client:
            await client.get(URL)
        assert recorder.names == ["AttemptStarted", "AttemptEnded"]

    async def test_a_spent_budget_emits_budget_refused(
        self, world: World, recorder: Recorder
    ) -> None:
        transport = world.transport(
            answering(world, 503),
            budget=RetryBudget(most=1, grace=0),
            on_event=recorder,
            stop=tenacity.stop_after_attempt(3),
        )
        async with world.client(transport) as client:
            await client.get(URL)
        assert recorder.names[-2:] == ["BudgetRefused", "GaveUp"]

    async def test_with_retries_disabled_the_attempt_emits_its_events(
        self, world: World, recorder: Recorder
    ) -> None:
        transport = world.transport(answering(world, 503), on_event=recorder)
        async with world.client(transport) as client:
            await client.get(URL, extensions={"retry": False})
        assert recorder.names == ["AttemptStarted", "AttemptEnded"]

    @pytest.mark.parametrize("runtime", ["asyncio", "trio"])
    async def test_a_cancelled_attempt_emits_attempt_ended_without_an_outcome(
        self, world: World, recorder: Recorder
    ) -> None:
        async def handler(_: Any) -> None:
            await anyio.sleep_forever()

        transport = world.transport(world.mock(handler), on_event=recorder)
        async with world.client(transport) as client:
            with anyio.move_on_after(0.01):
                await client.get(URL)
        assert recorder.names == ["AttemptStarted", "AttemptEnded"]
        last = recorder.pop()
        assert last.outcome is None
        assert "ended with cancelled" in str(last)


class TestLayers:
    async def test_a_circuit_emits_an_event_when_it_opens_refuses_half_opens_and_closes(
        self, world: World, recorder: Recorder, virtual_time: Any
    ) -> None:
        breaker = CircuitBreaker(minimum_calls=1, open_for=20, window=600)
        layer = world.ours.CircuitBreakingTransport(
            answering(world, 500, 200), breaker, on_event=recorder
        )
        async with world.client(layer) as client:
            await client.get(URL)
            with pytest.raises(world.ours.CircuitOpen):
                await client.get(URL)
            virtual_time.advance(30)
            await client.get(URL)
        assert recorder.names == [
            "CircuitOpened",
            "CircuitRefused",
            "CircuitHalfOpened",
            "CircuitClosed",
        ]
        assert 10 < recorder[events.CircuitRefused].retry_after < 30
        assert {each.origin for each in recorder} == {"https://example.org"}

    async def test_a_throttle_that_rejects_a_request_emits_throttled(
        self, world: World, recorder: Recorder
    ) -> None:
        throttle = AdaptiveThrottle(k=1, max_rejection=0.99)
        layer = world.ours.ThrottlingTransport(
            answering(world, 503), throttle, on_event=recorder
        )
        async with world.client(layer) as client:
            with suppress(world.ours.RequestThrottled):
                while True:
                    await client.get(URL)
        (event,) = recorder
        assert 0 < event.share < 1

    async def test_waiting_for_a_rate_limit_emits_rate_limited_and_admitted(
        self, world: World, recorder: Recorder, virtual_time: Any
    ) -> None:
        layer = world.ours.RateLimitingTransport(
            answering(world, 200), RateLimit(1, per=10), on_event=recorder
        )
        async with world.client(layer) as client:
            await client.get(URL)
            await client.get(URL)
        limited, admitted = recorder
        assert (limited.wait, limited.refused) == (pytest.approx(10), False)
        assert (admitted.limit, admitted.waited) == ("rate", pytest.approx(10))

    async def test_a_refusal_by_a_rate_limit_emits_rate_limited(
        self, world: World, recorder: Recorder
    ) -> None:
        limit = RateLimit(1, per=60, max_wait=1)
        layer = world.ours.RateLimitingTransport(
            answering(world, 200), limit, on_event=recorder
        )
        async with world.client(layer) as client:
            await client.get(URL)
            with pytest.raises(world.ours.RateLimitExceeded):
                await client.get(URL)
        (event,) = recorder
        assert event.refused
        assert event.wait == pytest.approx(60, abs=5)

    async def test_a_retry_after_header_emits_paused_by_server(
        self, world: World, recorder: Recorder
    ) -> None:
        def handler(_: Any) -> Any:
            return world.library.Response(429, headers={"retry-after": "30"})

        layer = world.ours.RateLimitingTransport(world.mock(handler), on_event=recorder)
        async with world.client(layer) as client:
            await client.get(URL)
        assert [str(event) for event in recorder] == [
            "https://example.org asked clients to pause for 30.0 s"
        ]

    async def test_waiting_for_a_permit_emits_queued_and_admitted(
        self, world: World, server: Server, recorder: Recorder
    ) -> None:
        layer = world.ours.ConcurrencyLimitingTransport(
            None, ConcurrencyLimit(1), on_event=recorder
        )
        await self.make_one_wait(world, server, layer, recorder)
        assert (
            recorder[events.Queued].limit
            == recorder[events.Admitted].limit
            == "concurrency"
        )
        assert recorder[events.Queued].waiting == 1

    async def test_waiting_for_a_connection_emits_queued_and_admitted(
        self, world: World, server: Server, recorder: Recorder
    ) -> None:
        limits = world.library.Limits(max_connections=1)
        pool = world.ours.PoolingTransport(limits=limits, on_event=recorder)
        await self.make_one_wait(world, server, pool, recorder)
        assert sorted(recorder.names) == [
            "Admitted",
            "ConnectionOpened",
            "ConnectionReused",
            "Queued",
        ]
        assert recorder[events.Admitted].waited > 0

    async def make_one_wait(
        self, world: World, server: Server, layer: Any, recorder: Recorder
    ) -> None:
        """Send two requests, so that the second waits for the first."""
        gate = Gate()
        server.play(gate)
        async with world.client(layer) as client:

            async def get() -> None:
                await client.get(server.url)

            async def let() -> None:
                await until(world, lambda: "Queued" in recorder.names)
                gate.let(2)

            await world.together(get, get, let)

    async def test_a_connection_that_fails_emits_connection_retired(
        self, world: World, server: Server, recorder: Recorder
    ) -> None:
        server.play(close())
        async with world.client(
            world.ours.PoolingTransport(on_event=recorder)
        ) as client:
            with pytest.raises(world.library.RemoteProtocolError):
                await client.post(server.url)
        assert [str(event) for event in recorder] == [
            f"a connection to {server.url.rstrip('/')} is retired"
        ]

    async def test_a_connection_closed_while_idle_emits_connection_retired(
        self, world: World, server: Server, recorder: Recorder
    ) -> None:
        server.play(reply(200), close(), reply(200))
        async with world.client(
            world.ours.PoolingTransport(on_event=recorder)
        ) as client:
            await client.get(server.url)
            with pytest.raises(world.library.RemoteProtocolError):
                await client.get(server.url)
            await client.get(server.url)
        assert recorder.names == [
            "ConnectionOpened",
            "ConnectionRetired",
            "ConnectionOpened",
        ]

    @pytest.mark.parametrize("runtime", ["asyncio", "trio"])
    @pytest.mark.parametrize(("slow", "name"), [(0, "HedgeWon"), (1, "HedgeLost")])
    async def test_a_hedge_emits_hedge_sent_and_its_result(
        self, world: World, recorder: Recorder, slow: int, name: str
    ) -> None:
        sent = 0

        async def handler(_: Any) -> Any:
            nonlocal sent
            sent += 1
            await anyio.sleep(10 if sent == 1 + slow else 0.05)
            return world.library.Response(200)

        layer = world.ours.HedgingTransport(
            world.mock(handler), HedgePolicy(0.01), on_event=recorder
        )
        async with world.client(layer) as client:
            await client.get(URL)
        assert recorder.names == ["HedgeSent", name]

    @pytest.mark.parametrize("runtime", ["asyncio", "trio"])
    async def test_a_hedge_without_budget_emits_budget_refused(
        self, world: World, recorder: Recorder
    ) -> None:
        async def handler(_: Any) -> Any:
            await anyio.sleep(0.05)
            return world.library.Response(200)

        budget = RetryBudget(most=1)
        assert budget.spend(httpx.URL("https://example.org"), 0)
        layer = world.ours.HedgingTransport(
            world.mock(handler), HedgePolicy(0.01), budget=budget, on_event=recorder
        )
        async with world.client(layer) as client:
            await client.get(URL)
        assert recorder.names == ["BudgetRefused"]

    async def test_a_failover_emits_origin_down_and_failed_over(
        self, world: World, recorder: Recorder
    ) -> None:
        layer = world.ours.FailoverTransport(
            answering(world, 503, 200),
            ["https://example.org", "https://b.test"],
            on_event=recorder,
        )
        async with world.client(layer) as client:
            await client.get(URL)
        assert [str(event) for event in recorder] == [
            "https://example.org is down: 503",
            "GET https://example.org/path: failed over from https://example.org (503) to https://b.test",
        ]

    async def test_headers_after_the_deadline_emit_deadline_cut(
        self, world: World, server: Server, recorder: Recorder
    ) -> None:
        server.play(stall())
        layer = world.ours.DeadlineTransport(None, 0.05, on_event=recorder)
        async with world.client(layer) as client:
            with pytest.raises(world.ours.DeadlineExceeded):
                await client.get(server.url)
        assert (
            recorder[events.DeadlineCut].awaited,
            recorder[events.DeadlineCut].total,
        ) == (
            "headers",
            0.05,
        )

    async def test_all_layers_of_the_standard_stack_share_a_listener(
        self, world: World, server: Server, recorder: Recorder
    ) -> None:
        server.play(reply(500))
        transport = world.ours.standard_transport(
            on_event=recorder,
            breaker=CircuitBreaker(minimum_calls=1),
            retry={"wait": tenacity.wait_none()},
        )
        async with world.client(transport) as client:
            assert (await client.get(server.url)).status_code == 500
        assert recorder.names == [
            "AttemptStarted", "ConnectionOpened", "CircuitOpened", "AttemptEnded",
            "RetryScheduled", "AttemptStarted", "CircuitRefused", "AttemptEnded",
            "GaveUp",
        ]  # fmt: skip


class TestAsynchronousListener:
    """An asynchronous listener is awaited before the outcome is returned."""

    pytestmark = pytest.mark.parametrize("runtime", ["asyncio", "trio"])

    class AsyncRecorder(Recorder):
        """The same, asynchronous."""

        async def __call__(self, event: events.Event) -> None:
            await anyio.lowlevel.checkpoint()
            super().__call__(event)

    @pytest.mark.parametrize("last", [200, "error"])
    async def test_is_awaited_before_the_response_or_the_error(
        self, world: World, last: int | str
    ) -> None:
        recorder = self.AsyncRecorder()
        outcome = last if last == 200 else world.library.LocalProtocolError("none")
        transport = world.transport(answering(world, 503, outcome), on_event=recorder)
        async with world.client(transport) as client:
            with suppress(world.library.LocalProtocolError):
                await client.get(URL)
            assert len(recorder) == 5

    async def test_is_awaited_before_the_next_attempt(self, world: World) -> None:
        recorder = self.AsyncRecorder()

        def handler(_: Any) -> Any:
            seen.append(len(recorder))
            return world.library.Response(503)

        seen: list[int] = []
        transport = world.transport(
            world.mock(handler), on_event=recorder, wait=tenacity.wait_fixed(0.001)
        )
        async with world.client(transport) as client:
            await client.get(URL)
        assert seen == [0, 3, 6]

    @pytest.mark.parametrize("closed", ["transport", "client"])
    async def test_is_awaited_for_events_of_a_body_when_client_or_transport_is_closed(
        self, world: World, server: Server, closed: str
    ) -> None:
        server.play(reply(200, b"body"))
        recorder = self.AsyncRecorder()
        breaker = CircuitBreaker(minimum_calls=1, slow_after=1e-9)
        layer = world.ours.CircuitBreakingTransport(None, breaker, on_event=recorder)
        async with world.client(layer) as client:
            await client.get(server.url)
            assert recorder.names == ["ConnectionOpened"]
            await (layer if closed == "transport" else client).aclose()
            assert recorder.names == ["ConnectionOpened", "CircuitOpened"]

    async def test_that_is_cancelled_releases_the_response(
        self, world: World, server: Server
    ) -> None:
        async def never(event: events.Event) -> None:
            if isinstance(event, events.ConnectionOpened):
                await anyio.sleep_forever()

        server.play(reply(200, b"body"))
        layer = world.ours.PoolingTransport(on_event=never)
        async with world.client(layer) as client:
            with anyio.move_on_after(0.1) as scope:
                await client.get(server.url)
        assert scope.cancelled_caught
        assert layer.stats().active == 0

    async def test_is_awaited_by_the_request_that_emitted_the_event(
        self, world: World
    ) -> None:
        """It does so in its own context, even if another request is cancelled."""
        own: ContextVar[str] = ContextVar("own")
        recorder: list[tuple[str, str]] = []

        async def listen(event: events.Event) -> None:
            await anyio.sleep(0.02)
            assert isinstance(event, events.RequestEvent)
            recorder.append((event.url[-1], own.get()))

        transport = world.transport(answering(world, 200), on_event=listen)
        async with world.client(transport) as client:

            async def get(name: str, patience: float) -> None:
                own.set(name)
                with anyio.move_on_after(patience):
                    await client.get(f"https://example.org/{name}")

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(get, "a", 1)
                tasks.start_soon(get, "b", 0.01)
                tasks.start_soon(get, "c", 1)
            served = sorted(each for each in recorder if each[0] != "b")
            assert served == [("a", "a")] * 2 + [("c", "c")] * 2

    async def test_is_awaited_later_for_events_of_a_cancelled_request(
        self, world: World
    ) -> None:
        async def handler(_: Any) -> None:
            await anyio.sleep_forever()

        recorder = self.AsyncRecorder()
        transport = world.transport(world.mock(handler), on_event=recorder)
        async with world.client(transport) as client:
            with anyio.move_on_after(0.01):
                await client.get(URL)
        assert recorder.names == ["AttemptStarted", "AttemptEnded"]

    async def test_is_awaited_for_events_of_a_task_that_outlives_its_request(
        self, world: World, server: Server
    ) -> None:
        """A background task may read a body after the end of its request."""
        server.play(reply(200, b"body"))
        recorder, over = self.AsyncRecorder(), anyio.Event()
        breaker = CircuitBreaker(minimum_calls=1, slow_after=1e-9)
        layer = world.ours.CircuitBreakingTransport(None, breaker, on_event=recorder)
        async with world.client(layer) as client, anyio.create_task_group() as tasks:

            async def read_later() -> None:
                async with client.stream("GET", server.url) as response:
                    await over.wait()
                    await response.aread()

            async def handler(_: Any) -> Any:
                tasks.start_soon(read_later)
                return world.library.Response(200)

            outer = world.transport(world.mock(handler), on_event=self.AsyncRecorder())
            async with world.client(outer) as another:
                await another.get(URL)
            over.set()
        assert recorder.names == ["ConnectionOpened", "CircuitOpened"]

    async def test_that_raises_is_logged_and_fails_no_request(
        self, world: World, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def broken(_: events.Event) -> None:
            msg = "broken"
            raise LookupError(msg)

        transport = world.transport(answering(world, 200), on_event=broken)
        async with world.client(transport) as client:
            assert (await client.get(URL)).status_code == 200
        # Of two events: one record a minute, so that a broken listener floods no log.
        assert [record.levelname for record in caplog.records] == ["ERROR"]


@pytest.mark.parametrize("runtime", ["sync"])
async def test_an_asynchronous_listener_is_rejected_by_a_synchronous_client(
    world: World,
) -> None:
    async def listen(_: events.Event) -> None:
        """Ignore the event. This is never called."""

    async with world.client(world.transport(on_event=listen)) as client:
        with pytest.raises(TypeError, match="on_event is asynchronous and cannot be"):
            await client.get(URL)


def test_a_listener_that_is_not_callable_is_rejected() -> None:
    with pytest.raises(
        TypeError, match="takes an event, and nothing else, such as print; got 3"
    ):
        RetryingTransport(on_event=3)  # type: ignore[arg-type]  # what is tested


async def test_a_listener_that_raises_is_logged_and_fails_no_request(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: events.Event) -> None:
        msg = "broken"
        raise LookupError(msg)

    transport = world.transport(answering(world, 503, 200), on_event=broken)
    async with world.client(transport) as client:
        assert (await client.get(URL)).status_code == 200
    assert {record.getMessage() for record in caplog.records} == {
        "on_event raised an exception; the request goes on"
    }
    assert all(record.exc_info for record in caplog.records)


class TestEmitting:
    def test_makes_no_event_without_a_listener_and_a_log_level(self) -> None:
        def never(*_: Any) -> Any:
            pytest.fail("an event was made")

        never.logged, never.level = True, logging.DEBUG  # type: ignore[attr-defined]  # attributes of an event class
        EventEmitter()(None, never, 1)

    def test_does_not_log_events_of_every_request(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG, "httpx_resilient")
        EventEmitter()(None, events.AttemptStarted, httpx.Request("GET", URL), 1)
        assert caplog.records == []

    def test_logs_a_record_with_the_fields_of_the_event(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO, "httpx_resilient")
        request = httpx.Request("GET", URL)
        EventEmitter()(None, events.RetryScheduled, request, 1, "503", wait=0.5)
        (record,) = caplog.records
        expected = {
            "kind": "RetryScheduled",
            "method": "GET",
            "url": "https://example.org/path",
            "attempt": 1,
            "reason": "503",
            "wait": 0.5,
        }
        assert expected.items() <= vars(record).items()

    def test_logs_the_fields_of_the_event_with_structlog(self) -> None:
        formatter = structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder()],
            processor=structlog.processors.JSONRenderer(sort_keys=True),
        )
        shown: list[str] = []
        handler = logging.Handler()
        handler.emit = lambda record: shown.append(formatter.format(record))  # type: ignore[method-assign]  # a stub
        logger = logging.getLogger("httpx_resilient")
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        try:
            request = httpx.Request("GET", URL)
            EventEmitter()(None, events.RetryScheduled, request, 1, "503", 0.5)
        finally:
            logger.removeHandler(handler)
            logger.setLevel(logging.NOTSET)
        (line,) = shown
        assert line == (
            '{"attempt": 1, "event": "GET https://example.org/path: 503; next attempt '
            'in 0.50 s", "kind": "RetryScheduled", "method": "GET", "reason": "503", '
            '"url": "https://example.org/path", "wait": 0.5}'
        )

    def test_no_field_of_an_event_collides_with_one_of_a_log_record(self) -> None:
        record = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "event"}
        request = httpx.Request("GET", URL)
        started = events.AttemptStarted(request, 1)
        for name in events.__all__:
            kind = getattr(events, name)
            fields = getattr(kind, "__dataclass_fields__", {})
            assert not record & (set(fields) | set(started.fields()))

    def test_the_fields_of_an_ended_attempt_have_its_outcome(self) -> None:
        request = httpx.Request("GET", URL)
        ended = events.AttemptEnded(request, 1, 0.5, response=httpx.Response(200))
        assert ended.fields()["outcome"] == 200
        failed = events.AttemptEnded(request, 1, 0.5, error=httpx.ReadTimeout(""))
        assert failed.fields()["outcome"] == "ReadTimeout"

    def test_the_repr_of_an_event_has_no_secrets(self) -> None:
        event = events.RetryScheduled(httpx.Request("GET", URL), 1, "503", 0.5)
        assert repr(event) == "RetryScheduled(attempt=1, reason='503', wait=0.5)"
