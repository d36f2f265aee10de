"""What became of a load, in numbers: counted, and told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from rich import box
from rich.table import Table

from httpx_resilient import Attempt, PoolStats
from httpx_resilient._cli.console import (
    FAILED,
    INTERRUPTED,
    console,
    emit,
    say,
    seconds,
    show_table,
    times,
)
from httpx_resilient._core.state.quantile import quantile

_QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}


@dataclass(frozen=True, slots=True)
class Load:
    """
    How much is sent.

    Args:
        name: What each request is, without what may be secret.
        requests: In all.
        concurrency: At a time.
        rate: A second, with all that is tried again.
    """

    name: str
    requests: int
    concurrency: int
    rate: float


@dataclass(slots=True)
class Tally:
    """
    What became of the requests that have ended.

    Args:
        outcomes: How many ended with a status code, or with an exception.
        attempts: How many took so many attempts.
        of_attempts: Seconds that each attempt took to its headers, or until it failed.
        of_requests: Seconds that each request took to its headers, with all its
            attempts and the waits between them. Waits for the rate are not in it.
        failed: How many went wrong.
        took: Seconds in all.
        interrupted: Whether somebody pressed Ctrl-C.
    """

    outcomes: Counter[str] = field(default_factory=Counter[str])
    attempts: Counter[int] = field(default_factory=Counter[int])
    of_attempts: list[float] = field(default_factory=list[float])
    of_requests: list[float] = field(default_factory=list[float])
    failed: int = 0
    took: float = 0.0
    interrupted: bool = False

    @property
    def code(self) -> int:
        """The exit code."""
        if self.interrupted:
            return INTERRUPTED
        return FAILED if self.failed else 0

    def add(
        self, outcome: str, attempts: Sequence[Attempt], *, started: int, failed: bool
    ) -> None:
        """
        Count a request.

        Args:
            outcome: Its status code, or the name of its exception.
            attempts: Those of which the end is known.
            started: How many there were. At a deadline, one is cut off.
            failed: Whether it went wrong.
        """
        self.outcomes[outcome] += 1
        self.failed += failed
        self.attempts[started] += 1
        if not attempts:
            return
        took = [each.duration - each.queued for each in attempts]
        self.of_attempts += took
        self.of_requests.append(sum(took) + sum(each.wait for each in attempts))

    @property
    def sent(self) -> int:
        """How many attempts there were."""
        return sum(number * many for number, many in self.attempts.items())


def show(tally: Tally, load: Load, stats: PoolStats, *, as_json: bool) -> None:
    """Print it, as a table or for a machine."""
    latencies = {
        "attempt": _quantiles(tally.of_attempts),
        "request": _quantiles(tally.of_requests),
    }
    if as_json:
        emit(_document(tally, load, stats, latencies))
        return
    out = console()
    ended = times(tally.outcomes.total(), "request")
    say(out, f"{load.name}: {ended} in {seconds(tally.took)} s", "bold")
    show_table(out, _outcomes(tally))
    counts = sorted(tally.attempts.items())
    say(out, f"attempts     {_attempts(counts, tally)}")
    say(
        out,
        f"connections  {stats.opened} opened, reused {times(stats.reused, 'time')}, "
        f"{stats.retired} given up",
    )
    show_table(out, _latencies(latencies))
    if tally.interrupted:
        say(out, f"interrupted, {load.requests} were to be sent", "bold red")


def _attempts(counts: list[tuple[int, int]], tally: Tally) -> str:
    rate = tally.sent / tally.took if tally.took else 0.0
    parts = ", ".join(f"{many} with {number}" for number, many in counts)
    return f"{tally.sent}, {seconds(rate)} a second: {parts or 'none'}"


def _outcomes(tally: Tally) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("outcome")
    table.add_column("requests", justify="right")
    table.add_column("%", justify="right")
    all_of_them = tally.outcomes.total()
    for outcome, number in tally.outcomes.most_common():
        table.add_row(outcome, str(number), f"{number / all_of_them:.1%}"[:-1])
    return table


def _latencies(latencies: dict[str, dict[str, float]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("ms to the headers")
    for name in _QUANTILES:
        table.add_column(name, justify="right")
    told = {"attempt": "of an attempt", "request": "of a request, with retries"}
    for name, values in latencies.items():
        cells = [seconds(1000 * value) for value in values.values()]
        table.add_row(told[name], *cells)
    return table


def _quantiles(values: Sequence[float]) -> dict[str, float]:
    if not values:
        return {}
    return {name: quantile(values, share) for name, share in _QUANTILES.items()}


def _document(
    tally: Tally,
    load: Load,
    stats: PoolStats,
    latencies: dict[str, dict[str, float]],
) -> dict[str, Any]:
    return {
        "request": load.name,
        "ok": tally.code == 0,
        "interrupted": tally.interrupted,
        "asked": {
            name: value for name, value in asdict(load).items() if name != "name"
        },
        "seconds": tally.took,
        "outcomes": dict(tally.outcomes),
        "attempts": {
            "sent": tally.sent,
            "of_requests": dict(sorted(tally.attempts.items())),
        },
        "connections": {
            "opened": stats.opened,
            "reused": stats.reused,
            "retired": stats.retired,
        },
        "latency": latencies,
    }
