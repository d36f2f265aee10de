"""
Draw the dashboard of `examples/grafana_dashboard.json`, without Grafana.

    python -m benchmarks.dashboard docs/pictures/dashboard.png

It runs clients for two minutes, in which servers fail, while a real Prometheus scrapes
their metrics. Then it draws the result of every query, panel by panel. It needs the
program `prometheus` (Debian's package has that name) and matplotlib.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image
from prometheus_client import CollectorRegistry

from benchmarks.outage import run
from benchmarks.prometheus import Prometheus, Series, scraping

DASHBOARD = Path(__file__).parent.parent / "examples" / "grafana_dashboard.json"
COLUMNS = 3
WARM_UP = 8
"""Seconds at the start that are not drawn: a rate needs some scrapes."""
UNITS = {"reqps": "{x:g} req/s", "s": "{x:g} s", "percentunit": "{x:.0%}"}
"""How a panel writes its values, by the names that Grafana has for units."""

Panel = dict[str, Any]


def draw(prometheus: Prometheus, start: float, end: float, path: Path) -> None:
    """
    Draw all panels into a picture.

    Args:
        prometheus: Where the data is.
        start: The first time, in seconds since the epoch.
        end: The last one.
        path: The picture, a PNG.
    """
    rows = _rows(json.loads(DASHBOARD.read_text())["panels"])
    mpl.rcParams.update({"font.size": 8, "axes.spines.top": False})
    mpl.rcParams["axes.spines.right"] = False
    lines = sum(-(-len(panels) // COLUMNS) for _, panels in rows)
    figure = Figure(figsize=(16, 2.7 * lines), layout="constrained")
    parts: Any = figure.subfigures(
        len(rows), height_ratios=[-(-len(panels) // COLUMNS) for _, panels in rows]
    )
    for part, (title, panels) in zip(parts, rows, strict=True):
        part.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold")
        height = -(-len(panels) // COLUMNS)
        places = part.subplots(height, COLUMNS, squeeze=False).flatten()
        for axes, panel in zip(places, panels, strict=False):
            _draw_panel(axes, panel, prometheus, start, end)
        for axes in places[len(panels) :]:
            axes.set_axis_off()
    path.parent.mkdir(exist_ok=True)
    drawn = BytesIO()
    figure.savefig(drawn, format="png", dpi=100)
    Image.open(drawn).convert("RGB").quantize(256).save(path, optimize=True)


def _rows(panels: list[Panel]) -> list[tuple[str, list[Panel]]]:
    rows: list[tuple[str, list[Panel]]] = []
    for panel in panels:
        if panel["type"] == "row":
            rows.append((panel["title"], []))
        else:
            rows[-1][1].append(panel)
    return rows


def _draw_panel(
    axes: Axes, panel: Panel, prometheus: Prometheus, start: float, end: float
) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    found = [
        (_legend(target["legendFormat"], each["metric"]), each)
        for target in panel["targets"]
        for each in prometheus.query(target["expr"], start, end)
    ]
    axes.set_title(panel["title"], loc="left", fontsize=9)
    axes.set_xlim(0, end - start)
    axes.xaxis.set_major_formatter("{x:g} s")
    if panel["type"] == "state-timeline":
        _draw_states(axes, found, start, defaults["mappings"][0]["options"])
        return
    for name, each in found:
        times, values = _points(each, start)
        axes.plot(times, values, label=name, linewidth=1.2)
    axes.set_ylim(bottom=defaults.get("min"), top=defaults.get("max"))
    axes.yaxis.set_major_formatter(UNITS.get(defaults["unit"], "{x:g}"))
    axes.grid(alpha=0.3)
    if found:
        _add_legend(axes)


def _draw_states(
    axes: Axes,
    found: list[tuple[str, Series]],
    start: float,
    states: Mapping[str, Mapping[str, Any]],
) -> None:
    for row, (_, each) in enumerate(found):
        for moment, value in zip(*_points(each, start), strict=True):
            color = states[f"{value:g}"]["color"]
            axes.broken_barh([(moment, 1.05)], (row - 0.4, 0.8), facecolors=color)
    axes.set_yticks(range(len(found)), [name for name, _ in found])
    for state in states.values():
        axes.broken_barh([], (0, 0), facecolors=state["color"], label=state["text"])
    axes.set_ylim(-0.6, len(found) - 0.4)
    _add_legend(axes)


def _add_legend(axes: Axes) -> None:
    below: Any = {"loc": "upper left", "bbox_to_anchor": (-0.02, -0.1)}
    axes.legend(fontsize=7, ncols=3, frameon=False, handlelength=1, **below)


def _points(series: Series, start: float) -> tuple[list[float], list[float]]:
    times, values = zip(*series["values"], strict=True)
    return [each - start for each in times], [float(each) for each in values]


def _legend(template: str, labels: Mapping[str, str]) -> str:
    return re.sub(r"\{\{(\w+)\}\}", lambda name: labels.get(name[1], ""), template)


def main() -> None:
    """Run the clients, and draw what Prometheus has scraped."""
    registry, path = CollectorRegistry(), Path(sys.argv[1])
    with TemporaryDirectory() as folder, scraping(registry, Path(folder)) as running:
        start = time.time()
        run(registry)
        draw(running, start + WARM_UP, time.time(), path)


if __name__ == "__main__":
    main()
