"""The faults of a network and of a slow or broken server at its other end."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random

from httpx_resilient._core.public import public
from httpx_resilient._core.validation import number
from httpx_resilient.testing._faults import Fault
from httpx_resilient.testing._plan import BodyFault, FaultPlan

Seconds = float | Callable[[Random], float]
"""A fixed number of seconds, or a distribution to draw it from."""

_A_DAY = 86_400.0
_Z_OF_P99 = 2.3263478740408408
"""The 99th percentile of the standard normal distribution."""


@public("httpx_resilient.testing")
class Latency(Fault):
    """
    Seconds that pass before a request is sent, or before its other faults happen.

    If the latency exceeds the request's read timeout, a `ReadTimeout` is raised after
    that timeout, as if the server were slow; the request is then not sent.

    Args:
        seconds: Seconds, from 0 to a day; or a callable that takes a `random.Random`
            and returns seconds: a distribution of your own. Its results are clamped
            to that range.

    Raises:
        TypeError: `seconds` is neither a number nor a callable.
        ValueError: The number is negative, or more than a day.

    Example:
        >>> import httpx
        >>> api = httpx.MockTransport(lambda request: httpx.Response(200))
        >>> latency = Latency.lognormal(median=0.001, p99=0.002)
        >>> slow = FaultInjectingTransport(api, latency)
        >>> with httpx.Client(transport=slow) as client:
        ...     client.get("https://api.example.com/").extensions["fault"]
        'Latency'
        >>> always, between = Latency(0.2), Latency.uniform(0.1, 0.3)
        >>> own = Latency(lambda rng: rng.expovariate(10))
    """

    def __init__(self, seconds: Seconds) -> None:
        if not callable(seconds):
            seconds = number("seconds", seconds, least=0, most=_A_DAY, unit="seconds")
        self._seconds = seconds

    @classmethod
    def uniform(cls, low: float, high: float) -> Latency:
        """Draw seconds from a uniform distribution between `low` and `high`."""
        low = number("low", low, least=0, most=_A_DAY, unit="seconds")
        high = number("high", high, least=low, most=_A_DAY, unit="seconds")
        return cls(lambda rng: rng.uniform(low, high))

    @classmethod
    def normal(cls, mean: float, deviation: float) -> Latency:
        """Draw seconds from a normal distribution; `deviation` is the standard one."""
        mean = number("mean", mean, least=0, most=_A_DAY, unit="seconds")
        deviation = number("deviation", deviation, least=0, most=_A_DAY, unit="seconds")
        return cls(lambda rng: rng.normalvariate(mean, deviation))

    @classmethod
    def lognormal(cls, median: float, p99: float) -> Latency:
        """
        Draw seconds from a log-normal distribution, which resembles real servers.

        Half of the requests take at most `median` seconds, and one in a hundred takes
        `p99` seconds or longer.
        """
        median = number("median", median, above=0, most=_A_DAY, unit="seconds")
        p99 = number("p99", p99, least=median, most=_A_DAY, unit="seconds")
        mu, sigma = math.log(median), math.log(p99 / median) / _Z_OF_P99
        return cls(lambda rng: rng.lognormvariate(mu, sigma))

    def apply_to(self, plan: FaultPlan) -> None:
        """Add the latency."""
        seconds = self._seconds
        if callable(seconds):
            seconds = seconds(plan.rng)
            seconds = number("seconds", seconds, least=-math.inf, unit="seconds")
        plan.add_delay(min(max(0.0, seconds), _A_DAY))


@public("httpx_resilient.testing")
class Reset(Fault):
    """
    The server resets the connection after the request was sent, and perhaps processed.

    The request is sent, and `ReadError` is raised instead of its response. For a
    connection that breaks before the server processes anything, use the exception
    itself, such as `ConnectError`.

    Args:
        after: Bytes of the response body. If given, the response arrives, and reading
            its body raises after this many bytes. A shorter body arrives whole.

    Raises:
        TypeError: `after` is not a whole number.
        ValueError: `after` is negative.

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
            after = number("after", after, least=0, whole=True, unit="bytes")
        self._after = after

    def apply_to(self, plan: FaultPlan) -> None:
        """Break the body, or lose the whole response."""
        if self._after is None:
            plan.end(self.name)
        else:
            plan.body_faults.append(BodyFault(self.name, self._after, reset=True))


@public("httpx_resilient.testing")
class Truncated(Fault):
    """
    The server closes the connection in the middle of a body: `RemoteProtocolError`.

    Without `Content-Length` and chunked encoding (HTTP/1.0), a client cannot know that
    more was to come: the body ends early and nothing is raised, as on a real network.

    Args:
        after: Bytes of the encoded body that arrive. A shorter body arrives whole.

    Raises:
        TypeError: `after` is not a whole number.
        ValueError: `after` is negative.

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
        after = number("after", after, least=0, whole=True, unit="bytes")
        self._after = after

    def apply_to(self, plan: FaultPlan) -> None:
        """Break the body."""
        plan.body_faults.append(BodyFault(self.name, self._after))


@public("httpx_resilient.testing")
class SlowBody(Fault):
    """
    A body that arrives slowly, with a pause before each piece.

    If a pause exceeds the request's read timeout, reading raises `ReadTimeout`, as on a
    real network.

    Args:
        every: Seconds of pause before each piece, up to a day.
        size: Largest piece, in bytes. By default the chunks stay as they arrive.

    Raises:
        TypeError: `every` is not a number, or `size` is not a whole number.
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
        every = number("every", every, above=0, most=_A_DAY, unit="seconds")
        if size is not None:
            size = number("size", size, least=1, whole=True, unit="bytes")
        self._every = every
        self._size = size

    def apply_to(self, plan: FaultPlan) -> None:
        """Slow the body down."""
        slow = BodyFault(self.name, every=self._every, size=self._size)
        plan.body_faults.append(slow)
