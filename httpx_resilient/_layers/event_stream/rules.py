"""What a user has set for event streams, and the wait before a reconnection."""

from __future__ import annotations

from dataclasses import dataclass

from httpx_resilient._layers.event_stream.position import LONGEST_WAIT

FLOOR = 1.0
"""Seconds. The least wait, from the third fruitless reconnection on."""

FREE = 2
"""Fruitless reconnections in a row that wait as long as the stream asks, or not."""

JITTER = 0.1
"""The share of a wait that is added at random: clients of a server return over that."""


@dataclass(frozen=True, slots=True)
class Rules:
    """
    The settings of a layer, see `EventStreamTransport`.

    Args:
        methods: The methods whose answers may be reconnected.
        finite: Whether a clean end is the end.
        without_ids: Whether a stream without ids goes on after a break, too.
        wait: Seconds before a reconnection, if the stream does not say.
        max_wait: Seconds that waits grow to.
        max_reconnects: Fruitless reconnections in a row.
        max_event_bytes: Bytes of an event.
    """

    methods: frozenset[str]
    finite: bool
    without_ids: bool
    wait: float
    max_wait: float
    max_reconnects: float
    max_event_bytes: int


@dataclass(frozen=True, slots=True)
class Fruitless:
    """
    How many reconnections have come to nothing.

    Args:
        silent: Those since the last event, or since a connection that has lasted.
        unmoved: Those since the last event with another id than the one before.
    """

    silent: int = 0
    unmoved: int = 0

    def after(
        self, rules: Rules, lasted: float, *, is_alive: bool, has_moved: bool
    ) -> Fruitless:
        """
        Return the numbers when a connection has ended.

        Args:
            rules: The settings.
            lasted: Seconds for which it was open.
            is_alive: Whether it has brought an event.
            has_moved: Whether one of them had another id than the one before.
        """
        lasts = lasted >= max(rules.max_wait, FLOOR)
        return Fruitless(
            0 if is_alive or lasts else self.silent,
            0 if has_moved or lasts else self.unmoved,
        )

    def again(self) -> Fruitless:
        """Return the numbers with one more reconnection."""
        return Fruitless(self.silent + 1, self.unmoved + 1)


def wait_before(
    fruitless: Fruitless,
    rules: Rules,
    retry: float | None,
    retry_after: float | None,
    jitter: float,
) -> float:
    """
    Return the seconds to wait before the next reconnection.

    The stream's `retry:` counts as it is, twice; then a second is the least, and each
    wait is twice the one before, up to `max_wait`. An event with another id starts
    anew; one without only ends the growth, because a server may send the same again.

    Args:
        fruitless: The reconnections that have come to nothing.
        rules: The settings.
        retry: Seconds that the stream asks for.
        retry_after: Seconds that the last answer asks for.
        jitter: A random number from 0 to 1.
    """
    wait = rules.wait if retry is None else retry
    if fruitless.unmoved >= FREE:
        wait = max(wait, FLOOR)
    if fruitless.silent >= FREE:
        growth: float = 2.0 ** min(fruitless.silent - FREE, 60)
        wait = max(wait, min(wait * growth, rules.max_wait))
    wait = max(wait, retry_after or 0.0)
    return min(wait * (1 + JITTER * jitter), LONGEST_WAIT)
