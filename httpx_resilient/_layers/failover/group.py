"""The shared state of several origins: which are down, and where to send a request."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

from httpx_resilient._core.context import RequestContext
from httpx_resilient._core.described import Described
from httpx_resilient._core.keys import KeyFunction, check_key, key_of
from httpx_resilient._core.public import Uncopyable, public
from httpx_resilient._core.state.slot import Slot
from httpx_resilient._core.state.store import StateStore
from httpx_resilient._core.state.streak import Streaks
from httpx_resilient._core.validation import StringSequence, number
from httpx_resilient._layers.failover.origins import origins_of

GROUP = "group"
"""The key of the only state in the store of a group without a function for keys."""

ALL_KEYS = "*"
"""The name of that state."""


class GroupState(NamedTuple):
    """
    The state of the origins of a group, in their order.

    Args:
        due: `None` for an origin that is up. For one that is down, the time from which
            it may be probed, in monotonic seconds.
    """

    due: tuple[float | None, ...]


class Choice(NamedTuple):
    """
    The origin that a request is sent to.

    Args:
        origin: Its index in the group.
        down: Whether it was known to be down, so that an answer brings it back.
        lease: For a probe, the time until which no other request is a probe, in
            monotonic seconds.
    """

    origin: int
    down: bool = False
    lease: float | None = None


FIRST_CHOICE = Choice(0)


def choose(
    state: GroupState, tried: Sequence[int], patience: float, lease: float, now: float
) -> tuple[GroupState, Choice]:
    """
    Choose the first origin that is up or may be probed. At least one is not tried yet.

    If all are down, choose the one that may be probed first. So a state that is out of
    date fails no request, and no origin gets the same request twice.

    Args:
        state: The state before.
        tried: The origins that have failed to answer this request.
        patience: Seconds for which this request leaves a due probe to other requests,
            which risk less.
        lease: Seconds for which no other request is a probe if this one is. A lease
            expires by itself, so a probe that hangs, or whose process is gone, does not
            block others forever.
        now: Monotonic seconds.
    """
    down: list[tuple[float, int]] = []
    for origin, due in enumerate(state.due):
        if origin in tried:
            continue
        if due is None:
            return state, Choice(origin)
        if due + patience <= now:
            until = now + lease
            probe = Choice(origin, down=True, lease=until)
            return _with_due(state, origin, until), probe
        down.append((due, origin))
    return state, Choice(min(down)[1], down=True)


def record_failure(
    state: GroupState, choice: Choice, seconds: float, now: float
) -> tuple[GroupState, bool]:
    """
    Take an origin out for some seconds. Return whether it was up before.

    If it is down already, only the failure of its probe counts: all other requests were
    sent before it went down.
    """
    due = state.due[choice.origin]
    if due is None or due == choice.lease:
        state = _with_due(state, choice.origin, now + seconds)
    return state, due is None


def record_answer(state: GroupState, choice: Choice) -> tuple[GroupState, bool]:
    """Bring the origin of an answer back. Return whether it was down before."""
    # A request that was sent while the origin was up may be older than its failure.
    is_back = choice.down and state.due[choice.origin] is not None
    return _with_due(state, choice.origin, None) if is_back else state, is_back


def release(state: GroupState, choice: Choice, now: float) -> tuple[GroupState, None]:
    """Let another request be the probe: this one has ended without a result."""
    if choice.lease is not None and state.due[choice.origin] == choice.lease:
        state = _with_due(state, choice.origin, now)
    return state, None


def _with_due(state: GroupState, origin: int, due: float | None) -> GroupState:
    return GroupState((*state.due[:origin], due, *state.due[origin + 1 :]))


@public()
class Failover(Uncopyable, Described):
    """
    Origins that can replace each other, and which of them are down.

    Any number of clients may share a group: of both libraries, in any thread or task.
    All of them use what one of them finds out.

    The first failure takes an origin out: requests go to the next origin and stay
    there. After `cooldown`, a single request probes the earlier origin while the others
    stay. An answer brings all of them back; a failure starts another `cooldown`. This
    is how nginx works (`max_fails=1`, `fail_timeout=10s`). Here the probe is a request
    that can fail over to the next origin. A request that cannot becomes the probe only
    if no other one did for another `cooldown`.

    If the origin says how long to wait, that time replaces `cooldown`, up to a minute.
    A refusal of this side, such as `RateLimitExceeded`, takes no origin out.

    Args:
        origins: Origins such as `https://api.example.com`, in order of preference.
            Address your requests to the first one.
        cooldown: Seconds until an origin is probed. Up to a tenth is added at random,
            so that clients which left an origin together do not return together.
        slow_after: Seconds without an answer after which a request that its caller
            cancels is a failure of its origin, as a timeout is. Set it lower than the
            limits of your callers, if these are lower than the timeouts of the client:
            then an origin that never answers is left. Time in a queue on this side does
            not count. Without it, ten cancelled requests in a row without any answer
            in between are a failure; those that are cancelled together count as one.
        key: A function of the request that returns a key, such as `key_by_path()`. For
            each key, other origins may be down: requests to the one path that an origin
            fails to serve go to the next one, and all others stay. By default, the
            origins are up or down for all requests. At most 1000 keys are stored.

    Raises:
        TypeError: An origin is not a string; `cooldown` or `slow_after` is not a
            number; `key` is not a plain function.
        ValueError: `origins` is empty, or names an origin twice; an origin is more than
            scheme, host and port; `cooldown` or `slow_after` is not above 0.

    Example:
        >>> group = Failover(["https://eu.example.com", "https://us.example.com"])
        >>> transport = FailoverTransport(RetryingTransport(), group)
        >>> group.down
        ()
    """

    def __init__(
        self,
        origins: StringSequence,
        *,
        cooldown: float = 10.0,
        slow_after: float | None = None,
        key: KeyFunction | None = None,
    ) -> None:
        self.origins: tuple[str, ...] = origins_of(origins)
        cooldown = number("cooldown", cooldown, above=0, unit="seconds")
        if slow_after is not None:
            slow_after = number("slow_after", slow_after, above=0, unit="seconds")
        check_key(key)
        self.cooldown = cooldown
        self.slow_after: float = math.inf if slow_after is None else slow_after
        self.key = key
        self.given_up: Streaks = Streaks()
        self.has_answered: bool = False
        """Whether an origin has answered since a request was given up."""
        up = GroupState((None,) * len(self.origins))
        self.store: StateStore[GroupState] = StateStore(up)
        # The slot of a store's only key is never evicted, so reads need no look-up.
        store = self.store if key is None else StateStore(up)
        self.slot: Slot[GroupState] = store.slot(GROUP)

    def key_in(self, context: RequestContext) -> Hashable:
        """Return the key of the state that a request uses."""
        return GROUP if self.key is None else key_of(context, self.key)

    @property
    def down(self) -> tuple[str, ...]:
        """The origins that have failed, for any key, and have not answered since."""
        down = {origin for each in self.states().values() for origin in each}
        return tuple(origin for origin in self.origins if origin in down)

    def states(self) -> dict[Any, tuple[str, ...]]:
        """
        Return the origins that are down, by what `key` returned.

        Without `key`, the only key is `*`.
        """
        return {
            ALL_KEYS if self.key is None else key: tuple(
                origin
                for origin, due in zip(self.origins, state.due, strict=True)
                if due is not None
            )
            for key, state in self.store.states().items()
        }
