"""Run clients with their layers against a server, in simulated time."""

from __future__ import annotations

import importlib
import math
import random
from collections.abc import Callable, Sequence
from typing import Any

from httpx_resilient._core.family import Family
from httpx_resilient._core.public import public
from httpx_resilient._core.validation import number
from httpx_resilient._transport.recognition import home_of, is_transport
from httpx_resilient.simulation._clock import SimulatedClock
from httpx_resilient.simulation._recorder import Recorder
from httpx_resilient.simulation._result import SimulationResult
from httpx_resilient.simulation._server import Server
from httpx_resilient.simulation._serving import ServerState, ServingTransport
from httpx_resilient.simulation._traffic import Call, Traffic

Policy = Callable[[Any], Any]
"""Puts layers around the transport that stands for the server."""

REST = 120.0
"""Seconds after the last call in which calls may end."""

MOST_SECONDS = 604_800.0
"""A week."""

_URL = "http://simulated.example/"


@public("httpx_resilient.simulation")
def simulate(
    policy: Policy,
    server: Server | None = None,
    traffic: Traffic | None = None,
    *,
    seconds: float = 300.0,
    timeout: float | None = 10.0,
    method: str = "GET",
    seed: int = 0,
    on_second: Callable[[int], object] | None = None,
) -> SimulationResult:
    """
    Simulate what a policy does to a server, before it is used in production.

    The clock, the network and the server are simulated. All decisions are made by the
    library's own code: the very layers that `policy` builds. Ten minutes of 200 clients
    take some seconds.

    Args:
        policy: Called once for each client, with the transport that stands for the
            server. It returns the client's transport: `RetryingTransport`, for example,
            or a function that calls `standard_transport`, of either library.
        server: The server; `Server()` by default.
        traffic: The clients and their calls; `Traffic()` by default.
        seconds: Seconds of traffic.
        timeout: The client's timeout in seconds for each step of an attempt, as in
            `httpx.AsyncClient(timeout=...)`; `None` for none.
        method: The method of each request.
        seed: The seed of all that is random. The same arguments give the same result,
            and each policy gets the same calls.
        on_second: Called with the number of each second that is over.

    Returns:
        The calls, their outcomes, and what they cost the server.

    Raises:
        TypeError: An argument has the wrong type, or `policy` returns no transport for
            asynchronous clients.
        ValueError: A number is out of range; an outage is not over in time.
        RuntimeError: It is called inside of a running event loop, or while
            `virtual_time()` or `no_waits()` is active; a transport opens a connection.

    Example:
        >>> overloaded = Server(capacity=12, outages=[Outage(10, 20)])
        >>> careful = simulate(RetryingTransport, overloaded, Traffic(10), seconds=60)
        >>> careless = simulate(
        ...     lambda server: RetryingTransport(server, budget=False),
        ...     overloaded, Traffic(10), seconds=60,
        ... )
        >>> careful.amplification < careless.amplification
        True
    """
    server, traffic = server or Server(), traffic or Traffic()
    _check(server, traffic, seconds, timeout, seed)
    recorder = Recorder()
    with SimulatedClock(seed) as clock:
        of_server, of_traffic = _rng("server", seed), _rng("traffic", seed)
        state = ServerState(server, of_server)
        serving = ServingTransport(state, recorder.requests, clock.now)
        transports = [_applied(policy, serving) for _ in range(traffic.clients)]
        serving.family = family = _family_of(transports)
        extensions = {
            "timeout": dict.fromkeys(("connect", "read", "write", "pool"), timeout)
        }
        request = family.request(method, _URL, extensions=extensions)
        calls = [_call(each, request, family, recorder, clock) for each in transports]
        traffic.begin(clock, of_traffic, calls, seconds)
        for second in range(1, math.ceil(seconds) + 1):
            clock.run(second)
            if on_second is not None:
                on_second(second)
        clock.run(seconds + REST)
    return recorder.result(seconds, server.recovers_from)


def _check(
    server: object, traffic: object, seconds: float, timeout: float | None, seed: object
) -> None:
    if not isinstance(server, Server):
        msg = f"server is a Server, such as Server(capacity=300); got {server!r}"
        raise TypeError(msg)
    if not isinstance(traffic, Traffic):
        msg = f"traffic is a Traffic, such as Traffic(clients=200); got {traffic!r}"
        raise TypeError(msg)
    if not isinstance(seed, int):
        msg = f"seed is a whole number; got {seed!r}"
        raise TypeError(msg)
    number("seconds", seconds, least=1, most=MOST_SECONDS, unit="seconds")
    if timeout is not None:
        number("timeout", timeout, above=0, unit="seconds")
    over = server.recovers_from
    if over is not None and over >= seconds:
        msg = (
            f"the last outage ends at {over:g} s, and the traffic at {seconds:g} s: "
            "simulate some more seconds, to see the recovery"
        )
        raise ValueError(msg)


def _rng(name: str, seed: int) -> random.Random:
    """Return a source of its own, so that each policy gets the same calls."""
    return random.Random(f"{name} {seed}")  # noqa: S311 - nothing secret depends on it


def _applied(policy: Policy, serving: ServingTransport) -> Any:
    transport = policy(serving)
    if not is_transport(transport) or not hasattr(transport, "handle_async_request"):
        msg = (
            "policy returns a transport for asynchronous clients, as RetryingTransport "
            f"does; got {transport!r}"
        )
        raise TypeError(msg)
    return transport


def _family_of(transports: Sequence[object]) -> Family:
    """Return the library of the transports, or httpx if they are of no known one."""
    for base in type(transports[0]).__mro__:
        home = home_of(base)
        if home is not None:
            module = importlib.import_module(base.__module__.partition(".")[0])
            return Family(module, home=home)
    return Family(importlib.import_module("httpx"), home="httpx_resilient")


def _call(
    transport: Any,
    request: Any,
    family: Family,
    recorder: Recorder,
    clock: SimulatedClock,
) -> Call:
    """Return a function that makes one call of a client, and records it."""

    async def call() -> None:
        started = clock.now()
        recorder.started[int(started)] += 1
        try:
            response = await transport.handle_async_request(request)
            await response.aclose()
        except family.transport_error as error:
            recorder.failed(error, started, clock.now())
        except NotImplementedError as error:  # of the loop, which has no sockets
            msg = (
                "a transport has tried to open a connection, which a simulation does "
                "not have: policy puts its layers around the transport that it is "
                "given, as in lambda server: RetryingTransport(server)"
            )
            raise RuntimeError(msg) from error
        else:
            recorder.answered(response, started, clock.now())

    return call
