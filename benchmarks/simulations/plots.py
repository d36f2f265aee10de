"""The plots of the simulations, for the README, which is 800 pixels wide."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.plots import (
    OTHER_COLOR,
    OURS_COLOR,
    STOCK_COLOR,
    figure_of,
    pair_of_figures,
    saved,
)
from benchmarks.simulations import (
    budgets,
    events,
    hedging,
    hints,
    outage,
    overload,
)
from benchmarks.simulations.measure import Results
from benchmarks.simulations.reporting import CaseResult

COLORS = {
    budgets.NONE: "black",
    budgets.UNLIMITED: STOCK_COLOR,
    budgets.FINAGLE: "#d98880",
    budgets.AWS_2026: "#e0a458",
    budgets.GRPC_A6: OTHER_COLOR,
    budgets.OURS: OURS_COLOR,
}
TAILS = {
    hedging.NONE: ("-", STOCK_COLOR),
    "p99": ("--", OTHER_COLOR),
    "p90": (":", OTHER_COLOR),
    hedging.OURS: ("-", OURS_COLOR),
}


def draw(results: Results, folder: Path, report: Mapping[str, Any]) -> Iterator[Path]:
    """Draw a PNG for each of the most important simulations, if they were run."""
    footer = f"{report['date']}, {report['python']}, simulated"
    if "overload" in results:
        yield _overload(results["overload"], folder / "overload.png", footer)
    if {"overload", "outage", "events", "hints"} <= results.keys():
        yield _bad_moments(results, folder / "bad-moments.png", footer)
    if "hedging" in results:
        yield _hedging(results["hedging"], folder / "hedging.png", footer)


def _overload(results: Sequence[CaseResult], path: Path, footer: str) -> Path:
    figure, axes = figure_of(
        "A server stands still for 10 s: seconds to recovery, by retry budget"
    )
    horizon = overload.HORIZON
    width = 1 / (len(COLORS) + 1)
    for number, (policy, color) in enumerate(COLORS.items()):
        found = [overload.mean_of(results, policy, level) for level in overload.LEVELS]
        bars = axes.bar(
            [level + number * width for level in range(len(found))],
            [horizon if seconds is None else seconds for seconds in found],
            width,
            color=color,
            label=policy,
        )
        for bar, seconds in zip(bars, found, strict=True):
            if seconds is None:
                bar.set(alpha=0.35, hatch="///", edgecolor="white")
        labels = ["∞" if s is None else f"{s:.0f}" for s in found]
        axes.bar_label(bars, labels, fontsize=8, padding=1)
    middle = width * (len(COLORS) - 1) / 2
    axes.set_xticks(
        [level + middle for level in range(len(overload.LEVELS))],
        [f"{level} clients" for level in overload.LEVELS],
    )
    axes.tick_params(axis="x", length=0)
    axes.set_ylabel(f"seconds (∞: not within {horizon})")
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    return saved(figure, path, footer)


def _bad_moments(results: Results, path: Path, footer: str) -> Path:
    """Draw what single events cost the caller, and what failures cost the server."""
    lost = {
        f"{event}": {
            each["policy"]: 100 * (1 - events.succeeded(each))
            for each in results["events"]
            if each["event"] == event
        }
        for event in events.PLOTTED
    }
    lost["throttled burst, honest hints"] = {
        each["policy"]: 100 * (1 - each["served"]) for each in results["hints"]
    }
    load: dict[str, dict[str, float | None]] = {
        "an hour of 503": {
            budgets.NONE: 1.0,
            **{each["policy"]: outage.per_call(each) for each in results["outage"]},
        },
        "an hour of dishonest hints": {
            each["policy"]: hints.per_call(each) for each in results["hints"]
        },
        "a standstill of 10 s:\nrecovery / no retries": {
            policy: overload.ratio(results["overload"], policy, overload.LEVELS[-1])
            for policy in COLORS
        },
    }
    figure, axes = pair_of_figures()
    _groups(axes[0], lost, "% of the calls that a single event costs")
    _groups(axes[1], load, "requests per call, if failures go on")
    axes[1].axvline(1, color="black", linewidth=0.8)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
    return saved(figure, path, footer)


def _groups(
    axes: Any, groups: Mapping[str, Mapping[str, float | None]], title: str
) -> None:
    """Draw a group of horizontal bars for each situation, a bar for each policy."""
    width = 1 / (len(COLORS) + 1)
    for number, (policy, color) in enumerate(COLORS.items()):
        found = [values.get(policy) for values in groups.values()]
        known = [value for values in groups.values() for value in values.values()]
        most = max(value for value in known if value is not None)
        bars = axes.barh(
            [place + number * width for place in range(len(groups))],
            [most if value is None else value for value in found],
            width,
            color=color,
            label=policy,
        )
        labels = ["∞" if value is None else f"{value:.3g}" for value in found]
        axes.bar_label(bars, labels, fontsize=7, padding=2)
    middle = width * (len(COLORS) - 1) / 2
    axes.set_yticks([place + middle for place in range(len(groups))], list(groups))
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.tick_params(axis="y", length=0)
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold")


def _hedging(results: Sequence[CaseResult], path: Path, footer: str) -> Path:
    figure, axes = figure_of(
        "1 % of answers is 100 to 400 ms late: latency with a hedge after p95, p90, p99"
    )
    calm = {each["policy"]: each for each in results if not each["slow"]}
    places = range(len(hedging.QUANTILES))
    for policy, (line, color) in TAILS.items():
        axes.plot(
            places,
            list(calm[policy]["ms"].values()),
            line,
            color=color,
            marker="o",
            markersize=4,
            linewidth=2.2 if policy == hedging.OURS else 1.3,
            label=f"{policy}: +{100 * (calm[policy]['requests'] - 1):.1f} % requests",
        )
    axes.set_yscale("log")
    ticks = (5, 10, 20, 50, 100, 200, 400)
    axes.set_yticks(ticks, map(str, ticks))
    axes.minorticks_off()
    axes.set_xticks(places, [f"p{quantile}" for quantile in hedging.QUANTILES])
    axes.set_ylabel("ms")
    axes.grid(axis="y", alpha=0.3)
    axes.legend(loc="upper left", frameon=False)
    return saved(figure, path, footer)
