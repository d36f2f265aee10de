"""Faults that are composed of other faults: by chance, by time, or several at once."""

from __future__ import annotations

import math

from httpx_resilient._core.public import public
from httpx_resilient._core.validation import number
from httpx_resilient.testing._faults import Fault, FaultSpec, parse_fault
from httpx_resilient.testing._plan import FaultPlan


@public("httpx_resilient.testing")
class Chance(Fault):
    """
    One of several faults, for a share of the requests.

    The seed of the transport and the number of a request alone decide whether it fails.

    Args:
        probability: Share of the requests that fail, from 0 to 1.
        *faults: The faults to choose from. Each is equally likely.

    Raises:
        TypeError: `probability` is not a number; no fault is given, or an argument is
            not a fault.
        ValueError: `probability` is not from 0 to 1.

    Example:
        >>> import httpx
        >>> api = httpx.MockTransport(lambda request: httpx.Response(200))
        >>> often = FaultInjectingTransport(api, Chance(0.3, 500, 503), seed=2)
        >>> with httpx.Client(transport=often) as client:
        ...     [client.get("https://any").status_code for _ in range(8)]
        [200, 200, 200, 200, 503, 200, 200, 500]
    """

    def __init__(self, probability: float, *faults: FaultSpec) -> None:
        probability = number("probability", probability, least=0, most=1)
        self._probability = probability
        self._faults = _at_least_one(faults)

    @property
    def parts(self) -> tuple[Fault, ...]:
        """The faults to choose from."""
        return self._faults

    def apply_to(self, plan: FaultPlan) -> None:
        """Add one of the faults, or none."""
        if plan.rng.random() < self._probability:
            plan.rng.choice(self._faults).apply_to(plan)


@public("httpx_resilient.testing")
class Outage(Fault):
    """
    A fault for all requests that start within a period of time.

    Args:
        start: Seconds from the first request of the transport to the outage.
        end: Seconds from that same request to the end of the outage. By default the
            outage does not end.
        fault: The fault of these requests: 503, a `ConnectError`, ...

    Raises:
        TypeError: `start` or `end` is not a number, or `fault` is not a fault.
        ValueError: `start` is negative, or `end` is not after it.

    Example:
        >>> import httpx
        >>> down = FaultInjectingTransport(None, Outage(0, 30, httpx.ConnectError))
        >>> with httpx.Client(transport=down) as client:
        ...     try:
        ...         response = client.get("https://api.example.com/")
        ...     except httpx.ConnectError as error:
        ...         print(error)
        injected: ConnectError
    """

    def __init__(
        self, start: float, end: float = math.inf, fault: FaultSpec = 503
    ) -> None:
        # Finite, as `end` has to be above it.
        start = number("start", start, least=0, most=1e18, unit="seconds")
        end = number("end", end, above=start, unit="seconds")
        self._start = start
        self._end = end
        self._fault = parse_fault(fault)

    @property
    def parts(self) -> tuple[Fault, ...]:
        """The fault of the outage."""
        return (self._fault,)

    def apply_to(self, plan: FaultPlan) -> None:
        """Add the fault if the request starts within the outage."""
        if self._start <= plan.elapsed < self._end:
            self._fault.apply_to(plan)


@public("httpx_resilient.testing")
class Together(Fault):
    """
    Several faults for one request, in their order.

    Latencies add up. The first fault that ends the request (a response, an exception or
    a reset) takes effect, and later ones do not. Faults of the body apply to whichever
    response there is.

    Args:
        *faults: The faults.

    Raises:
        TypeError: No fault is given, or an argument is not a fault.

    Example:
        >>> import httpx
        >>> api = httpx.MockTransport(lambda request: httpx.Response(200))
        >>> chaos = Together(Latency(0.001), Chance(0.1, 503), SlowBody(every=0.001))
        >>> faulty = FaultInjectingTransport(api, chaos, seed=1)
        >>> with httpx.Client(transport=faulty) as client:
        ...     client.get("https://api.example.com/").extensions["fault"]
        'Latency, SlowBody'
    """

    def __init__(self, *faults: FaultSpec) -> None:
        self._faults = _at_least_one(faults)

    @property
    def parts(self) -> tuple[Fault, ...]:
        """The faults, in order."""
        return self._faults

    def apply_to(self, plan: FaultPlan) -> None:
        """Add each fault in turn."""
        for fault in self._faults:
            fault.apply_to(plan)


def _at_least_one(faults: tuple[FaultSpec, ...]) -> tuple[Fault, ...]:
    if not faults:
        msg = "give at least one fault, such as 503 or ReadTimeout"
        raise TypeError(msg)
    return tuple(parse_fault(fault) for fault in faults)
