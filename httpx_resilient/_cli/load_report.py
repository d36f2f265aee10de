"""The outcomes of a load: counted while it runs, printed when it ends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field

from httpx_resilient import Attempt
from httpx_resilient._budget.events import BudgetRefused
from httpx_resilient._cli.console import exit_code
from httpx_resilient._core.events.base import Event
from httpx_resilient._layers.retry.events import AttemptStarted

_ATTEMPTS_STARTED: ContextVar[list[int]] = ContextVar("attempts of this task's request")


@dataclass(frozen=True, slots=True)
class Load:
    """
    The size and pace of a load.

    Args:
        name: Method and URL of each request, without secrets.
        requests: Their total number.
        concurrency: Requests at a time.
        rate: Requests per second, retries included.
    """

    name: str
    requests: int
    concurrency: int
    rate: float


@dataclass(slots=True)
class LoadReport:
    """
    The outcomes of the requests that have ended.

    Args:
        outcomes: Requests by status code or name of the exception.
        requests_by_attempts: Requests by their number of attempts.
        attempt_latencies: Seconds that each attempt took to its headers or failure.
        request_latencies: Seconds that each request took to its headers, with all its
            attempts and the waits between them, but without waits for the rate.
        failed: Requests that ended with an error.
        elapsed: Seconds in total.
        interrupted: Whether Ctrl-C ended the load.
        refused: Retries that the budget has refused.
    """

    outcomes: Counter[str] = field(default_factory=Counter[str])
    requests_by_attempts: Counter[int] = field(default_factory=Counter[int])
    attempt_latencies: list[float] = field(default_factory=list[float])
    request_latencies: list[float] = field(default_factory=list[float])
    failed: int = 0
    elapsed: float = 0.0
    interrupted: bool = False
    refused: int = 0

    def __call__(self, event: Event) -> None:
        """Count what the outcome of a request does not tell."""
        match event:
            case AttemptStarted(attempt=number):
                _ATTEMPTS_STARTED.get().append(number)
            case BudgetRefused():
                self.refused += 1
            case _:
                pass

    def begin(self) -> list[int]:
        """Return a list, to which the attempts that this task starts are added."""
        started: list[int] = []
        _ATTEMPTS_STARTED.set(started)
        return started

    @property
    def exit_code(self) -> int:
        """The exit code of the command."""
        return exit_code(ok=not self.failed, interrupted=self.interrupted)

    @property
    def attempts(self) -> int:
        """The total number of attempts."""
        return sum(
            attempts * requests
            for attempts, requests in self.requests_by_attempts.items()
        )

    def add(
        self, outcome: str, attempts: Sequence[Attempt], *, started: int, failed: bool
    ) -> None:
        """
        Count a request.

        Args:
            outcome: Its status code, or the name of its exception.
            attempts: Those that ended.
            started: The number of attempts that started: a deadline cuts one off.
            failed: Whether the request ended with an error.
        """
        self.outcomes[outcome] += 1
        self.failed += failed
        self.requests_by_attempts[started] += 1
        if not attempts:
            return
        latencies = [each.duration - each.queued for each in attempts]
        waits = sum(each.wait for each in attempts)
        self.attempt_latencies += latencies
        self.request_latencies.append(sum(latencies) + waits)
