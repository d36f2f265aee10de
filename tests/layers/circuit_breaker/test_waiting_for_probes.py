"""Requests that wait while the probes of a half-open circuit are in flight."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import httpx
import pytest
import trio
from support.gates import Gate, stream, until
from support.server import Server, close, drip, head, reply, stall
from support.world import LIBRARIES, World, in_async

from httpx_resilient import CircuitBreaker, events
from httpx_resilient._core.clock import Clock
from httpx_resilient._core.context import begin
from httpx_resilient._core.io.sync_io import SyncEffects, SyncIO
from httpx_resilient._layers.circuit_breaker.admission import ProbeAdmission
from httpx_resilient._layers.circuit_breaker.queue import ProbePlace
from httpx_resilient._layers.circuit_breaker.state import HalfOpen, Refused
from httpx_resilient.testing import virtual_time

pytestmark = pytest.mark.anyio

HALF = head(200, {"content-length": "9"}) + b"half"


def half_open(server: Server, **options: Any) -> CircuitBreaker:
    """Return a breaker whose circuit to a server is half-open."""
    breaker = CircuitBreaker(**options)
    breaker.circuits.apply(key_of(server), lambda _: (HalfOpen(1), None))
    return breaker


def key_of(server: Server) -> Any:
    return ("http", "127.0.0.1", server.port)


def waiting(breaker: CircuitBreaker) -> int:
    return sum(len(queue) for queue in breaker.queues.values())


def circuit_of(breaker: CircuitBreaker) -> Any:
    (circuit,) = breaker.circuits.states().values()
    return circuit


class Calls:
    """Calls through a breaker, and how they have ended."""

    def __init__(self, world: World, server: Server, breaker: CircuitBreaker) -> None:
        self.world, self.server, self.breaker = world, server, breaker
        self.ended: Counter[Any] = Counter()
        self.events: list[Any] = []
        self.transport = world.ours.CircuitBreakingTransport(
            None, breaker, on_event=self.events.append
        )

    def client(self, pool: float | None = 5.0) -> Any:
        timeout = self.world.library.Timeout(10, pool=pool)
        return self.world.client(self.transport, timeout=timeout)

    def get(self, client: Any) -> Callable[[], Awaitable[None]]:
        async def get() -> None:
            try:
                self.ended[(await client.get(self.server.url)).status_code] += 1
            except self.world.library.TransportError as error:
                self.ended[type(error)] += 1

        return get

    def of(self, kind: type[Any]) -> list[Any]:
        """Return the events of a kind."""
        return [event for event in self.events if isinstance(event, kind)]


async def test_twenty_requests_at_once_are_all_sent_once_the_origin_recovers(
    world: World, server: Server
) -> None:
    server.play(drip(200, [b"body"], every=0.02))
    calls = Calls(world, server, half_open(server))
    async with calls.client() as client:
        await world.together(*[calls.get(client)] * 20)
    assert calls.ended == {200: 20}
    assert calls.breaker.states()[server.url.rstrip("/")].refused == 0


async def test_requests_are_sent_while_the_body_of_the_probe_lasts(
    world: World, server: Server
) -> None:
    server.play(stall(HALF), reply(200))
    calls = Calls(world, server, half_open(server))
    async with calls.client() as client:
        probe = await stream(client, server.url)
        for _ in range(40):
            await calls.get(client)()
        await world.close(probe)
    assert calls.ended == {200: 40}


async def test_a_request_waits_for_the_headers_of_the_probe_and_says_so(
    world: World, server: Server
) -> None:
    gate = Gate(reply(200))
    server.play(gate)
    calls = Calls(world, server, half_open(server))
    async with calls.client() as client:

        async def answer() -> None:
            await until(world, lambda: waiting(calls.breaker) == 3)
            await until(world, lambda: server.requests == 1)
            gate.let(4)

        await world.together(answer, *[calls.get(client)] * 4)
    assert calls.ended == {200: 4}
    queued, admitted = calls.of(events.Queued), calls.of(events.Admitted)
    assert [each.limit for each in [*queued, *admitted]] == ["circuit"] * 6
    assert sorted(each.waiting for each in queued) == [1, 2, 3]


async def test_all_that_wait_are_refused_when_the_probe_fails(
    world: World, server: Server
) -> None:
    gate = Gate(close())
    server.play(gate)
    calls = Calls(world, server, half_open(server))
    async with calls.client() as client:

        async def fail() -> None:
            await until(world, lambda: waiting(calls.breaker) == 5)
            gate.let()

        await world.together(fail, *[calls.get(client)] * 6)
    assert calls.ended.pop(world.ours.CircuitOpen) == 5
    assert server.requests == 1
    refusals = calls.of(events.CircuitRefused)
    assert len(refusals) == 5
    assert all(each.reason.startswith("is open: ") for each in refusals)
    (state,) = calls.breaker.states().values()
    assert state.refused == 5


@pytest.mark.parametrize(
    ("pool", "wait"), [(5.0, 0.05), (0.05, 5.0), (None, 0.05), (5.0, 0.0)]
)
async def test_a_probe_that_hangs_makes_nobody_wait_for_long(
    world: World, server: Server, pool: float | None, wait: float
) -> None:
    gate = Gate(reply(200))
    server.play(gate)
    calls = Calls(world, server, half_open(server, half_open_wait=wait))
    async with calls.client(pool) as client:

        async def answer() -> None:
            await until(world, lambda: calls.ended[world.ours.CircuitOpen] == 3)
            gate.let()

        before = Clock.now()
        await world.together(answer, *[calls.get(client)] * 4)
    assert Clock.now() - before < 3
    assert calls.ended == {200: 1, world.ours.CircuitOpen: 3}
    assert waiting(calls.breaker) == 0


@pytest.mark.parametrize("change", ["force_closed", "reset"])
async def test_all_that_wait_are_sent_when_the_circuit_is_closed_by_hand(
    world: World, server: Server, change: str
) -> None:
    gate = Gate(reply(200))
    server.play(gate)
    calls = Calls(world, server, half_open(server))
    async with calls.client() as client:

        async def close() -> None:
            await until(world, lambda: waiting(calls.breaker) == 3)
            getattr(calls.breaker, change)(server.url)
            await until(world, lambda: server.requests == 4)
            gate.let(4)

        await world.together(close, *[calls.get(client)] * 4)
    assert calls.ended == {200: 4}


async def test_all_that_wait_are_refused_when_the_circuit_is_forced_open(
    world: World, server: Server
) -> None:
    gate = Gate(reply(200))
    server.play(gate)
    calls = Calls(world, server, half_open(server))
    async with calls.client() as client:

        async def force() -> None:
            await until(world, lambda: waiting(calls.breaker) == 3)
            calls.breaker.force_open(server.url)
            await until(world, lambda: calls.ended[world.ours.CircuitOpen] == 3)
            gate.let()

        await world.together(force, *[calls.get(client)] * 4)
    assert calls.ended == {200: 1, world.ours.CircuitOpen: 3}


async def test_a_deadline_ends_the_wait(world: World, server: Server) -> None:
    server.play(stall())
    breaker = half_open(server, half_open_wait=5)
    breaker.enter(key_of(server), Clock.now()).clear()  # type: ignore[union-attr]
    inner = world.ours.CircuitBreakingTransport(None, breaker)
    transport = world.ours.DeadlineTransport(inner, 0.05)
    async with world.client(transport) as client:
        with pytest.raises(world.library.TransportError):
            await client.get(server.url)
    assert waiting(breaker) == 0
    assert server.requests == 0


@in_async
async def test_a_cancelled_request_leaves_the_queue(
    world: World, server: Server
) -> None:
    gate = Gate(reply(200))
    server.play(gate)
    calls = Calls(world, server, half_open(server))
    async with calls.client() as client, anyio.create_task_group() as tasks:
        tasks.start_soon(calls.get(client))
        await until(world, lambda: server.requests == 1)
        async with anyio.create_task_group() as cancelled:
            for _ in range(5):
                cancelled.start_soon(calls.get(client))
            await until(world, lambda: waiting(calls.breaker) == 5)
            cancelled.cancel_scope.cancel()
        assert waiting(calls.breaker) == 0
        tasks.start_soon(calls.get(client))
        gate.let(2)
    assert calls.ended == {200: 2}


@in_async
async def test_a_request_that_is_cancelled_when_it_becomes_a_probe_gives_way(
    world: World, server: Server
) -> None:
    gate = Gate(reply(200))
    server.play(gate)
    calls = Calls(world, server, half_open(server))
    async with calls.client() as client, anyio.create_task_group() as tasks:
        tasks.start_soon(calls.get(client))
        await until(world, lambda: server.requests == 1)
        async with anyio.create_task_group() as cancelled:
            cancelled.start_soon(calls.get(client))
            await until(world, lambda: waiting(calls.breaker) == 1)
            (sent,) = circuit_of(calls.breaker).probes
            calls.breaker.answered(key_of(server), sent)
            assert waiting(calls.breaker) == 0
            cancelled.cancel_scope.cancel()
        assert circuit_of(calls.breaker).probes == ()
        gate.let(1)
    assert calls.ended == {200: 1}


async def test_a_listener_that_raises_leaves_no_probe_behind(
    world: World, server: Server
) -> None:
    """An ordinary exception of it is logged; a signal handler's is not."""

    class Interruption(BaseException):
        pass

    def listen(event: Any) -> None:
        if isinstance(event, kind):
            raise Interruption

    breaker = half_open(server)
    server.play(reply(200))
    key = key_of(server)
    for kind in (events.Queued, events.Admitted):
        probe: Any = breaker.enter(key, Clock.now())
        transport = world.ours.CircuitBreakingTransport(None, breaker, on_event=listen)
        async with world.client(transport) as client:

            async def get(client: Any = client) -> None:
                with pytest.raises(Interruption):
                    await client.get(server.url)

            async def give_back(probe: Any = probe) -> None:
                await until(world, lambda: waiting(breaker) == 1)
                probe.give_back(Clock.now())

            if kind is events.Queued:
                await get()
                probe.give_back(Clock.now())
            else:
                await world.together(get, give_back)
        assert waiting(breaker) == 0
        assert circuit_of(breaker).probes == ()


def test_threads_and_both_kinds_of_event_loops_wait_in_one_queue(
    server: Server,
) -> None:
    gate = Gate(reply(200))
    server.play(gate)
    breaker, statuses = half_open(server), list[int]()

    def in_thread(library: str) -> None:
        http, ours = LIBRARIES[library]
        transport = ours.CircuitBreakingTransport(None, breaker)
        with http.Client(transport=transport) as client:
            statuses.append(client.get(server.url).status_code)

    def in_loop(library: str, run: Any) -> None:
        http, ours = LIBRARIES[library]

        async def main() -> None:
            transport = ours.CircuitBreakingTransport(None, breaker)
            async with http.AsyncClient(transport=transport) as client:

                async def get() -> None:
                    statuses.append((await client.get(server.url)).status_code)

                async with anyio.create_task_group() as tasks:
                    for _ in range(3):
                        tasks.start_soon(get)

        run(main)

    work: list[tuple[Any, ...]] = [(in_thread, each) for each in LIBRARIES] * 3
    work += [
        (in_loop, each, run) for each in LIBRARIES for run in (anyio.run, trio.run)
    ]
    threads = [threading.Thread(target=each, args=args) for each, *args in work]
    for thread in threads:
        thread.start()
    while waiting(breaker) < 17:
        Clock.block(0.001)
    gate.let(18)
    for thread in threads:
        thread.join()
    assert statuses == [200] * 18
    assert waiting(breaker) == 0


def admission_of(breaker: CircuitBreaker, server: Server, busy: Any) -> Any:
    """Return the admission of a request, whose answer is what it is granted."""
    context = begin(httpx.Request("GET", server.url), SyncIO(None))
    return ProbeAdmission(
        context,
        lambda *_: None,
        breaker,
        context.origin,
        busy,
        lambda _, answer: answer,
    )


def test_a_request_waits_for_as_long_as_the_latest_probe_is_young(
    server: Server,
) -> None:
    with virtual_time() as clock:
        breaker, key = half_open(server), key_of(server)
        probes: list[Any] = [breaker.enter(key, clock.now())]
        admission = admission_of(breaker, server, breaker.enter(key, clock.now()))
        waits = admission.waits(SyncEffects())
        assert next(waits)[1:] == (None, 1.0)
        clock.advance(0.75)
        newer = HalfOpen(1, (clock.now(),))
        breaker.circuits.apply(key, lambda _: (newer, None))
        clock.advance(0.25)
        assert next(waits)[1:] == (None, pytest.approx(0.75))
        clock.advance(0.75)
        assert next(waits, None) is None
        assert isinstance(admission.granted, Refused)
        admission.withdraw(SyncEffects())
        assert waiting(breaker) == 0
        probes.clear()


def test_a_request_is_sent_if_a_probe_is_answered_while_its_own_timer_fires(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    breaker, key = half_open(server), key_of(server)
    enter = breaker.enter
    probe: Any = enter(key, Clock.now())
    busy: Any = enter(key, Clock.now())
    admission = admission_of(breaker, server, busy)
    waits = admission.waits(SyncEffects())
    next(waits)

    def enter_late(*when: Any, may_wait: bool) -> Any:
        monkeypatch.setattr(breaker, "enter", enter)
        probe.give_back(Clock.now())
        return enter(*when, may_wait=may_wait)

    monkeypatch.setattr(breaker, "enter", enter_late)
    assert next(waits, None) is None
    assert circuit_of(breaker).probes == (admission.granted[0],)
    for _ in range(2):
        admission.withdraw(SyncEffects())
    assert circuit_of(breaker).probes == ()
    assert waiting(breaker) == 0


def test_a_queue_is_in_use_while_a_request_waits(server: Server) -> None:
    breaker, key = half_open(server), key_of(server)
    probe: Any = breaker.enter(key, Clock.now())
    queue, place = breaker.queues[key], ProbePlace()
    assert queue.is_unused
    queue.join(place)
    assert not queue.is_unused
    queue.leave(place)
    assert queue.is_unused
    probe.give_back(Clock.now())


def test_a_request_that_was_answered_before_it_was_woken_is_not_asked_about_again(
    server: Server,
) -> None:
    """A signal handler has raised between the answer and the waking."""

    class Waiter:
        is_dead, woken = False, 0

        def wake(self) -> bool:
            self.woken += 1
            if self.woken == 1:
                raise ZeroDivisionError
            return True

    breaker, key = half_open(server), key_of(server)
    probe: Any = breaker.enter(key, Clock.now())
    place: Any = ProbePlace()
    place.waiter = Waiter()
    breaker.queues[key].join(place)
    with pytest.raises(ZeroDivisionError):
        probe.give_back(Clock.now())
    breaker.queues[key].circuit_changed()
    assert place.waiter.woken == 2
    assert circuit_of(breaker).probes == (place.answer[0],)
