"""The history of an event stream: each of its connections is an attempt."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from typing import Any

from httpx_resilient._core.history import KEY, Record

_OK = 200

_FIRST, _MOST = 10, 100
"""How many connections are remembered: the first ones, and the latest."""


class StreamHistory:
    """
    What `attempts_of` and `explain` tell of a response that goes on.

    It has the extensions of the response only: a way back to the response would keep
    it from being collected, and its connection from being released.

    Args:
        extensions: The extensions of the response.
        began: When the request was sent, in monotonic seconds.
        now: When its answer came.
    """

    __slots__ = ("_began", "_extensions", "_records", "_took")

    def __init__(
        self, extensions: MutableMapping[str, Any], began: float, now: float
    ) -> None:
        self._extensions = extensions
        self._began = began
        self._took = now - began
        self._records: list[Record] = []

    def lost(self, reason: str, wait: float) -> None:
        """Record why the last connection or attempt was not the last."""
        if not self._records:
            self._records = self._first()
        number, kind, before, _, *rest = self._records[-1]
        told = before if reason == before or not reason else _joined(before, reason)
        self._records[-1] = (number or 1, kind, told, wait, *rest)  # type: ignore[assignment]  # mypy loses the types of `rest`
        self._leave()

    def sent(
        self,
        kind: int | type[Exception],
        reason: str,
        began: float,
        now: float,
        inside: tuple[float, Sequence[Record]],
    ) -> None:
        """Record an attempt to reconnect."""
        queued, records = inside
        number = self._records[-1][0] + 1
        self._records.append(
            (number, kind, reason, 0.0, now - began, began, queued, records, "", False)
        )
        if len(self._records) > _MOST:
            del self._records[_FIRST]
        self._leave()

    def _first(self) -> list[Record]:
        """Return what layers have left, which may have sent the request repeatedly."""
        found: Any = self._extensions.get(KEY)
        if isinstance(found, list) and found:
            return list(found)  # pyright: ignore[reportUnknownArgumentType] - the records of a layer
        return [(1, _OK, "", 0.0, self._took, self._began, 0.0, (), "", False)]

    def _leave(self) -> None:
        self._extensions[KEY] = list(self._records)


def _joined(before: str, reason: str) -> str:
    return f"{before}, {reason}" if before else reason
