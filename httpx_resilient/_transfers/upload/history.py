"""The history of an upload, as `explain` and `attempts_of` read it."""

from __future__ import annotations

from typing import Any

from httpx_resilient._core.history import Record, history_on, leave_history
from httpx_resilient._transfers.upload.state import Step


class History:
    """
    The records of an upload, one for each request. After a wait, a new attempt begins.

    Unbroken pieces in succession share one, so that an upload of any size has few.
    """

    def __init__(self) -> None:
        self._records: list[Record] = []
        self._number = 1
        self._run: tuple[int, int] | None = None
        """The start of the unbroken pieces in the last record, and how many."""

    def add(
        self,
        step: Step,
        outcome: Any,
        said: str,
        times: tuple[float, float],
        *,
        is_unbroken: bool = False,
    ) -> None:
        """
        Add a request.

        Args:
            step: The request.
            outcome: Its response or exception.
            said: What followed from it.
            times: When it was sent, and when its outcome was there: monotonic seconds.
            is_unbroken: Whether it is a piece that was accepted.
        """
        started, ended = times
        inside = history_on(outcome)
        is_error = isinstance(outcome, Exception)
        shown = type(outcome) if is_error else outcome.status_code
        name, run = _named(step), None
        if is_unbroken and len(inside) <= 1:
            start, count = self._run or (step.start, 0)
            run = start, count + 1
            if count:
                started = self._records.pop()[5]
                name = f"PATCH {start:,}-{step.end:,} in {count + 1} pieces"
        self._run = run
        reason = said if said.startswith(name) else f"{name}: {said}"
        more = inside if len(inside) > 1 else ()
        took = ended - started
        self._records.append(
            (self._number, shown, reason, 0.0, took, started, 0.0, more, "", False)
        )

    def wait(self, seconds: float) -> None:
        """Add the wait after the last request."""
        last = self._records[-1]
        self._records[-1] = (*last[:3], seconds, *last[4:])
        self._number += 1

    def leave_on(self, outcome: Any, summary: str) -> None:
        """Leave the records on an outcome, for those who ask, with a summary."""
        last = self._records[-1]
        self._records[-1] = (*last[:2], f"{last[2]}; {summary}", *last[3:])
        leave_history(outcome, self._records)


def _named(step: Step) -> str:
    name: str = step.kind.value
    return f"{name} {step.start:,}-{step.end:,}" if step.size else name
