"""Charts of characters: one column for each bin of time, on any terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

HEIGHT = 4
"""Rows of a chart."""

_BLOCKS = " ▁▂▃▄▅▆▇█"
_ASCII = "  ...:::#"
"""Levels of a cell: from empty to full, in eighths."""

_FULL = len(_BLOCKS) - 1


class Chart:
    """
    Draws series as columns of characters.

    Args:
        out: The console. One that has no blocks in its encoding gets ASCII.
        marks: For each column, whether it is in an outage.
    """

    def __init__(self, out: Console, marks: Sequence[bool]) -> None:
        can_blocks = out.encoding.lower().startswith("utf")
        self._levels = _BLOCKS if can_blocks else _ASCII
        line, outage = "─━" if can_blocks else "-="
        self.outage = outage
        """The mark of an outage on the axis."""
        self.axis = "".join(outage if each else line for each in marks)

    def rows(self, values: Sequence[float | None], top: float) -> list[str]:
        """
        Draw a series.

        Args:
            values: From 0 to `top`; `None` leaves a gap.
            top: The value of a full column.

        Returns:
            The rows, from the top to the bottom.
        """
        eighths = [_eighths(each, top) for each in values]
        return [
            "".join(self._levels[min(max(each - row, 0), _FULL)] for each in eighths)
            for row in range((HEIGHT - 1) * _FULL, -1, -_FULL)
        ]


def _eighths(value: float | None, top: float) -> int:
    """Return the height of a column. What is not 0 is visible."""
    if not value or not top:
        return 0
    return max(round(value / top * HEIGHT * _FULL), 1)
