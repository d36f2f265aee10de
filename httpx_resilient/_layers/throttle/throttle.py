"""The adaptive throttle: the loads of all origins."""

from __future__ import annotations

from collections.abc import Hashable
from random import random

from httpx_resilient._core.described import Described
from httpx_resilient._core.keys import KeyFunction, check_key
from httpx_resilient._core.public import Uncopyable, public
from httpx_resilient._core.state.sliding_window import SLICES, Window
from httpx_resilient._core.state.store import StateStore
from httpx_resilient._core.validation import number
from httpx_resilient._layers.throttle.load import (
    UNCOUNTED,
    Decision,
    Load,
    Rules,
    admit,
    fold,
    settle,
)


@public()
class AdaptiveThrottle(Uncopyable, Described):
    """
    The loads of all origins for `ThrottlingTransport`s, which can share it.

    It counts requests and accepted requests. As long as the origin accepts one of `k`
    requests, the throttle sends all. Of the requests beyond that, it rejects a share
    locally and at random, before they cost the server anything:
    (requests - k * accepted) / (requests + 8). So by default a server that can accept a
    fifth of the requests gets two fifths, and a server that is down gets a tenth.

    Args:
        k: Requests that are sent for each accepted one, 1 or more. A lower value spares
            the server more, a higher value notices its recovery earlier.
        minimum_calls: Nothing is rejected locally until this number of requests ended
            within the window. So a single rejection, or a client that sends little,
            loses no request.
        window: Seconds for which a request counts.
        max_rejection: The largest share that is rejected locally, below 1. The rest are
            probes that notice when the server recovers. Then the share falls to 0
            within half a window.
        key: A function of the request that returns the key of its load, if that is not
            the origin, such as `key_by_path()`. At most 1000 keys are stored.

    Raises:
        TypeError: An argument is not a number, or `key` is not a plain function.
        ValueError: A number is out of its range.

    The statuses 429, 502, 503, 504 and 529 are rejections. So are timeouts, and
    connections that fail or break before the response headers. Failures of this side do
    not count.

    The formula comes from "Handling Overload" (Site Reliability Engineering, 2016,
    chapter 21), whose window of two minutes is too long for one client. The limit on
    the rejected share comes from failsafe-go, the 8 from gRPC's route lookup. With a
    minimum of 40 calls, a client of three requests a second would never reject. When an
    origin has accepted nothing for a fifth of a window, an outage, the throttle drops
    the origin's earlier successes.

    Example:
        >>> throttle = AdaptiveThrottle(k=1.5)
        >>> transport = ThrottlingTransport(None, throttle)
    """

    def __init__(
        self,
        *,
        k: float = 2.0,
        minimum_calls: int = 20,
        window: float = 10.0,
        max_rejection: float = 0.9,
        key: KeyFunction | None = None,
    ) -> None:
        check_key(key)
        self.key = key
        k = number("k", k, least=1, unit="requests")
        minimum_calls = number(
            "minimum_calls", minimum_calls, least=1, whole=True, unit="requests"
        )
        window = number("window", window, above=0, unit="seconds")
        max_rejection = number("max_rejection", max_rejection, above=0, most=0.99)
        self._rules = Rules(k, window / SLICES, max_rejection, minimum_calls)
        self._loads: StateStore[Load] = StateStore(
            Window(), fold=lambda load, times: fold(load, self._rules, times)
        )

    def enter(self, key: Hashable, now: float) -> Decision:
        """Decide whether a request is sent."""
        if type(self._loads.peek(key)) is Window:
            return UNCOUNTED
        draw = random()  # noqa: S311 - a fair share needs no secure randomness
        return self._loads.apply(key, admit, self._rules, now, draw)

    def leave(
        self,
        key: Hashable,
        now: float,
        *,
        accepted: bool | None,
        counted_at: float | None,
    ) -> None:
        """Record how a request ended."""
        is_new_success = accepted and counted_at is None
        if is_new_success and self._loads.append(key, Window, now):
            return
        self._loads.apply(
            key,
            settle,
            self._rules,
            now,
            accepted=accepted,
            counted_at=counted_at,
        )
