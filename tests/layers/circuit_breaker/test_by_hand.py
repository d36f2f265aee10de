"""What a user changes by hand is told to the listeners of all transports with it."""

from __future__ import annotations

import gc
import logging
import math
from collections.abc import Callable
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from support.world import World

from httpx_resilient import CircuitBreaker, CircuitBreakingTransport, key_by_path
from httpx_resilient.events import CircuitClosed, CircuitCreated, CircuitOpened, Event
from httpx_resilient.prometheus import Metrics

pytestmark = pytest.mark.anyio

URL = "https://api.example.com/"
ORIGIN = "https://api.example.com"

OPENED = CircuitOpened(ORIGIN, "forced open by hand", math.inf, by_hand=True)
CLOSED = CircuitClosed(ORIGIN, by_hand=True)


def listening(breaker: CircuitBreaker, listen: Any = None) -> CircuitBreakingTransport:
    return CircuitBreakingTransport(None, breaker, on_event=listen)


@pytest.mark.parametrize(
    ("change", "event"),
    [
        (CircuitBreaker.force_open, OPENED),
        (CircuitBreaker.force_closed, CLOSED),
    ],
)
def test_a_forced_circuit_is_told_at_once_and_only_if_that_is_a_change(
    change: Callable[[CircuitBreaker, str], None], event: Event
) -> None:
    events: list[Event] = []
    breaker = CircuitBreaker()
    transport = listening(breaker, events.append)
    change(breaker, URL)
    change(breaker, URL)
    assert events == [event]
    breaker.reset(URL)
    breaker.reset(URL)
    assert events == [event, CLOSED]
    del transport


async def test_a_reset_of_an_open_circuit_is_told(world: World) -> None:
    events: list[Event] = []
    breaker = CircuitBreaker(minimum_calls=1)
    failing = world.mock(lambda request: world.library.Response(503))
    transport = world.ours.CircuitBreakingTransport(
        failing, breaker, on_event=events.append
    )
    async with world.client(transport) as client:
        await client.get(URL)
        breaker.reset(URL)
    kinds = [CircuitCreated, CircuitOpened, CircuitClosed]
    assert [type(event) for event in events] == kinds
    assert events[2] == CLOSED


def test_each_listener_of_transports_with_the_breaker_gets_one_event() -> None:
    first: list[Event] = []
    second: list[Event] = []
    breaker = CircuitBreaker()
    transports = [
        listening(breaker),
        listening(breaker, first.append),
        listening(breaker, second.append),
        listening(breaker, first.append),
        listening(breaker),
    ]
    breaker.force_open(URL)
    assert (first, second) == ([OPENED], [OPENED])
    del transports


def test_a_transport_without_a_listener_gets_no_event_after_one_with_it() -> None:
    events: list[Event] = []
    breaker = CircuitBreaker()
    transports = [listening(breaker, events.append), listening(breaker)]
    breaker.force_open(URL)
    assert events == [OPENED]
    del transports


def test_a_listener_that_raises_does_not_keep_the_event_from_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(event: Event) -> None:
        raise ZeroDivisionError

    events: list[Event] = []
    breaker = CircuitBreaker()
    transports = [listening(breaker, broken), listening(breaker, events.append)]
    breaker.force_open(URL)
    assert events == [OPENED]
    assert "on_event raised an exception" in caplog.text
    del transports


def test_a_change_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    breaker = CircuitBreaker()
    events: list[Event] = []
    transports = [listening(breaker), listening(breaker, events.append)]
    transports.append(listening(breaker, lambda event: None))
    breaker.force_open(URL)
    breaker.reset(URL)
    assert caplog.messages == [
        "the circuit to https://api.example.com is forced open by hand",
        "the circuit to https://api.example.com is closed by hand",
    ]
    del transports


def test_a_breaker_keeps_no_transport_alive() -> None:
    events: list[Event] = []
    breaker = CircuitBreaker()
    transport = listening(breaker, events.append)
    del transport
    gc.collect()
    breaker.force_open(URL)
    assert not events


def test_a_change_of_a_path_names_its_origin() -> None:
    events: list[Any] = []
    breaker = CircuitBreaker(key=key_by_path())
    transport = listening(breaker, events.append)
    breaker.force_open(f"{URL}v1/search")
    assert (events[0].origin, events[0].key) == (ORIGIN, f"{ORIGIN}/v1")
    assert str(events[0]) == f"the circuit to {ORIGIN}/v1 is forced open by hand"
    del transport


def test_a_change_of_a_key_that_only_the_user_understands_shows_nothing_of_it() -> None:
    events: list[Any] = []
    breaker = CircuitBreaker(key=lambda request: "secret tenant")
    transport = listening(breaker, events.append)
    breaker.force_open("secret tenant")
    assert (events[0].origin, events[0].key) == ("", "secret tenant")
    assert str(events[0]) == "the circuit to one key is forced open by hand"
    del transport


def test_the_gauge_of_the_circuit_follows_and_no_opening_is_counted() -> None:
    registry = CollectorRegistry()
    breaker = CircuitBreaker()
    by_path = CircuitBreaker(key=key_by_path())
    metrics = Metrics(registry)
    transports = [listening(breaker, metrics), listening(by_path, metrics)]
    labels = {"server_address": "api.example.com", "server_port": "443"}

    def state() -> float | None:
        return registry.get_sample_value("httpx_resilient_circuit_state", labels)

    by_path.force_open(URL)
    assert state() is None
    breaker.force_open(URL)
    assert state() == 2
    breaker.reset(URL)
    assert state() == 0
    opened = "httpx_resilient_circuit_opened_total"
    assert registry.get_sample_value(opened, labels) is None
    del transports


def test_a_listener_may_change_the_circuit_again() -> None:
    breaker = CircuitBreaker()
    events: list[Event] = []

    def listen(event: Event) -> None:
        events.append(event)
        if isinstance(event, CircuitOpened):
            breaker.reset(URL)

    transport = listening(breaker, listen)
    breaker.force_open(URL)
    assert events == [OPENED, CLOSED]
    assert breaker.states()[ORIGIN].phase == "closed"
    del transport
