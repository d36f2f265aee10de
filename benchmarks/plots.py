"""The plots of the scale part, for a README that is 800 pixels wide."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from benchmarks.clients import CLIENTS, OURS, OURS2, STOCK, STOCK2
from benchmarks.goals import cpu_at
from benchmarks.scale import LEVELS, Results

OURS_COLOR, STOCK_COLOR, OTHER_COLOR = "#0b6e4f", "#c0392b", "#8a8f98"
COLORS = {
    **dict.fromkeys(CLIENTS, OTHER_COLOR),
    OURS: OURS_COLOR,
    "ours, pool alone": OURS_COLOR,
    OURS2: OURS_COLOR,
    STOCK: STOCK_COLOR,
    STOCK2: STOCK_COLOR,
}
LINES = {
    STOCK: "-",
    STOCK2: "--",
    OURS: "-",
    OURS2: "--",
    "httpx-aiohttp": "-",
    "pyreqwest": "--",
    "aiohttp": ":",
}
"""Who is in the plot of CPU time. The others have one of these pools."""


def draw(results: Results, folder: Path, footer: str) -> Iterator[Path]:
    """Draw a PNG for each part that was measured and can be seen."""
    if "cpu" in results:
        yield _cpu(results, folder / "cpu.png", footer)
    if "connections" in results:
        yield _connections(results, folder / "connections.png", footer)
    if "cold" in results:
        yield _cold(results, folder / "cold.png", footer)


def figure_of(title: str) -> tuple[Figure, Axes]:
    """Begin a plot."""
    mpl.rcParams.update({"font.size": 10, "axes.spines.top": False})
    mpl.rcParams["axes.spines.right"] = False
    figure = Figure(figsize=(8, 4.6), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold")
    return figure, axes


def saved(figure: Figure, path: Path, footer: str) -> Path:
    """End it, with what is to be known below it."""
    figure.supxlabel(footer, fontsize=7, color="#555555", x=0.01, ha="left")
    drawn = BytesIO()
    figure.savefig(drawn, dpi=100)
    # So few colours are there that a palette halves the file.
    with Image.open(drawn) as image:
        image.convert("RGB").quantize(64).save(path, optimize=True)
    return path


def _cpu(results: Results, path: Path, footer: str) -> Path:
    figure, axes = figure_of(
        "Client CPU per answered request, all clients as they come"
    )
    for client, line in LINES.items():
        points = [(level, cpu_at(results, client, level)) for level in LEVELS]
        known = [(level, cost) for level, cost in points if cost is not None]
        if known:
            axes.plot(
                *zip(*known, strict=True),
                line,
                color=COLORS[client],
                marker="o",
                markersize=4,
                linewidth=2 if client in (OURS, OURS2) else 1.3,
                label=client,
            )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks(LEVELS, [f"{level:,}" for level in LEVELS])
    ticks = (100, 200, 500, 1000, 2000, 5000, 10_000, 20_000)
    low, high = axes.get_ylim()
    shown = [tick for tick in ticks if low <= tick <= high]
    axes.set_yticks(shown, [f"{tick:,}" for tick in shown])
    axes.minorticks_off()
    axes.set_xlabel("requests in flight")
    axes.set_ylabel("µs")
    axes.grid(axis="y", alpha=0.3)
    figure.legend(loc="outside right upper", frameon=False)
    return saved(figure, path, footer)


def _bars(axes: Axes, values: Mapping[str, float], texts: Mapping[str, str]) -> None:
    names = list(values)[::-1]
    bars = axes.barh(
        names, [values[name] for name in names], color=[_color(name) for name in names]
    )
    axes.bar_label(bars, [texts[name] for name in names], padding=3, fontsize=9)
    axes.margins(x=0.16)
    axes.tick_params(axis="y", length=0)


def _color(name: str) -> str:
    return COLORS[name.removesuffix(", pool=None")]


def _connections(results: Results, path: Path, footer: str) -> Path:
    tolds = {client: results["connections"][client][0] for client in CLIENTS}
    asked = tolds[OURS]["asked"]
    figure, axes = figure_of(
        f"TCP connections for {asked:,} requests, 100 in flight, 20 ms each"
    )
    opened = {client: told["server"]["accepts"] for client, told in tolds.items()}
    texts = {client: f"{count:,}" for client, count in opened.items()}
    for client, told in tolds.items():
        if told["done"] < asked:
            texts[client] += f" ({told['done']:,} answered)"
    _bars(axes, opened, texts)
    axes.set_xlabel("connections that the server accepted (fewer are better)")
    return saved(figure, path, footer)


def _cold(results: Results, path: Path, footer: str) -> Path:
    tolds = {
        client + (", pool=None" if told["patient"] else ""): told
        for client in CLIENTS
        for told in results["cold"][client]
        if client != "ours, pool alone"
    }
    asked = tolds[OURS]["asked"]
    figure, axes = figure_of(
        f"Answered of {asked:,} requests at once, new client, 1 s each, 12 s at most"
    )
    _bars(
        axes,
        {name: told["done"] for name, told in tolds.items()},
        {
            name: f"{told['done']:,} in {told['wall']:.1f} s"
            for name, told in tolds.items()
        },
    )
    axes.set_xlabel("answered requests (more are better)")
    return saved(figure, path, footer)
