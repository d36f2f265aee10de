"""Faults made of faults: by chance, by schedule, several together."""

from __future__ import annotations

import math

from httpx_resilient._core.validation import number
from httpx_resilient.testing._faults import Entry, Fault, fault_of
from httpx_resilient.testing._plan import Plan


class Chance(Fault):
    """
    One of some faults, for a share of the requests.

    Which requests these are is decided by the seed of the transport and by their
    number alone.

    Args:
        probability: The share, from 0 to 1.
        *faults: What happens to them. Of several, each is as likely as the others.

    Raises:
        TypeError: `probability` is no number; there is no fault, or what is none.
        ValueError: `probability` is not from 0 to 1.

    Example:
        >>> import httpx
        >>> api = httpx.MockTransport(lambda request: httpx.Response(200))
        >>> often = FaultInjectingTransport(api, Chance(0.3, 500, 503), seed=2)
        >>> with httpx.Client(transport=often) as client:
        ...     [client.get("https://any").status_code for _ in range(8)]
        [200, 200, 200, 200, 503, 200, 200, 500]
    """

    def __init__(self, probability: float, *faults: Entry) -> None:
        number("probability", probability, least=0, most=1)
        self._probability = probability
        self._faults = _some(faults)

    @property
    def within(self) -> tuple[Fault, ...]:
        """The faults that it is made of."""
        return self._faults

    def decide(self, plan: Plan) -> None:
        """Roll the dice."""
        if plan.dice.random() < self._probability:
            plan.dice.choice(self._faults).decide(plan)


class Outage(Fault):
    """
    A fault for all requests that come within some time.

    Args:
        start: Seconds after the first request that the transport was given.
        end: Seconds after that same request. By default it does not end.
        fault: What happens meanwhile: 503, a `ConnectError`, ...

    Raises:
        TypeError: One of them is no number, or no fault.
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

    def __init__(self, start: float, end: float = math.inf, fault: Entry = 503) -> None:
        number("start", start, least=0, most=1e18, unit="seconds")
        number("end", end, above=start, unit="seconds")
        self._start = start
        self._end = end
        self._fault = fault_of(fault)

    @property
    def within(self) -> tuple[Fault, ...]:
        """The fault that it is made of."""
        return (self._fault,)

    def decide(self, plan: Plan) -> None:
        """Look at the clock."""
        if self._start <= plan.seconds < self._end:
            self._fault.decide(plan)


class Together(Fault):
    """
    Several faults for one request, in their order.

    Latencies add up. The first that ends the request, by an answer, an exception or a
    reset, is the last of these. What is wrong with bodies is for any answer.

    Args:
        *faults: What happens.

    Raises:
        TypeError: There is no fault, or what is none.

    Example:
        >>> import httpx
        >>> api = httpx.MockTransport(lambda request: httpx.Response(200))
        >>> chaos = Together(Latency(0.001), Chance(0.1, 503), SlowBody(every=0.001))
        >>> faulty = FaultInjectingTransport(api, chaos, seed=1)
        >>> with httpx.Client(transport=faulty) as client:
        ...     client.get("https://api.example.com/").extensions["fault"]
        'Latency, SlowBody'
    """

    def __init__(self, *faults: Entry) -> None:
        self._faults = _some(faults)

    @property
    def within(self) -> tuple[Fault, ...]:
        """The faults that it is made of."""
        return self._faults

    def decide(self, plan: Plan) -> None:
        """Let one after the other decide."""
        for fault in self._faults:
            fault.decide(plan)


def _some(faults: tuple[Entry, ...]) -> tuple[Fault, ...]:
    if not faults:
        msg = "give at least one fault, such as 503 or ReadTimeout"
        raise TypeError(msg)
    return tuple(fault_of(fault) for fault in faults)
