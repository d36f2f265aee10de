"""The picture of simulations: load, success and amplification over time."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

from httpx_resilient._core.public import public
from httpx_resilient.simulation._bins import binned
from httpx_resilient.simulation._result import SimulationResult
from httpx_resilient.simulation._server import Outage, Server

_COLORS = ("#d9731a", "#1f5fa8", "#8a8f98", "#0b6e4f")
_GREY, _SHADE = "#555555", "#f2e3c6"
_MOST_BINS = 150


@public("httpx_resilient.simulation")
def draw(
    path: str | os.PathLike[str],
    results: Mapping[str, SimulationResult],
    server: Server | None = None,
) -> None:
    """
    Draw load, success and amplification over time, and write the picture to a file.

    Args:
        path: The file; its suffix, such as `.png` or `.svg`, decides the format.
        results: The results by the names of their policies, up to four.
        server: The server, to show its outages and its capacity.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: There are no results, or more than four; matplotlib does not know
            the format.
        OSError: The file cannot be written.

    Example:
        >>> import tempfile, pathlib
        >>> server = Server(capacity=12, outages=[Outage(10, 20)])
        >>> results = {
        ...     "default": simulate(RetryingTransport, server, Traffic(10), seconds=60)
        ... }
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     picture = pathlib.Path(folder, "outage.png")
        ...     draw(picture, results, server)
        ...     picture.stat().st_size > 10_000
        True
    """
    if not 1 <= len(results) <= len(_COLORS):
        msg = f"a picture shows 1 to {len(_COLORS)} results; got {len(results)}"
        raise ValueError(msg)
    figure = _figure()
    load, success, amplification = figure.subplots(3, sharex=True)
    _title(load, "requests per second that reach the server")
    _title(success, "% of the calls that succeed, by the second in which they start")
    _title(amplification, "requests per call")
    for color, (name, result) in zip(_COLORS, results.items(), strict=False):
        bins = binned(result.by_second, _MOST_BINS)
        starts = [each.start for each in bins]
        style: dict[str, Any] = {"color": color, "linewidth": 1.6}
        load.plot(starts, [each.requests for each in bins], label=name, **style)
        shares = [each.success for each in bins]
        success.plot(starts, _percent(shares), **style)
        amplification.plot(starts, [each.amplification for each in bins], **style)
    calls = binned(next(iter(results.values())).by_second, _MOST_BINS)
    load.plot(
        [each.start for each in calls],
        [each.calls for each in calls],
        color=_GREY,
        linewidth=1,
        linestyle=":",
        label="calls",
    )
    if server is not None:
        load.axhline(server.capacity, color=_GREY, linewidth=0.8, label="capacity")
        for axes in (load, success, amplification):
            for each in server.outages:
                axes.axvspan(each.start, each.end, color=_SHADE, zorder=0)
        _name_outages(load, server.outages)
    success.set_ylim(-4, 104)
    load.set_ylim(bottom=0)
    amplification.set_ylim(bottom=0)
    amplification.set_xlabel("seconds")
    amplification.set_xlim(0, max(len(each.by_second) for each in results.values()))
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    figure.savefig(path, dpi=110, facecolor="white")


def _figure() -> Any:
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - needs the extra
    except ModuleNotFoundError as missing:
        msg = "pictures need matplotlib: pip install 'httpx_resilient[plot]'"
        raise ImportError(msg) from missing
    figure: Any = Figure(figsize=(8, 8), layout="constrained")
    return figure


def _title(axes: Any, title: str) -> None:
    axes.set_title(title, loc="left", fontsize=10, fontweight="bold")
    axes.spines[["top", "right"]].set_visible(b=False)
    axes.grid(axis="y", alpha=0.3)


def _name_outages(axes: Any, outages: Sequence[Outage]) -> None:
    for each in outages:
        axes.annotate(
            each.kind,
            ((each.start + each.end) / 2, 1),
            xycoords=("data", "axes fraction"),
            ha="center",
            va="top",
            fontsize=8,
            color=_GREY,
        )


def _percent(shares: Sequence[float | None]) -> list[float]:
    return [math.nan if each is None else 100 * each for each in shares]
