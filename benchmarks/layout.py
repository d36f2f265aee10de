"""The layout of the tables."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.table import Table


def table(title: str, *columns: str, left: int = 1) -> Table:
    """Make a table. The first `left` columns are names, and the others are figures."""
    made = Table(
        title=f"[bold]{title}",
        title_justify="left",
        title_style="",
        box=SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    for number, column in enumerate(columns):
        made.add_column(
            column, justify="left" if number < left else "right", no_wrap=True
        )
    return made
