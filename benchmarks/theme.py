"""The colours of the plots, for pages with a light and with a dark background."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl


@dataclass(frozen=True)
class Theme:
    """The colours of one variant of a plot."""

    suffix: str
    """What follows the name of the plot in that of its file."""
    background: str
    text: str
    muted: str
    ours: str
    stock: str
    warm: str
    """A colour between that of the stock clients and that of the others."""
    other: str

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Make figures with this background and this text."""
        of_text = (
            "text.color",
            "axes.labelcolor",
            "axes.edgecolor",
            "xtick.color",
            "ytick.color",
        )
        settings: Any = dict.fromkeys(of_text, self.text) | {
            "figure.facecolor": self.background,
            "axes.facecolor": self.background,
            "grid.color": self.muted,
        }
        with mpl.rc_context({**settings, **SHAPE}):
            yield


SHAPE: Any = {"font.size": 10, "axes.spines.top": False, "axes.spines.right": False}
LIGHT = Theme(
    "", "#ffffff", "#1f2328", "#59636e", "#0b6e4f", "#c0392b", "#e0a458", "#8a8f98"
)
DARK = Theme(
    "-dark", "#0d1117", "#e6edf3", "#9198a1", "#3fcf8e", "#ff7b72", "#e3b341", "#7d8590"
)
THEMES = (LIGHT, DARK)
