"""The plots of the scale part, for a page that is 800 pixels wide."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from PIL import Image

from benchmarks import machine
from benchmarks.bench import Results
from benchmarks.clients import CLIENTS, OURS, OURS2, STOCK, STOCK2
from benchmarks.figures import all_done, cpu_at
from benchmarks.plan import LEVELS
from benchmarks.theme import THEMES, Theme
from benchmarks.workers import CaseResult

ALL_OURS = {OURS, "ours, pool alone", OURS2}
LINES = {
    STOCK: "-",
    STOCK2: "--",
    OURS: "-",
    OURS2: "--",
    "httpx-aiohttp": "-",
    "pyreqwest": "--",
    "aiohttp": ":",
}
"""The clients in the plot of CPU time. The others use one of these pools."""

COLD = {
    "timeout for a connection: 5 s, the default of httpx": (
        False,
        (
            STOCK,
            OURS,
            STOCK2,
            OURS2,
            "httpx-retries",
            "pydantic-ai",
            "stamina",
            "httpx-aiohttp",
        ),
    ),
    "no timeout for a connection": (True, (STOCK, OURS, STOCK2, OURS2)),
    "clients of other libraries, with their defaults": (
        False,
        ("pyreqwest", "aiohttp"),
    ),
}
"""The clients that are compared with each other, and whether they were patient."""


def draw(report: Mapping[str, Any], folder: Path) -> Iterator[Path]:
    """Draw each part that was measured, for each theme."""
    results = report.get("scale", {}).get("results", {})
    for theme in THEMES:
        with theme.applied():
            for part, plot in PLOTS.items():
                if part in results:
                    figure, packages = plot(results, theme)
                    path = folder / f"{part}{theme.suffix}.png"
                    yield saved(figure, path, machine.footer(report, packages), theme)


def figure_of(title: str) -> tuple[Figure, Axes]:
    """Make a figure with a title, and its axes."""
    figure = Figure(figsize=(8, 4.6), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold")
    return figure, axes


def figure_below(height: float, *ratios: float) -> tuple[Figure, Sequence[Axes]]:
    """Make a figure with axes below each other."""
    figure = Figure(figsize=(8, height), layout="constrained")
    axes = figure.subplots(len(ratios), height_ratios=ratios, squeeze=False)
    return figure, [row[0] for row in axes]


def by_end(lines: Iterable[Line2D]) -> list[Line2D]:
    """Order lines as they end, from the top: so a legend is read beside them."""
    return sorted(lines, key=lambda line: -float(np.asarray(line.get_ydata())[-1]))


def saved(figure: Figure, path: Path, footer: str, theme: Theme) -> Path:
    """Add the footer, write the PNG, and return its path."""
    figure.supxlabel(footer, fontsize=7, color=theme.muted, x=0.01, ha="left")
    drawn = BytesIO()
    figure.savefig(drawn, dpi=100)
    # The plot has so few colours that a palette halves the file.
    with Image.open(drawn) as image:
        image.convert("RGB").quantize(64).save(path, optimize=True)
    return path


def _cpu(results: Results, theme: Theme) -> tuple[Figure, Iterable[str]]:
    figure, axes = figure_of("Client CPU per answered request: less is better")
    lines = []
    for client, line in LINES.items():
        points = [(level, cpu_at(results, client, level)) for level in LEVELS]
        known = [(level, cost) for level, cost in points if cost is not None]
        lines += axes.plot(
            *zip(*known, strict=True),
            line,
            color=_color(client, theme),
            marker="o",
            markersize=4,
            linewidth=2 if client in ALL_OURS else 1.3,
            label=client,
        )
        _mark_losses(axes, results["cpu"][client], known[-1])
    for axis, ticks in (
        (axes.xaxis, LEVELS),
        (axes.yaxis, (100, 200, 500, 1000, 2000, 5000, 10_000)),
    ):
        axis.axes.set(**{f"{axis.axis_name}scale": "log"})
        axis.set_ticks(ticks, labels=[f"{tick:,}" for tick in ticks])
    axes.minorticks_off()
    axes.set_ylim(100, 15_000)
    axes.set_xlabel("requests in flight (logarithmic); all clients with their defaults")
    axes.set_ylabel("µs (logarithmic)")
    axes.grid(axis="y", alpha=0.3)
    figure.legend(handles=by_end(lines), loc="outside right upper", frameon=False)
    return figure, LINES.keys() - ALL_OURS


def _mark_losses(
    axes: Axes, measured: Sequence[CaseResult], end: tuple[int, float]
) -> None:
    """Write at the end of a line where not all requests were answered."""
    worst: dict[int, CaseResult] = {}
    for each in sorted(measured, key=lambda each: -each["done"]):
        if not all_done(each):
            worst[each["in_flight"]] = each
    texts = [
        f"{level:,} in flight: only {each['done']:,} of {each['requests']:,} answered"
        for level, each in sorted(worst.items())
    ]
    axes.annotate(
        "\n".join(texts),
        end,
        (-6, 4),
        textcoords="offset points",
        ha="right",
        va="bottom",
        fontsize=8,
    )


def _bars(
    axes: Axes, values: Mapping[str, float], texts: Mapping[str, str], theme: Theme
) -> None:
    names = list(values)[::-1]
    colors = [_color(name, theme) for name in names]
    bars = axes.barh(names, [values[name] for name in names], color=colors)
    axes.bar_label(bars, [texts[name] for name in names], padding=3, fontsize=9)
    axes.margins(x=0.16)
    axes.tick_params(axis="y", length=0)


def _color(client: str, theme: Theme) -> str:
    if client in ALL_OURS:
        return theme.ours
    return theme.stock if client in (STOCK, STOCK2) else theme.other


def _connections(results: Results, theme: Theme) -> tuple[Figure, Iterable[str]]:
    by_client = {client: results["connections"][client][0] for client in CLIENTS}
    requests = by_client[OURS]["requests"]
    figure, axes = figure_of(
        f"TCP connections for {requests:,} requests, 100 in flight: fewer is better"
    )
    opened = {
        client: result["server"]["accepts"] for client, result in by_client.items()
    }
    texts = {client: f"{count:,}" for client, count in opened.items()}
    for client, result in by_client.items():
        if result["done"] < requests:
            texts[client] += f" ({result['done']:,} answered)"
    _bars(axes, opened, texts, theme)
    axes.set_xlabel("connections that the server accepted")
    return figure, by_client.keys() - ALL_OURS


def _cold(results: Results, theme: Theme) -> tuple[Figure, Iterable[str]]:
    sizes = [1.2 + len(clients) for _, clients in COLD.values()]
    figure, all_axes = figure_below(5.6, *sizes)
    requests = results["cold"][OURS][0]["requests"]
    figure.suptitle(
        f"Answered of {requests:,} requests, all at once, new client: more is better",
        x=0.01, ha="left", fontsize=11, fontweight="bold",
    )  # fmt: skip
    for axes, (title, (patient, clients)) in zip(all_axes, COLD.items(), strict=True):
        measured = {
            client: next(
                each for each in results["cold"][client] if each["patient"] == patient
            )
            for client in clients
        }
        done = {client: each["done"] for client, each in measured.items()}
        texts = {
            client: f"{each['done']:,} in {each['wall']:.1f} s"
            for client, each in measured.items()
        }
        _bars(axes, done, texts, theme)
        axes.set_xlim(0, requests * 1.2)
        axes.set_title(title, loc="left", fontsize=9)
        axes.set_xticks([])
        axes.spines["bottom"].set_visible(False)
    all_axes[-1].set_xlabel("1 s each, 100 connections if the client has a limit")
    drawn = {client for _, clients in COLD.values() for client in clients}
    return figure, drawn - ALL_OURS


PLOTS = {"cpu": _cpu, "connections": _connections, "cold": _cold}
