"""The history of an upload, as `explain` and `attempts_of` read it."""

from __future__ import annotations

from typing import Any

from httpx_resilient._core.history import Record, history_on, leave_history
from httpx_resilient._transfers.upload.state import Go, Kind, Step, Verdict


class History:
    """
    The records of an upload, one for each request. After a wait, a new attempt begins.

    Unbroken pieces in succession share one, so that an upload of any size has few.
    """

    def __init__(self) -> None:
        self._records: list[Record] = []
        self._number = 1
        self._run: tuple[int, int, int] | None = None
        """The start and the end of the pieces in the last record, and how many."""

    def add(
        self,
        step: Step,
        outcome: Any,
        verdict: Verdict,
        started: float,
        ended: float,
    ) -> None:
        """
        Add a request.

        Args:
            step: The request.
            outcome: Its response or exception.
            verdict: What followed from it.
            started: When it was sent, in monotonic seconds.
            ended: When its outcome was there.
        """
        inside = history_on(outcome)
        error = isinstance(outcome, Exception)
        shown = type(outcome) if error else outcome.status_code
        name, number = _named(step), self._number
        said = verdict.reason
        reason = said if said.startswith(name) else f"{name}: {said}"
        run = None
        is_unbroken = not error and isinstance(verdict, Go) and len(inside) <= 1
        if step.kind is Kind.APPEND and is_unbroken and verdict.state.is_known:
            run = step.start, step.end, 1
            if self._run is not None:
                start, _, count = self._run
                run = start, step.end, count + 1
                first = self._records.pop()
                started, number = first[5], first[0]
                reason = (
                    f"PATCH {start:,}-{step.end:,} in {count + 1} pieces: "
                    f"{verdict.reason}"
                )
        self._run = run
        more = inside if len(inside) > 1 else ()
        self._records.append(
            (number, shown, reason, 0.0, ended - started, started, 0.0, more, "", False)
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
