"""The progress of one request, printed while it runs."""

from __future__ import annotations

import re
import time
from typing import Any

import httpx
from rich.console import Console
from rich.status import Status

from httpx_resilient._cli.console import (
    ERROR_STATUS,
    format_number,
    format_status,
    print_line,
)
from httpx_resilient._core.events.base import Event, RequestEvent
from httpx_resilient._core.events.queueing import Admitted, Queued
from httpx_resilient._core.redaction import MARK
from httpx_resilient._layers.retry.events import (
    AttemptEnded,
    AttemptStarted,
    GaveUp,
    NotRetried,
    RetryScheduled,
)
from httpx_resilient._pool.events import ConnectionOpened, ConnectionReused

_PUBLIC_HEADERS = re.compile(
    "accept-ranges|age|alt-svc|cache-control|connection|content-(?:encoding|language"
    "|length|range|type)|date|expires|keep-alive|last-modified|retry-after|server"
    "|transfer-encoding|upgrade|vary|via|(?:x-)?rate-?limit.*|x-should-retry"
)
"""Headers that are no secret: those of RFC 9110 and 9111, and those about quotas."""

_NOT_PRINTED = (Admitted, GaveUp, NotRetried, Queued)
"""Events that add nothing to the lines of the attempts."""


class ProgressReporter:
    """
    A listener that records the events of one request and prints its attempts.

    An attempt is printed when it is known whether another one follows.

    Args:
        out: Prints a line for each attempt; `None` prints nothing.
        status: The animated status line, on a terminal.
        verbose: Whether to print all events, and headers.
    """

    def __init__(
        self,
        out: Console | None,
        status: Status | None = None,
        *,
        verbose: bool = False,
    ) -> None:
        self._out = out
        self._status = status
        self._verbose = verbose
        self.started = time.monotonic()
        self._pending: dict[str, Any] | None = None
        self.attempts: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        self.connection: str | None = None

    def __call__(self, event: Event) -> None:
        """Record an event, and print the lines that it completes."""
        at = time.monotonic() - self.started
        self.events.append({"at": at, **event.fields()})
        if self._verbose:
            self._print(f"{at:9.3f} s {event}", "dim")
        match event:
            case AttemptStarted(attempt=number):
                self.finish_attempt()
                if number == 1 and self.attempts:
                    self._print(f"redirected to {event.method} {event.url}")
                self._update_status(f"attempt {number}")
            case AttemptEnded(attempt=number, duration=duration):
                self._pending = {
                    "number": number,
                    "outcome": event.fields()["outcome"],
                    "reason": "",
                    "duration": duration,
                    "wait": 0.0,
                }
                self.attempts.append(self._pending)
            case RetryScheduled(reason=reason, wait=wait):
                self.finish_attempt(reason, wait)
                self._update_status(f"waiting {format_number(wait)} s")
            case ConnectionOpened() | ConnectionReused():
                is_new = isinstance(event, ConnectionOpened)
                self.connection = "new" if is_new else "reused"
            case RequestEvent() if not (
                self._verbose or isinstance(event, _NOT_PRINTED)
            ):
                # The method and URL are the same on all lines.
                text = str(event).removeprefix(f"{event.method} {event.url}: ")
                self._print(f"           {text}")
            case _:
                pass

    def finish_attempt(self, reason: str = "", wait: float | None = None) -> None:
        """
        Print the attempt that ended last, unless it is printed already.

        Args:
            reason: Why it failed.
            wait: Seconds until the next attempt, if there is one.
        """
        attempt, self._pending = self._pending, None
        if attempt is None:
            return
        attempt.update(reason=reason, wait=wait or 0.0)
        outcome, duration = attempt["outcome"], format_number(attempt["duration"])
        text = format_status(outcome) if isinstance(outcome, int) else outcome
        text += reason.removeprefix(str(outcome))
        line = f"attempt {attempt['number']}: {text}, {duration} s"
        if wait is not None:
            line += f", next in {format_number(wait)} s"
        is_good = isinstance(outcome, int) and outcome < ERROR_STATUS
        self._print(line, "" if is_good else "yellow")

    def print_headers(self, response: httpx.Response) -> None:
        """Print the headers of a response, if that is wanted, without secrets."""
        if not self._verbose:
            return
        self._print(f"{response.http_version} {format_status(response.status_code)}")
        for name, value in response.headers.multi_items():
            shown = value if _PUBLIC_HEADERS.fullmatch(name) else MARK
            self._print(f"{name}: {shown}", "dim")

    def _print(self, line: str, style: str = "") -> None:
        if self._out is not None:
            print_line(self._out, line, style)

    def _update_status(self, text: str) -> None:
        if self._status is not None:
            self._status.update(text)
