"""
The adaptive throttle: what it knows of an origin, and how that changes.

While nothing is rejected it only counts. From the first rejection on, requests count
before they are sent: those that are not answered yet are no sign of health.
"""

from __future__ import annotations

from random import random

from httpx_resilient._core.origin import OriginKey
from httpx_resilient._core.state.sliding_window import (
    SLICES,
    Window,
)
from httpx_resilient._core.state.store import StateStore
from httpx_resilient._core.validation import number
from httpx_resilient._layers.throttle.load import (
    UNCOUNTED,
    Load,
    Rules,
    Sending,
    admit,
    hear,
    settle,
)


class AdaptiveThrottle:
    """
    What a `ThrottlingTransport` knows of each origin. Transports may share one.

    It counts requests and those that were accepted. As long as it is one of `k`, all
    are sent; of what goes beyond that, a share is rejected here, at random, before it
    costs the server anything: (requests - k * accepted) / (requests + 8) of them. So a
    server that can take a fifth gets two fifths, and one that is down gets a tenth.

    Args:
        k: Requests for each that is accepted, 1 or more. Less spares the server more,
            more lets recovery be noticed earlier.
        window: Seconds in which they count.
        max_rejection: The largest share that is rejected here, below 1: what remains
            are the probes that notice when the server is back. Then that share falls to
            nothing over half of a window.

    Raises:
        TypeError: What is to be a number is none.
        ValueError: A number is out of its range.

    Not accepted are: 429, 502, 503, 504 and 529; timeouts, and connections that fail or
    break before the headers. What happens on this side does not count.

    The formula is that of "Handling Overload" (Site Reliability Engineering, 2016,
    chapter 21), whose window of two minutes is too long for one client; that it never
    rejects all is from failsafe-go; the 8 is from gRPC's route lookup. An outage, when
    nothing has been accepted for a fifth of a window, makes it forget how well the
    server did before.

    Example:
        >>> throttle = AdaptiveThrottle(k=1.5)
        >>> ThrottlingTransport(None, throttle)
        <ThrottlingTransport>
    """

    def __init__(
        self, *, k: float = 2.0, window: float = 10.0, max_rejection: float = 0.9
    ) -> None:
        number("k", k, least=1, unit="requests")
        number("window", window, above=0, unit="seconds")
        number("max_rejection", max_rejection, above=0, most=0.99)
        self._rules = Rules(k, window / SLICES, max_rejection)
        self._loads: StateStore[Load] = StateStore(
            Window(), fold=lambda load, times: hear(load, self._rules, times)
        )

    def enter(self, key: OriginKey, now: float) -> Sending:
        """Ask for a request that is about to be sent."""
        if type(self._loads.peek(key)) is Window:
            return UNCOUNTED
        chance = random()  # noqa: S311 - a fair share, not a secret
        return self._loads.apply(key, admit, self._rules, now, chance)

    def leave(
        self, key: OriginKey, now: float, *, accepted: bool | None, counted_before: bool
    ) -> None:
        """Tell how a request has ended, whatever became of it."""
        calmly = accepted and not counted_before
        if calmly and self._loads.append(key, Window, now):
            return
        self._loads.apply(
            key,
            settle,
            self._rules,
            now,
            accepted=accepted,
            counted_before=counted_before,
        )

    def __repr__(self) -> str:
        return f"<AdaptiveThrottle of {len(self._loads)} origins>"
