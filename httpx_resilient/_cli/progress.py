"""The story of one request, told line by line while it happens."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.status import Status

from httpx_resilient._cli.console import ERROR, outcome_of, say, seconds
from httpx_resilient._core.events.base import Event, RequestEvent
from httpx_resilient._core.events.queueing import Admitted, Queued
from httpx_resilient._layers.retry.events import (
    AttemptEnded,
    AttemptStarted,
    GaveUp,
    RetryScheduled,
)
from httpx_resilient._pool.events import ConnectionOpened, ConnectionReused

_SILENT = (Admitted, GaveUp, Queued)
"""Of these there is nothing to tell that is not in another line."""


class Story:
    """
    Listens to the events of one request, and tells them.

    Args:
        out: Where a line is told for each attempt, if anywhere.
        status: What moves meanwhile, on a terminal.
    """

    def __init__(self, out: Console | None, status: Status | None = None) -> None:
        self._out = out
        self._status = status
        self._untold: dict[str, Any] | None = None
        self.attempts: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        self.connection: str | None = None

    def __call__(self, event: Event) -> None:
        """Tell an event, or keep it for the line that it belongs to."""
        self.events.append(event.fields())
        match event:
            case AttemptStarted(attempt=number):
                self.ends()
                if number == 1 and self.attempts:
                    self._emit(f"redirected to {event.method} {event.url}")
                self._moves(f"attempt {number}")
            case AttemptEnded(attempt=number, duration=duration):
                fields = event.fields()
                self._untold = {
                    "number": number,
                    "outcome": fields["outcome"],
                    "reason": "",
                    "duration": duration,
                    "wait": 0.0,
                }
                self.attempts.append(self._untold)
            case RetryScheduled(reason=reason, wait=wait):
                self.ends(reason, wait)
                self._moves(f"waits {seconds(wait)} s")
            case ConnectionOpened() | ConnectionReused():
                is_new = isinstance(event, ConnectionOpened)
                self.connection = "new" if is_new else "reused"
            case RequestEvent() if not isinstance(event, _SILENT):
                # Without what all lines would begin with.
                text = str(event).removeprefix(f"{event.method} {event.url}: ")
                self._emit(f"           {text}")
            case _:
                pass

    def ends(self, reason: str = "", wait: float | None = None) -> None:
        """Tell the attempt that is not told yet, and the wait if one follows."""
        attempt, self._untold = self._untold, None
        if attempt is None:
            return
        attempt.update(reason=reason, wait=wait or 0.0)
        outcome = attempt["outcome"]
        text = outcome_of(outcome) if isinstance(outcome, int) else outcome
        text += reason.removeprefix(str(outcome))
        line = f"attempt {attempt['number']}: {text}, {seconds(attempt['duration'])} s"
        if wait is not None:
            line += f", next in {seconds(wait)} s"
        is_good = isinstance(outcome, int) and outcome < ERROR
        self._emit(line, "" if is_good else "yellow")

    def _emit(self, line: str, style: str = "") -> None:
        if self._out is not None:
            say(self._out, line, style)

    def _moves(self, text: str) -> None:
        if self._status is not None:
            self._status.update(text)
