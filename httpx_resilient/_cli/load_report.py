"""The outcomes of a load: counted while it runs, printed when it ends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from rich import box
from rich.table import Table

from httpx_resilient import Attempt, PoolStats
from httpx_resilient._cli.console import (
    exit_code,
    format_count,
    format_number,
    make_console,
    print_json,
    print_line,
    print_table,
)
from httpx_resilient._core.state.quantile import quantile

_QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}
_LATENCY_ROWS = {"attempt": "per attempt", "request": "per request, with retries"}


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
    """

    outcomes: Counter[str] = field(default_factory=Counter[str])
    requests_by_attempts: Counter[int] = field(default_factory=Counter[int])
    attempt_latencies: list[float] = field(default_factory=list[float])
    request_latencies: list[float] = field(default_factory=list[float])
    failed: int = 0
    elapsed: float = 0.0
    interrupted: bool = False

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


def print_report(
    report: LoadReport, load: Load, stats: PoolStats, *, as_json: bool
) -> None:
    """Print the report of a load, with the connections that its pool has counted."""
    latencies = {
        "attempt": _quantiles(report.attempt_latencies),
        "request": _quantiles(report.request_latencies),
    }
    if as_json:
        print_json(_document(report, load, stats, latencies))
        return
    out = make_console()
    ended = report.outcomes.total()
    requests, elapsed = format_count(ended, "request"), format_number(report.elapsed)
    print_line(out, f"{load.name}: {requests} in {elapsed} s", "bold")
    print_table(out, _outcome_table(report))
    print_line(out, f"attempts     {_format_attempts(report)}")
    print_line(
        out,
        f"connections  {stats.opened} opened, "
        f"reused {format_count(stats.reused, 'time')}, {stats.retired} retired",
    )
    print_table(out, _latency_table(latencies))
    if report.interrupted:
        shortfall = f"interrupted after {ended} of {load.requests} requests"
        print_line(out, shortfall, "bold red")


def _format_attempts(report: LoadReport) -> str:
    rate = report.attempts / report.elapsed if report.elapsed else 0.0
    total = f"{report.attempts}, {format_number(rate)} per second"
    if not report.requests_by_attempts:
        return total
    (attempts, requests), *others = sorted(report.requests_by_attempts.items())
    shares = [f"{format_count(requests, 'request')} with {attempts}"]
    shares += [f"{requests} with {attempts}" for attempts, requests in others]
    return f"{total}; {', '.join(shares)}"


def _outcome_table(report: LoadReport) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("outcome")
    table.add_column("requests", justify="right")
    table.add_column("%", justify="right")
    total = report.outcomes.total()
    for outcome, number in report.outcomes.most_common():
        table.add_row(outcome, str(number), f"{100 * number / total:.1f}")
    return table


def _latency_table(latencies: dict[str, dict[str, float]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("ms to headers")
    for name in _QUANTILES:
        table.add_column(name, justify="right")
    for name, values in latencies.items():
        cells = [format_number(1000 * value) for value in values.values()]
        table.add_row(_LATENCY_ROWS[name], *cells)
    return table


def _quantiles(values: Sequence[float]) -> dict[str, float]:
    if not values:
        return {}
    return {name: quantile(values, share) for name, share in _QUANTILES.items()}


def _document(
    report: LoadReport,
    load: Load,
    stats: PoolStats,
    latencies: dict[str, dict[str, float]],
) -> dict[str, Any]:
    settings = asdict(load)
    return {
        "request": settings.pop("name"),
        "ok": report.exit_code == 0,
        "interrupted": report.interrupted,
        "asked": settings,
        "seconds": report.elapsed,
        "outcomes": dict(report.outcomes),
        "attempts": {
            "sent": report.attempts,
            "of_requests": dict(sorted(report.requests_by_attempts.items())),
        },
        "connections": {
            "opened": stats.opened,
            "reused": stats.reused,
            "retired": stats.retired,
        },
        "latency": latencies,
    }
