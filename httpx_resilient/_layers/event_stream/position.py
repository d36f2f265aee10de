"""The position in an event stream, as the blocks that were passed on have told it."""

from __future__ import annotations

from httpx_resilient._layers.event_stream.syntax import (
    BETWEEN,
    BLANK,
    has_data,
    ids_in,
    retries_in,
)

LONGEST_WAIT = 3600.0
"""
Seconds. The longest wait that a stream or a server can ask for.

After that one request finds out whether it still does: no line silences a client for
days.
"""

_DIGITS = 9
"""Digits of milliseconds that are surely above the longest wait."""


class Position:
    """
    What the whole blocks of a stream have told, connection after connection.

    An event is a block with data. A block with an id and no data is none, but its id
    counts. An id with a NUL does not count, and an empty one takes the one before back
    (WHATWG HTML §9.2.6).
    """

    __slots__ = ("_repeated", "has_events", "has_moved", "id", "is_alive", "retry")

    def __init__(self) -> None:
        self.id: bytes | None = None
        """The last id, empty if it was taken back, `None` if there never was one."""
        self.retry: float | None = None
        """Seconds that the stream asks to wait for before a reconnection."""
        self.has_events = False
        """Whether an event was passed on, on any connection."""
        self.is_alive = False
        """Whether an event was passed on since this was set to `False`."""
        self.has_moved = False
        """Whether an event with another id was passed on since this was set so."""
        self._repeated: bytes | None = None
        """The id of the last event, as long as the server may send that one again."""

    def connect(self) -> None:
        """Begin with another connection, which may send the last event again."""
        self._repeated = self.id if self.has_events and self.id else None

    def after(self, blocks: bytes) -> bytes:
        """
        Take whole blocks into account.

        Returns:
            The blocks, without an event that was passed on before: the first one of a
            connection, if it has the last id.
        """
        before = self.id
        if ids := ids_in(blocks):
            self.id = ids[-1]
        if retries := retries_in(blocks):
            self.retry = _seconds(retries[-1])
        if self._repeated is not None:
            blocks = self._without_repeated(blocks)
        if has_data(blocks):
            self.has_events = self.is_alive = True
            self.has_moved = self.has_moved or self.id != before
        return blocks

    def _without_repeated(self, blocks: bytes) -> bytes:
        """Drop the first event if it has the last id. No other one is looked at."""
        begin = 0
        for found in BLANK.finditer(blocks):
            end = found.end()
            block = blocks[begin:end]
            if has_data(block):
                last, self._repeated = self._repeated, None
                if ids_in(block)[-1:] != [last]:
                    break
                comments = BETWEEN.match(block)
                begin += comments.end() if comments else 0
                return blocks[:begin] + blocks[end:]
            begin = end
        return blocks


def _seconds(digits: bytes) -> float:
    """Return milliseconds as seconds, but no more than the longest wait."""
    digits = digits.lstrip(b"0") or b"0"
    if len(digits) > _DIGITS:
        return LONGEST_WAIT
    return min(int(digits) / 1000, LONGEST_WAIT)
