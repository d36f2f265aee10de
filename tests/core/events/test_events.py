"""What is told while it happens: to `on_event`, and to the log."""

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
)
from httpx_resilient import events as told
from httpx_resilient._core.events.emitter import EventEmitter
from httpx_resilient._pool.leases import Leases
from httpx_resilient._pool.slots import Origin, Slot
from httpx_resilient._pool.state import Pool

pytestmark = pytest.mark.anyio

URL = "https://user:hunter2@example.org/path?token=hunter2"


class Ear(list[Any]):
    """Hears of all events."""

    def __call__(self, event: told.Event) -> None:
        self.append(event)

    @property
    def names(self) -> list[str]:
        return [type(event).__name__ for event in self]

    def __getitem__(self, kind: Any) -> Any:
        """The first of a kind."""
        return next(event for event in self if isinstance(event, kind))


@pytest.fixture
def ear() -> Ear:
    return Ear()


def answering(world: World, *script: Any) -> Any:
    outcomes = list(script)

    def handler(request: Any) -> Any:
        outcome = outcomes.pop(0) if len(outcomes) > 1 else outcomes[0]
        if isinstance(outcome, int):
            return world.library.Response(outcome)
        raise outcome

    return world.mock(handler)


class TestRetrying:
    async def test_each_attempt_and_each_retry(self, world: World, ear: Ear) -> None:
        inner = answering(world, 503, world.library.ReadTimeout("slow"), 200)
        async with world.client(world.transport(inner, on_event=ear)) as client:
            await client.get(URL)
        assert ear.names == [
            "AttemptStarted", "AttemptEnded", "RetryScheduled",
            "AttemptStarted", "AttemptEnded", "RetryScheduled",
            "AttemptStarted", "AttemptEnded",
        ]  # fmt: skip
        ended = [each for each in ear if isinstance(each, told.AttemptEnded)]
        assert [each.attempt for each in ended] == [1, 2, 3]
        assert [each.outcome for each in ended] == [
            503,
            world.library.ReadTimeout,
            200,
        ]
        assert [
            each.reason for each in ear if isinstance(each, told.RetryScheduled)
        ] == [
            "503",
            "ReadTimeout",
        ]

    async def test_all_of_a_request_have_the_same_request(
        self, world: World, ear: Ear
    ) -> None:
        inner = answering(world, 503, 200)
        async with world.client(world.transport(inner, on_event=ear)) as client:
            response = await client.put(URL, content=b"body")
        assert {id(each.request) for each in ear} == {id(response.request)}

    async def test_that_it_gives_up(self, world: World, ear: Ear) -> None:
        async with world.client(
            world.transport(answering(world, 503), on_event=ear)
        ) as client:
            await client.get(URL)
        last = ear.pop()
        assert isinstance(last, told.GaveUp)
        assert (last.attempt, last.reason, len(last.attempts)) == (3, "503", 3)
        assert last.origin == "https://example.org"

    async def test_a_failure_that_is_not_worth_a_retry_is_no_giving_up(
        self, world: World, ear: Ear
    ) -> None:
        transport = world.transport(answering(world, 404), on_event=ear)
        async with world.client(transport) as client:
            await client.get(URL)
        assert ear.names == ["AttemptStarted", "AttemptEnded"]

    async def test_that_the_budget_is_spent(self, world: World, ear: Ear) -> None:
        transport = world.transport(
            answering(world, 503),
            budget=RetryBudget(most=1),
            on_event=ear,
            stop=tenacity.stop_after_attempt(3),
        )
        async with world.client(transport) as client:
            await client.get(URL)
        assert ear.names[-2:] == ["BudgetRefused", "GaveUp"]

    async def test_without_retries_there_is_one_attempt(
        self, world: World, ear: Ear
    ) -> None:
        transport = world.transport(answering(world, 503), on_event=ear)
        async with world.client(transport) as client:
            await client.get(URL, extensions={"retry": False})
        assert ear.names == ["AttemptStarted", "AttemptEnded"]

    @pytest.mark.parametrize("runtime", ["asyncio", "trio"])
    async def test_that_an_attempt_was_cancelled(self, world: World, ear: Ear) -> None:
        async def handler(_: Any) -> None:
            await anyio.sleep_forever()

        transport = world.transport(world.mock(handler), on_event=ear)
        async with world.client(transport) as client:
            with anyio.move_on_after(0.01):
                await client.get(URL)
        assert ear.names == ["AttemptStarted", "AttemptEnded"]
        last = ear.pop()
        assert last.outcome is None
        assert "ended with cancelled" in str(last)


class TestLayers:
    async def test_a_circuit_opens_refuses_half_opens_and_closes(
        self, world: World, ear: Ear, virtual_time: Any
    ) -> None:
        breaker = CircuitBreaker(minimum_calls=1, open_for=20, window=600)
        layer = world.ours.CircuitBreakingTransport(
            answering(world, 500, 200), breaker, on_event=ear
        )
        async with world.client(layer) as client:
            await client.get(URL)
            with pytest.raises(world.ours.CircuitOpen):
                await client.get(URL)
            virtual_time.advance(30)
            await client.get(URL)
        assert ear.names == [
            "CircuitOpened",
            "CircuitRefused",
            "CircuitHalfOpened",
            "CircuitClosed",
        ]
        assert 10 < ear[told.CircuitRefused].retry_after < 30
        assert {each.origin for each in ear} == {"https://example.org"}

    async def test_a_refusal_by_a_throttle(self, world: World, ear: Ear) -> None:
        throttle = AdaptiveThrottle(k=1, max_rejection=0.99)
        layer = world.ours.ThrottlingTransport(
            answering(world, 503), throttle, on_event=ear
        )
        async with world.client(layer) as client:
            with suppress(world.ours.RequestThrottled):
                while True:
                    await client.get(URL)
        (event,) = ear
        assert 0 < event.share < 1

    async def test_waiting_for_a_rate_limit(
        self, world: World, ear: Ear, virtual_time: Any
    ) -> None:
        layer = world.ours.RateLimitingTransport(
            answering(world, 200), RateLimit(1, per=10), on_event=ear
        )
        async with world.client(layer) as client:
            await client.get(URL)
            await client.get(URL)
        limited, admitted = ear
        assert (limited.wait, limited.refused) == (pytest.approx(10), False)
        assert (admitted.limit, admitted.waited) == ("rate", pytest.approx(10))

    async def test_a_wait_that_is_too_long(self, world: World, ear: Ear) -> None:
        limit = RateLimit(1, per=60, max_wait=1)
        layer = world.ours.RateLimitingTransport(
            answering(world, 200), limit, on_event=ear
        )
        async with world.client(layer) as client:
            await client.get(URL)
            with pytest.raises(world.ours.RateLimitExceeded):
                await client.get(URL)
        (event,) = ear
        assert event.refused
        assert event.wait == pytest.approx(60, abs=5)

    async def test_a_pause_that_the_server_wants(self, world: World, ear: Ear) -> None:
        def handler(_: Any) -> Any:
            return world.library.Response(429, headers={"retry-after": "30"})

        layer = world.ours.RateLimitingTransport(world.mock(handler), on_event=ear)
        async with world.client(layer) as client:
            await client.get(URL)
        assert [str(event) for event in ear] == [
            "https://example.org asked clients to pause for 30.0 s"
        ]

    async def test_waiting_for_a_permit(
        self, world: World, server: Server, ear: Ear
    ) -> None:
        layer = world.ours.ConcurrencyLimitingTransport(
            None, ConcurrencyLimit(1), on_event=ear
        )
        await self.queue(world, server, layer, ear)
        assert ear[told.Queued].limit == ear[told.Admitted].limit == "concurrency"
        assert ear[told.Queued].waiting == 1

    async def test_waiting_for_a_connection(
        self, world: World, server: Server, ear: Ear
    ) -> None:
        limits = world.library.Limits(max_connections=1)
        pool = world.ours.PoolingTransport(limits=limits, on_event=ear)
        await self.queue(world, server, pool, ear)
        assert sorted(ear.names) == [
            "Admitted",
            "ConnectionOpened",
            "ConnectionReused",
            "Queued",
        ]
        assert ear[told.Admitted].waited > 0

    async def queue(self, world: World, server: Server, layer: Any, ear: Ear) -> None:
        """Let a second request wait for the first."""
        gate = Gate()
        server.play(gate)
        async with world.client(layer) as client:

            async def get() -> None:
                await client.get(server.url)

            async def let() -> None:
                await until(world, lambda: "Queued" in ear.names)
                gate.let(2)

            await world.together(get, get, let)

    async def test_a_connection_that_is_given_up(
        self, world: World, server: Server, ear: Ear
    ) -> None:
        server.play(close())
        async with world.client(world.ours.PoolingTransport(on_event=ear)) as client:
            with pytest.raises(world.library.RemoteProtocolError):
                await client.post(server.url)
        assert [str(event) for event in ear] == [
            f"a connection to {server.url.rstrip('/')} is retired"
        ]

    async def test_one_that_was_closed_while_idle(
        self, world: World, server: Server, ear: Ear
    ) -> None:
        server.play(reply(200), close(), reply(200))
        async with world.client(world.ours.PoolingTransport(on_event=ear)) as client:
            await client.get(server.url)
            await client.get(server.url)
        assert ear.names == [
            "ConnectionOpened",
            "ConnectionRetired",
            "ConnectionOpened",
        ]

    def test_a_connection_that_is_shared_is_not_retired_for_a_replay(
        self, ear: Ear
    ) -> None:
        leases = Leases(Pool(1, 1, 1, lambda _: True), EventEmitter(ear))
        slot = Slot(Origin(("https", b"example.org", None), multiplexed=True))
        slot.streams = 2
        assert not leases.renew(slot)
        assert ear == []

    @pytest.mark.parametrize("runtime", ["asyncio", "trio"])
    @pytest.mark.parametrize(("slow", "name"), [(0, "HedgeWon"), (1, "HedgeLost")])
    async def test_a_hedge(self, world: World, ear: Ear, slow: int, name: str) -> None:
        sent = 0

        async def handler(_: Any) -> Any:
            nonlocal sent
            sent += 1
            await anyio.sleep(10 if sent == 1 + slow else 0.05)
            return world.library.Response(200)

        layer = world.ours.HedgingTransport(
            world.mock(handler), HedgePolicy(0.01), on_event=ear
        )
        async with world.client(layer) as client:
            await client.get(URL)
        assert ear.names == ["HedgeSent", name]

    @pytest.mark.parametrize("runtime", ["asyncio", "trio"])
    async def test_a_hedge_that_cannot_be_paid(self, world: World, ear: Ear) -> None:
        async def handler(_: Any) -> Any:
            await anyio.sleep(0.05)
            return world.library.Response(200)

        budget = RetryBudget(most=1)
        assert budget.spend(httpx.URL("https://example.org"), 0)
        layer = world.ours.HedgingTransport(
            world.mock(handler), HedgePolicy(0.01), budget=budget, on_event=ear
        )
        async with world.client(layer) as client:
            await client.get(URL)
        assert ear.names == ["BudgetRefused"]

    async def test_a_failover(self, world: World, ear: Ear) -> None:
        layer = world.ours.FailoverTransport(
            answering(world, 503, 200),
            ["https://example.org", "https://b.test"],
            on_event=ear,
        )
        async with world.client(layer) as client:
            await client.get(URL)
        assert [str(event) for event in ear] == [
            "https://example.org is down: 503",
            "GET https://example.org/path: failed over from https://example.org (503) to https://b.test",
        ]

    async def test_headers_that_are_too_late(
        self, world: World, server: Server, ear: Ear
    ) -> None:
        server.play(stall())
        layer = world.ours.DeadlineTransport(None, 0.05, on_event=ear)
        async with world.client(layer) as client:
            with pytest.raises(world.ours.DeadlineExceeded):
                await client.get(server.url)
        assert (ear[told.DeadlineCut].awaited, ear[told.DeadlineCut].total) == (
            "headers",
            0.05,
        )

    async def test_all_of_the_standard_stack(
        self, world: World, server: Server, ear: Ear
    ) -> None:
        server.play(reply(500))
        transport = world.ours.standard_transport(
            on_event=ear,
            breaker=CircuitBreaker(minimum_calls=1),
            retry={"wait": tenacity.wait_none()},
        )
        async with world.client(transport) as client:
            with pytest.raises(world.ours.CircuitOpen):
                await client.get(server.url)
        assert ear.names == [
            "AttemptStarted", "ConnectionOpened", "CircuitOpened", "AttemptEnded",
            "RetryScheduled", "AttemptStarted", "CircuitRefused", "AttemptEnded",
        ]  # fmt: skip


class TestAsynchronousListener:
    """It is awaited before the outcome is handed on."""

    pytestmark = pytest.mark.parametrize("runtime", ["asyncio", "trio"])

    class Ear(Ear):
        async def __call__(self, event: told.Event) -> None:  # type: ignore[override]  # another kind of listener
            await anyio.lowlevel.checkpoint()
            self.append(event)

    @pytest.mark.parametrize("last", [200, "error"])
    async def test_before_the_response_or_the_error(
        self, world: World, last: int | str
    ) -> None:
        heard = self.Ear()
        outcome = last if last == 200 else world.library.PoolTimeout("none")
        transport = world.transport(answering(world, 503, outcome), on_event=heard)
        async with world.client(transport) as client:
            with suppress(world.library.PoolTimeout):
                await client.get(URL)
            assert len(heard) == 5

    async def test_before_the_next_attempt(self, world: World) -> None:
        heard = self.Ear()

        def handler(_: Any) -> Any:
            seen.append(len(heard))
            return world.library.Response(503)

        seen: list[int] = []
        transport = world.transport(
            world.mock(handler), on_event=heard, wait=tenacity.wait_fixed(0.001)
        )
        async with world.client(transport) as client:
            await client.get(URL)
        assert seen == [0, 3, 6]

    @pytest.mark.parametrize("closed", ["transport", "client"])
    async def test_what_a_body_has_caused_is_awaited_when_it_is_closed(
        self, world: World, server: Server, closed: str
    ) -> None:
        server.play(reply(200, b"body"))
        heard = self.Ear()
        breaker = CircuitBreaker(minimum_calls=1, slow_after=1e-9)
        layer = world.ours.CircuitBreakingTransport(None, breaker, on_event=heard)
        async with world.client(layer) as client:
            await client.get(server.url)
            assert heard.names == ["ConnectionOpened"]
            await (layer if closed == "transport" else client).aclose()
            assert heard.names == ["ConnectionOpened", "CircuitOpened"]

    async def test_a_response_is_released_if_it_is_cancelled_meanwhile(
        self, world: World, server: Server
    ) -> None:
        async def never(event: told.Event) -> None:
            if isinstance(event, told.ConnectionOpened):
                await anyio.sleep_forever()

        server.play(reply(200, b"body"))
        layer = world.ours.PoolingTransport(on_event=never)
        async with world.client(layer) as client:
            with anyio.move_on_after(0.1) as scope:
                await client.get(server.url)
        assert scope.cancelled_caught
        assert layer.stats().active == 0

    async def test_each_request_awaits_its_own(self, world: World) -> None:
        """In its own context, and undisturbed by what becomes of another one."""
        mine: ContextVar[str] = ContextVar("mine")
        heard: list[tuple[str, str]] = []

        async def listen(event: told.Event) -> None:
            await anyio.sleep(0.02)
            assert isinstance(event, told.AttemptStarted | told.AttemptEnded)
            heard.append((event.url[-1], mine.get()))

        transport = world.transport(answering(world, 200), on_event=listen)
        async with world.client(transport) as client:

            async def get(name: str, patience: float) -> None:
                mine.set(name)
                with anyio.move_on_after(patience):
                    await client.get(f"https://example.org/{name}")

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(get, "a", 1)
                tasks.start_soon(get, "b", 0.01)
                tasks.start_soon(get, "c", 1)
            served = sorted(each for each in heard if each[0] != "b")
            assert served == [("a", "a")] * 2 + [("c", "c")] * 2

    async def test_what_a_cancelled_request_has_not_awaited_is_awaited_later(
        self, world: World
    ) -> None:
        async def handler(_: Any) -> None:
            await anyio.sleep_forever()

        heard = self.Ear()
        transport = world.transport(world.mock(handler), on_event=heard)
        async with world.client(transport) as client:
            with anyio.move_on_after(0.01):
                await client.get(URL)
        assert heard.names == ["AttemptStarted", "AttemptEnded"]

    async def test_what_a_task_of_a_request_tells_after_it_is_awaited_as_well(
        self, world: World, server: Server
    ) -> None:
        """Such as the end of a body that a background task reads."""
        server.play(reply(200, b"body"))
        heard, over = self.Ear(), anyio.Event()
        breaker = CircuitBreaker(minimum_calls=1, slow_after=1e-9)
        layer = world.ours.CircuitBreakingTransport(None, breaker, on_event=heard)
        async with world.client(layer) as client, anyio.create_task_group() as tasks:

            async def read_later() -> None:
                async with client.stream("GET", server.url) as response:
                    await over.wait()
                    await response.aread()

            async def handler(_: Any) -> Any:
                tasks.start_soon(read_later)
                return world.library.Response(200)

            outer = world.transport(world.mock(handler), on_event=self.Ear())
            async with world.client(outer) as another:
                await another.get(URL)
            over.set()
        assert heard.names == ["ConnectionOpened", "CircuitOpened"]

    async def test_what_it_raises_breaks_no_request(
        self, world: World, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def broken(_: told.Event) -> None:
            msg = "broken"
            raise LookupError(msg)

        transport = world.transport(answering(world, 200), on_event=broken)
        async with world.client(transport) as client:
            assert (await client.get(URL)).status_code == 200
        assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]


@pytest.mark.parametrize("runtime", ["sync"])
async def test_an_asynchronous_listener_is_refused_in_a_synchronous_client(
    world: World,
) -> None:
    async def listen(_: told.Event) -> None:
        """Nobody calls it."""

    async with world.client(world.transport(on_event=listen)) as client:
        with pytest.raises(TypeError, match="on_event is asynchronous and cannot be"):
            await client.get(URL)


def test_a_listener_can_be_called() -> None:
    with pytest.raises(TypeError, match="that takes an event, such as print; got 3"):
        RetryingTransport(on_event=3)  # type: ignore[arg-type]  # what is tested


async def test_what_a_listener_raises_is_logged_and_breaks_no_request(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: told.Event) -> None:
        msg = "broken"
        raise LookupError(msg)

    transport = world.transport(answering(world, 503, 200), on_event=broken)
    async with world.client(transport) as client:
        assert (await client.get(URL)).status_code == 200
    assert {record.getMessage() for record in caplog.records} == {
        "on_event raised an exception; the request goes on"
    }
    assert all(record.exc_info for record in caplog.records)


class TestTelling:
    def test_nothing_is_made_that_nobody_wants_to_hear(self) -> None:
        def never(*_: Any) -> Any:
            pytest.fail("an event was made")

        never.logged, never.level = True, logging.DEBUG  # type: ignore[attr-defined]  # as an event
        EventEmitter()(never, 1)

    def test_not_logged_is_what_happens_with_every_request(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG, "httpx_resilient")
        EventEmitter()(told.AttemptStarted, httpx.Request("GET", URL), 1)
        assert caplog.records == []

    def test_a_record_has_the_fields_of_the_event(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO, "httpx_resilient")
        request = httpx.Request("GET", URL)
        EventEmitter()(told.RetryScheduled, request, 1, "503", wait=0.5)
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

    def test_so_has_one_of_structlog(self) -> None:
        formatter = structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder()],
            processor=structlog.processors.JSONRenderer(sort_keys=True),
        )
        shown: list[str] = []
        handler = logging.Handler()
        handler.emit = lambda record: shown.append(formatter.format(record))  # type: ignore[method-assign]  # it is one
        logger = logging.getLogger("httpx_resilient")
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        try:
            EventEmitter()(
                told.RetryScheduled, httpx.Request("GET", URL), 1, "503", 0.5
            )
        finally:
            logger.removeHandler(handler)
            logger.setLevel(logging.NOTSET)
        (line,) = shown
        assert line == (
            '{"attempt": 1, "event": "GET https://example.org/path: 503; next attempt '
            'in 0.50 s", "kind": "RetryScheduled", "method": "GET", "reason": "503", '
            '"url": "https://example.org/path", "wait": 0.5}'
        )

    def test_no_event_has_a_field_that_a_record_has(self) -> None:
        record = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "event"}
        request = httpx.Request("GET", URL)
        started = told.AttemptStarted(request, 1)
        for name in told.__all__:
            kind = getattr(told, name)
            fields = getattr(kind, "__dataclass_fields__", {})
            assert not record & (set(fields) | set(started.fields()))

    def test_the_fields_of_an_attempt_have_its_outcome(self) -> None:
        request = httpx.Request("GET", URL)
        ended = told.AttemptEnded(request, 1, 0.5, response=httpx.Response(200))
        assert ended.fields()["outcome"] == 200
        failed = told.AttemptEnded(request, 1, 0.5, error=httpx.ReadTimeout(""))
        assert failed.fields()["outcome"] == "ReadTimeout"

    def test_no_repr_has_what_may_be_secret(self) -> None:
        event = told.RetryScheduled(httpx.Request("GET", URL), 1, "503", 0.5)
        assert repr(event) == "RetryScheduled(attempt=1, reason='503', wait=0.5)"
