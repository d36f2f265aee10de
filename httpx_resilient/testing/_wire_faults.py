"""The faults of a wire, and of a server at its other end: slow, or broken."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random

from httpx_resilient._core.validation import number
from httpx_resilient.testing._faults import Fault
from httpx_resilient.testing._plan import BodyFault, Plan

Seconds = float | Callable[[Random], float]

_A_DAY = 86_400.0
_Z_OF_P99 = 2.3263478740408408
"""Standard deviations above the mean at which 99 % of a normal distribution end."""


class Latency(Fault):
    """
    Seconds that pass before a request is sent, or before its other faults happen.

    Where it is longer than the request's read timeout, that passes, and a `ReadTimeout`
    is raised, as if the server were slow; the request is not sent then.

    Args:
        seconds: A number, or a callable that is given a `random.Random` and returns
            one: a distribution of your own. What is below 0 counts as 0, what is longer
            than a day as a day.

    Raises:
        TypeError: It is neither.
        ValueError: A number is negative, or more than a day.

    Example:
        >>> import httpx
        >>> api = httpx.MockTransport(lambda request: httpx.Response(200))
        >>> latency = Latency.lognormal(median=0.001, p99=0.002)
        >>> slow = FaultInjectingTransport(api, latency)
        >>> with httpx.Client(transport=slow) as client:
        ...     client.get("https://api.example.com/").extensions["fault"]
        'Latency'
        >>> always, between = Latency(0.2), Latency.uniform(0.1, 0.3)
        >>> own = Latency(lambda dice: dice.expovariate(10))
    """

    def __init__(self, seconds: Seconds) -> None:
        if not callable(seconds):
            number("seconds", seconds, least=0, most=_A_DAY, unit="seconds")
        self._seconds = seconds

    @classmethod
    def uniform(cls, low: float, high: float) -> Latency:
        """Any number of seconds between two is as likely as any other."""
        number("low", low, least=0, most=_A_DAY, unit="seconds")
        number("high", high, least=low, most=_A_DAY, unit="seconds")
        return cls(lambda dice: dice.uniform(low, high))

    @classmethod
    def normal(cls, mean: float, deviation: float) -> Latency:
        """Seconds around a mean, with a standard deviation."""
        number("mean", mean, least=0, most=_A_DAY, unit="seconds")
        number("deviation", deviation, least=0, most=_A_DAY, unit="seconds")
        return cls(lambda dice: dice.normalvariate(mean, deviation))

    @classmethod
    def lognormal(cls, median: float, p99: float) -> Latency:
        """
        Seconds as servers take them: half of the requests the median, or less.

        One in a hundred takes `p99`, or longer: this is the one with a tail.
        """
        number("median", median, above=0, most=_A_DAY, unit="seconds")
        number("p99", p99, least=median, most=_A_DAY, unit="seconds")
        mu, sigma = math.log(median), math.log(p99 / median) / _Z_OF_P99
        return cls(lambda dice: dice.lognormvariate(mu, sigma))

    def decide(self, plan: Plan) -> None:
        """Wait."""
        seconds = self._seconds
        if callable(seconds):
            seconds = seconds(plan.dice)
            number("seconds", seconds, least=-math.inf, unit="seconds")
        plan.waits(min(max(0.0, seconds), _A_DAY))


class Reset(Fault):
    """
    The server's machine resets the connection: the request was sent, and perhaps done.

    It is sent, and `ReadError` raised instead of its response. For a connection that
    breaks before anything was done, script the exception: `ConnectError`, say.

    Args:
        after: Bytes of the response's body after which it happens: then the response
            comes, and its body raises. A body that is no longer arrives whole.

    Raises:
        TypeError: `after` is no whole number.
        ValueError: It is negative.

    Example:
        >>> import httpx
        >>> api = httpx.MockTransport(lambda request: httpx.Response(200))
        >>> faulty = FaultInjectingTransport(api, [Reset()])
        >>> with httpx.Client(transport=RetryingTransport(faulty)) as client:
        ...     attempts_of(client.get("https://api.example.com/"))[0].outcome
        <class 'httpx.ReadError'>
    """

    def __init__(self, after: int | None = None) -> None:
        if after is not None:
            number("after", after, least=0, whole=True, unit="bytes")
        self._after = after

    def decide(self, plan: Plan) -> None:
        """Break the body, or all of it."""
        if self._after is None:
            plan.ends(self.name)
        else:
            plan.body.append(BodyFault(self.name, self._after, reset=True))


class Truncated(Fault):
    """
    The server closes the connection in the midst of a body: `RemoteProtocolError`.

    Where a body has neither `Content-Length` nor chunks (HTTP/1.0), a client cannot
    know that there should be more: it ends early and raises nothing, as on the wire.

    Args:
        after: Bytes of the body, as it is sent, that arrive. One that is no longer
            arrives whole.

    Raises:
        TypeError: `after` is no whole number.
        ValueError: It is negative.

    Example:
        >>> import httpx
        >>> api = httpx.MockTransport(lambda request: httpx.Response(200, text="whole"))
        >>> faulty = FaultInjectingTransport(api, Truncated(after=2))
        >>> with httpx.Client(transport=faulty) as client:
        ...     try:
        ...         response = client.get("https://api.example.com/")
        ...     except httpx.RemoteProtocolError as error:
        ...         print(error)
        injected: the connection was closed after 2 bytes of the body
    """

    def __init__(self, after: int) -> None:
        number("after", after, least=0, whole=True, unit="bytes")
        self._after = after

    def decide(self, plan: Plan) -> None:
        """Break the body."""
        plan.body.append(BodyFault(self.name, self._after))


class SlowBody(Fault):
    """
    A body that comes slowly: a pause before each piece.

    Where a pause is longer than the request's read timeout, it ends with a
    `ReadTimeout`, as on the wire.

    Args:
        every: Seconds before each piece.
        size: Bytes of a piece, at most. By default pieces are as they come.

    Raises:
        TypeError: One of them is no number.
        ValueError: `every` is not above 0, or more than a day; `size` is below 1.

    Example:
        >>> import httpx
        >>> api = httpx.MockTransport(lambda request: httpx.Response(200, text="whole"))
        >>> slow = FaultInjectingTransport(api, SlowBody(every=0.001, size=2))
        >>> with httpx.Client(transport=slow) as client:
        ...     with client.stream("GET", "https://api.example.com/") as response:
        ...         list(response.iter_raw())
        [b'wh', b'ol', b'e']
    """

    def __init__(self, every: float, size: int | None = None) -> None:
        number("every", every, above=0, most=_A_DAY, unit="seconds")
        if size is not None:
            number("size", size, least=1, whole=True, unit="bytes")
        self._every = every
        self._size = size

    def decide(self, plan: Plan) -> None:
        """Slow the body down."""
        plan.body.append(BodyFault(self.name, every=self._every, size=self._size))
