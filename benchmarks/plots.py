"""The plots of the scale part, for the README, which is 800 pixels wide."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from benchmarks.bench import Results
from benchmarks.clients import CLIENTS, OURS, OURS2, STOCK, STOCK2
from benchmarks.figures import cpu_at
from benchmarks.plan import LEVELS

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
"""The clients in the plot of CPU time. The others use one of these pools."""


def draw(results: Results, folder: Path, footer: str) -> Iterator[Path]:
    """Draw a PNG for each measured part that has a plot."""
    if "cpu" in results:
        yield _cpu(results, folder / "cpu.png", footer)
    if "connections" in results:
        yield _connections(results, folder / "connections.png", footer)
    if "cold" in results:
        yield _cold(results, folder / "cold.png", footer)


def figure_of(title: str) -> tuple[Figure, Axes]:
    """Make a figure with a title, and its axes."""
    mpl.rcParams.update({"font.size": 10, "axes.spines.top": False})
    mpl.rcParams["axes.spines.right"] = False
    figure = Figure(figsize=(8, 4.6), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold")
    return figure, axes


def pair_of_figures() -> tuple[Figure, Sequence[Axes]]:
    """Make a figure with two axes below each other."""
    figure, _ = figure_of("")
    figure.clear()
    figure.set_size_inches(8, 8)
    return figure, figure.subplots(2)


def saved(figure: Figure, path: Path, footer: str) -> Path:
    """Add the footer, write the PNG, and return its path."""
    figure.supxlabel(footer, fontsize=7, color="#555555", x=0.01, ha="left")
    drawn = BytesIO()
    figure.savefig(drawn, dpi=100)
    # The plot has so few colours that a palette halves the file.
    with Image.open(drawn) as image:
        image.convert("RGB").quantize(64).save(path, optimize=True)
    return path


def _cpu(results: Results, path: Path, footer: str) -> Path:
    figure, axes = figure_of(
        "Client CPU per answered request, all clients with their defaults"
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
    by_client = {client: results["connections"][client][0] for client in CLIENTS}
    requests = by_client[OURS]["requests"]
    figure, axes = figure_of(
        f"TCP connections for {requests:,} requests, 100 in flight, 20 ms each"
    )
    opened = {
        client: result["server"]["accepts"] for client, result in by_client.items()
    }
    texts = {client: f"{count:,}" for client, count in opened.items()}
    for client, result in by_client.items():
        if result["done"] < requests:
            texts[client] += f" ({result['done']:,} answered)"
    _bars(axes, opened, texts)
    axes.set_xlabel("connections that the server accepted (fewer are better)")
    return saved(figure, path, footer)


def _cold(results: Results, path: Path, footer: str) -> Path:
    by_name = {
        client + (", pool=None" if result["patient"] else ""): result
        for client in CLIENTS
        for result in results["cold"][client]
        if client != "ours, pool alone"
    }
    requests = by_name[OURS]["requests"]
    figure, axes = figure_of(
        f"Answered of {requests:,} requests at once, new client, 1 s each, 12 s at most"
    )
    _bars(
        axes,
        {name: result["done"] for name, result in by_name.items()},
        {
            name: f"{result['done']:,} in {result['wall']:.1f} s"
            for name, result in by_name.items()
        },
    )
    axes.set_xlabel("answered requests (more are better)")
    return saved(figure, path, footer)
