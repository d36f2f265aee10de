"""The plot of the wire part, for a page that is 800 pixels wide."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from benchmarks.plots import figure_of, saved
from benchmarks.theme import THEMES, Theme
from benchmarks.wire import FALLBACK, WIRE
from benchmarks.wire_client import STOCK


def draw(report: Mapping[str, Any], folder: Path) -> Iterator[Path]:
    """Draw the instructions of each exchange, for each theme."""
    rows = report.get("wire", {}).get("exchanges", [])
    if not rows:
        return
    footer = f"{report['date']}, {report['python']}, counted with callgrind"
    for theme in THEMES:
        with theme.applied():
            path = folder / f"wire{theme.suffix}.png"
            yield saved(_plot(rows, theme), path, footer, theme)


def _plot(rows: list[Mapping[str, Any]], theme: Theme) -> Figure:
    figure, axes = figure_of("Instructions of a call / stock client: less is better")
    kinds = {
        FALLBACK: ("RetryingTransport(wire=False)", theme.other),
        WIRE: ("RetryingTransport()", theme.ours),
    }
    height = 0.38
    for number, (kind, (label, color)) in enumerate(kinds.items()):
        ratios = [
            row["instructions"][kind] / row["instructions"][STOCK] for row in rows
        ]
        places = [at + (number - 0.5) * height for at in range(len(rows))]
        bars = axes.barh(places, ratios, height, color=color, label=label)
        axes.bar_label(bars, [f"{each:.2f}" for each in ratios], padding=3, fontsize=8)
    names = [f"{row['exchange']}, {row['library']}" for row in rows]
    axes.invert_yaxis()
    axes.set_yticks(range(len(rows)), labels=names, fontsize=9)
    axes.tick_params(axis="y", length=0)
    axes.axvline(1, color=theme.stock, linewidth=1.3, label="stock")
    axes.set_xlim(0, 1.35)
    figure.legend(loc="outside lower right", ncols=3, frameon=False, fontsize=9)
    return figure
