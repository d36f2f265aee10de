"""The report of a load, printed as tables or as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich import box
from rich.table import Table

from httpx_resilient import PoolStats
from httpx_resilient._cli.console import (
    fits,
    format_count,
    format_number,
    make_console,
    print_json,
    print_line,
    print_table,
)
from httpx_resilient._cli.load_report import Load, LoadReport
from httpx_resilient._core.state.quantile import quantile

_QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}
_LATENCY_ROWS = {"attempt": "per attempt", "request": "per request, with retries"}


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
    if report.refused:
        refused = format_count(report.refused, "retry", "retries")
        print_line(out, f"refused      {refused}: the retry budget was spent", "yellow")
    print_line(
        out,
        f"connections  {stats.opened} opened, "
        f"reused {format_count(stats.reused, 'time')}, {stats.retired} retired",
    )
    table = _latency_table(latencies)
    print_table(
        out, table if fits(out, table) else _latency_table(latencies, short=True)
    )
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


def _latency_table(
    latencies: dict[str, dict[str, float]], *, short: bool = False
) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("ms to headers")
    for name in _QUANTILES:
        table.add_column(name, justify="right")
    for name, values in latencies.items():
        cells = [format_number(1000 * value) for value in values.values()]
        row = _LATENCY_ROWS[name]
        table.add_row(row.partition(",")[0] if short else row, *cells)
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
            "refused_by_budget": report.refused,
        },
        "connections": {
            "opened": stats.opened,
            "reused": stats.reused,
            "retired": stats.retired,
        },
        "latency": latencies,
    }
