"""The plots of the simulations, for a page that is 800 pixels wide."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from benchmarks.plots import by_end, figure_below, figure_of, saved
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
from benchmarks.theme import THEMES, Theme

TAILS = {hedging.NONE: "-", "p99": "--", "p90": ":", hedging.OURS: "-"}


def draw(report: Mapping[str, Any], folder: Path) -> Iterator[Path]:
    """Draw the most important simulations that were run, for each theme."""
    results = report.get("simulations", {}).get("results", {})
    footer = f"{report['date']}, {report['python']}, simulated"
    for theme in THEMES:
        with theme.applied():
            for name, (parts, plot) in PLOTS.items():
                if parts <= results.keys():
                    path = folder / f"{name}{theme.suffix}.png"
                    yield saved(plot(results, theme), path, footer, theme)


def _colors(theme: Theme) -> dict[str, str]:
    return {
        budgets.NONE: theme.text,
        budgets.UNLIMITED: theme.stock,
        budgets.FINAGLE: f"{theme.stock}99",
        budgets.AWS_2026: theme.warm,
        budgets.GRPC_A6: theme.other,
        budgets.OURS: theme.ours,
    }


def _overload(all_results: Results, theme: Theme) -> Figure:
    results = all_results["overload"]
    figure, axes = figure_of(
        "A server stands still for 10 s. Seconds to recovery: less is better"
    )
    colors = _colors(theme)
    horizon = overload.HORIZON
    width = 1 / (len(colors) + 1)
    for number, (policy, color) in enumerate(colors.items()):
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
                bar.set(alpha=0.35, hatch="///", edgecolor=theme.background)
        labels = ["∞" if s is None else f"{s:.0f}" for s in found]
        axes.bar_label(bars, labels, fontsize=8, padding=1)
    middle = width * (len(colors) - 1) / 2
    axes.set_xticks(
        [level + middle for level in range(len(overload.LEVELS))],
        [f"{level} clients" for level in overload.LEVELS],
    )
    axes.tick_params(axis="x", length=0)
    axes.set_ylabel(f"seconds (∞: not within {horizon})")
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    return figure


def _bad_moments(results: Results, theme: Theme) -> Figure:
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
            for policy in _colors(theme)
        },
    }
    figure, axes = figure_below(8, 1, 1)
    title = "% of the calls that a single event costs: fewer is better"
    _groups(axes[0], lost, title, _colors(theme))
    title = "requests per call, if failures go on: fewer is better"
    _groups(axes[1], load, title, _colors(theme))
    axes[1].axvline(1, color=theme.text, linewidth=0.8)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
    return figure


def _groups(
    axes: Any,
    groups: Mapping[str, Mapping[str, float | None]],
    title: str,
    colors: Mapping[str, str],
) -> None:
    """Draw a group of horizontal bars for each situation, a bar for each policy."""
    width = 1 / (len(colors) + 1)
    for number, (policy, color) in enumerate(colors.items()):
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
    middle = width * (len(colors) - 1) / 2
    axes.set_yticks([place + middle for place in range(len(groups))], list(groups))
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.tick_params(axis="y", length=0)
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold")


def _hedging(all_results: Results, theme: Theme) -> Figure:
    results: Sequence[CaseResult] = all_results["hedging"]
    figure, axes = figure_of(
        "1 % of answers is 100 to 400 ms late: latency with a hedge after p95, p90, p99"
    )
    calm = {each["policy"]: each for each in results if not each["slow"]}
    places = range(len(hedging.QUANTILES))
    colors = {hedging.NONE: theme.stock, hedging.OURS: theme.ours}
    lines = []
    for policy, line in TAILS.items():
        lines += axes.plot(
            places,
            list(calm[policy]["ms"].values()),
            line,
            color=colors.get(policy, theme.other),
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
    axes.set_ylabel("ms (logarithmic)")
    axes.grid(axis="y", alpha=0.3)
    axes.legend(handles=by_end(lines), loc="upper left", frameon=False)
    return figure


PLOTS = {
    "overload": ({"overload"}, _overload),
    "bad-moments": ({"overload", "outage", "events", "hints"}, _bad_moments),
    "hedging": ({"hedging"}, _hedging),
}
