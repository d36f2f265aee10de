"""What has happened in a download: its requests, and the failures it went on after."""

from __future__ import annotations

import threading
from typing import Any

from httpx_resilient._core.attempts import Attempt, attempts_of
from httpx_resilient._core.history import KEY, Record, leave_history
from httpx_resilient._transfers.download.result import DownloadBreak


class Log:
    """
    The history of a download.

    Args:
        started: Monotonic seconds.
    """

    def __init__(self, started: float) -> None:
        self.started = started
        self.breaks: list[DownloadBreak] = []
        self._attempts: list[Attempt] = []
        self._lock = threading.Lock()

    def sent(self, outcome: Any, reason: str, at: float, now: float) -> int:
        """
        Record a request whose headers have come, or that has failed.

        Args:
            outcome: The response or the exception. It may have a history of its own.
            reason: Why it was sent, or why it failed.
            at: When it was sent, in monotonic seconds.
            now: The time.

        Returns:
            Its place, for `ended`.
        """
        attempts = [
            each._replace(at=each.at + at - self.started)
            for each in attempts_of(outcome)
        ]
        if not attempts:
            is_error = isinstance(outcome, BaseException)
            what = type(outcome) if is_error else outcome.status_code
            attempts = [Attempt(1, what, "", 0.0, now - at, at - self.started)]
        if reason:
            last = attempts[-1]
            attempts[-1] = last._replace(reason=_joined(last.reason, reason))
        with self._lock:
            first = len(self._attempts)
            self._attempts += [
                each._replace(number=first + index)
                for index, each in enumerate(attempts, 1)
            ]
            return len(self._attempts) - 1

    def ended(self, place: int, reason: str, wait: float = 0.0) -> None:
        """Add to the record of a request why it was not the last one."""
        with self._lock:
            one = self._attempts[place]
            self._attempts[place] = one._replace(
                reason=_joined(one.reason, reason), wait=wait
            )

    @property
    def has_bytes(self) -> bool:
        """Whether any bytes have ever come."""
        return any(each.offset for each in self.breaks)

    def leave_on(self, error: BaseException) -> None:
        """Leave the history on an exception, for `attempts_of` and `explain`."""
        if self._attempts:
            leave_history(error, self._records())

    def extensions(self) -> dict[str, Any]:
        """Return the history as a result holds it."""
        return {KEY: self._records()}

    def _records(self) -> list[Record]:
        return [
            (
                each.number,
                each.outcome,
                each.reason,
                each.wait,
                each.duration,
                each.at,
                each.queued,
                (),
                each.origin,
                each.hedge,
            )
            for each in self._attempts
        ]


def _joined(one: str, other: str) -> str:
    return f"{one}, {other}" if one else other
