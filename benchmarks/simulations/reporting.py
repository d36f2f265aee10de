"""The report of the simulations: goals, and tables with published figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table

from benchmarks import layout

CaseResult = dict[str, Any]
"""The arguments of a case, and its result."""

REACHED = {True: "[green]yes", False: "[red]no", None: "[red]unknown"}


@dataclass(frozen=True)
class Goal:
    """One of our figures, its goal, and the figures of others."""

    figure: str
    goal: str
    ours: str
    reached: bool | None
    published: str


def at_most(
    figure: str, limit: float, ours: float | None, published: str, digits: int = 2
) -> Goal:
    """Make a goal with an upper limit."""
    return Goal(
        figure,
        f"≤ {limit:,.{digits}f}",
        "never" if ours is None else f"{ours:,.{digits}f}",
        ours is not None and ours <= limit,
        published,
    )


def at_least(
    figure: str, limit: float, ours: float, published: str, digits: int = 2
) -> Goal:
    """Make a goal with a lower limit."""
    shown = f"{ours:,.{digits}f}"
    return Goal(figure, f"≥ {limit:,.{digits}f}", shown, ours >= limit, published)


def table_of_goals(goals: Sequence[Goal]) -> Table:
    """Lay out goals."""
    made = layout.table(
        "Goals", "figure", "goal", "ours", "reached", "published or measured"
    )
    for goal in goals:
        reached = REACHED[goal.reached]
        ours = f"[bold]{goal.ours}"
        made.add_row(goal.figure, goal.goal, ours, reached, goal.published)
    return made


def bold_if_ours(peer: str) -> str:
    """Mark the name of ours as bold."""
    return f"[bold]{peer}" if "ours" in peer else peer


def beside(here: str, published: str | None) -> str:
    """Put a published figure below our figure for the same case."""
    return here if published is None else f"{here}\n[dim]({published})"
