"""How things are said: to people, and to machines."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

import httpx
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

FAILED, INTERRUPTED = 1, 130
"""Exit codes: it did not go well, Ctrl-C."""

_WIDEST = 1_000

ERROR = 400
"""Status codes from here on tell of an error."""


def console(*, stderr: bool = False) -> Console:
    """Make what people are told by. Only a terminal gets colours, or what moves."""
    return Console(stderr=stderr, highlight=False, soft_wrap=True)


def show_table(out: Console, table: Table) -> None:
    """Print a table. Where there is not room enough, lines break, and no number."""
    table.width = Measurement.get(
        out, out.options.update(max_width=_WIDEST), table
    ).maximum
    out.print(table)


def say(out: Console, text: str, style: str = "") -> None:
    """Say a line. Nothing in it is taken for markup, or does anything to a terminal."""
    plain = "".join(each if each.isprintable() else "?" for each in text)
    out.print(Text(plain, style=style))


def emit(document: Mapping[str, Any]) -> None:
    """Print one JSON document, and nothing else."""
    json.dump(document, sys.stdout, indent=2, default=str)
    sys.stdout.write("\n")


def seconds(value: float) -> str:
    """Three digits are enough."""
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def outcome_of(status: int) -> str:
    """Name a status code, as far as it has a name."""
    return f"{status} {httpx.codes.get_reason_phrase(status)}".rstrip()


def times(number: int, what: str) -> str:
    """Say how many."""
    return f"1 {what}" if number == 1 else f"{number} {what}s"
