"""The report of simulations: a table, charts, and what they show in plain words."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from httpx_resilient._cli.chart import HEIGHT, Chart
from httpx_resilient._cli.console import (
    format_number,
    make_console,
    print_json,
    print_line,
    print_table,
)
from httpx_resilient._cli.simulation_words import conclusions, describe
from httpx_resilient.simulation import Server, SimulationResult, Traffic
from httpx_resilient.simulation._bins import Bin, binned

_STYLES = {"A": "magenta", "B": "cyan"}
_LABEL = 8
"""Columns to the left of a chart."""

_WIDEST = 100


@dataclass(frozen=True, slots=True)
class Situation:
    """
    What the policies of a report have in common.

    Args:
        traffic: The clients.
        server: The server.
        seconds: Of traffic.
        seed: Of all that is random.
    """

    traffic: Traffic
    server: Server
    seconds: int
    seed: int


@dataclass(frozen=True, slots=True)
class Simulated:
    """
    A policy and its result.

    Args:
        letter: `A` or `B`.
        name: Its options.
        result: What it leads to.
    """

    letter: str
    name: str
    result: SimulationResult


def print_simulations(
    situation: Situation, runs: Sequence[Simulated], *, as_json: bool
) -> None:
    """Print the results of one policy, or of two beside each other."""
    if as_json:
        print_json(_document(situation, runs))
        return
    out = make_console()
    _print_wrapped(
        out, describe(situation.traffic, situation.server, situation.seconds)
    )
    for run in runs:
        _print_wrapped(out, f"{run.letter}: {run.name}", _STYLES[run.letter])
    print_table(out, _table(runs, situation))
    _print_charts(out, situation, runs)
    print_line(out, "")
    named = [(each.letter, each.result) for each in runs]
    for text in conclusions(named, situation.server):
        _print_wrapped(out, text)


def _print_wrapped(out: Console, text: str, style: str = "") -> None:
    for line in textwrap.wrap(text, min(out.width, _WIDEST), break_long_words=False):
        print_line(out, line, style)


def _table(runs: Sequence[Simulated], situation: Situation) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("")
    for run in runs:
        table.add_column(run.letter, justify="right", style=_STYLES[run.letter])
    columns = [_cells(run.result, situation) for run in runs]
    for name in columns[0]:
        table.add_row(name, *(column[name] for column in columns))
    return table


def _cells(result: SimulationResult, situation: Situation) -> dict[str, str]:
    recovery = "-"
    if result.over is not None:
        left = f"not in {situation.seconds - result.over:g}"
        recovery = left if result.recovery is None else str(result.recovery)
    return {
        "calls": f"{result.calls:,}",
        "success, %": f"{100 * result.success:.1f}",
        "requests per call": f"{result.amplification:.2f}",
        "peak load, requests/s": f"{result.peak:,}",
        "recovery, s": recovery,
        "p50 of calls, ms": format_number(1000 * result.latency(0.5)),
        "p99 of calls, ms": format_number(1000 * result.latency(0.99)),
        "refused by the budget": f"{result.refused:,}",
    }


def _print_charts(
    out: Console, situation: Situation, runs: Sequence[Simulated]
) -> None:
    columns = max(min(out.width, _WIDEST) - _LABEL, 10)
    bins = [binned(run.result.by_second, columns) for run in runs]
    chart = Chart(out, [_is_bad(each, bins[0], situation) for each in bins[0]])
    top = max(each.requests for series in bins for each in series)
    width = _width_of(bins[0], situation)
    means = f", means of {width} s" if width > 1 else ""
    print_line(out, f"load on the server, to {top:,.0f} requests/s{means}", "bold")
    for run, series in zip(runs, bins, strict=True):
        loads = [each.requests for each in series]
        _print_chart(out, run, chart.rows(loads, top), (format_number(top), "0"))
    print_line(out, " " * _LABEL + chart.axis, "yellow")
    print_line(out, "calls that succeed, by their start", "bold")
    for run, series in zip(runs, bins, strict=True):
        shares = [each.success for each in series]
        _print_chart(out, run, chart.rows(shares, 1.0), ("100 %", "0 %"))
    print_line(out, " " * _LABEL + chart.axis, "yellow")
    end = f"{situation.seconds} s"
    legend = f"{chart.outage} outage" if situation.server.outages else ""
    middle = legend.center(len(chart.axis) - len(end) - 3)
    print_line(out, f"{' ' * _LABEL}0 s{middle}{end}")


def _print_chart(
    out: Console, run: Simulated, rows: Sequence[str], ends: tuple[str, str]
) -> None:
    labels = [ends[0], *[""] * (HEIGHT - 2), ends[1]]
    for number, (label, row) in enumerate(zip(labels, rows, strict=True)):
        letter = run.letter if number == 0 else " "
        print_line(out, f"{letter} {label:>{_LABEL - 3}} {row}", _STYLES[run.letter])


def _width_of(series: Sequence[Bin], situation: Situation) -> int:
    return series[1].start if len(series) > 1 else situation.seconds


def _is_bad(one: Bin, series: Sequence[Bin], situation: Situation) -> bool:
    width = _width_of(series, situation)
    return any(
        each.start < one.start + width and one.start < each.end
        for each in situation.server.outages
    )


def _document(situation: Situation, runs: Sequence[Simulated]) -> dict[str, Any]:
    return {
        **asdict(situation),
        "policies": [
            {
                "name": run.name,
                "calls": run.result.calls,
                "succeeded": run.result.succeeded,
                "success": run.result.success,
                "requests": run.result.requests,
                "amplification": run.result.amplification,
                "peak": run.result.peak,
                "recovery": run.result.recovery,
                "latency": {
                    "p50": run.result.latency(0.5),
                    "p99": run.result.latency(0.99),
                },
                "refused": run.result.refused,
                "outcomes": dict(run.result.outcomes),
                "by_second": [each._asdict() for each in run.result.by_second],
            }
            for run in runs
        ],
    }
