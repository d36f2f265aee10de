"""Output: lines and tables for people, JSON for machines."""

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

FAILED, _INTERRUPTED = 1, 130
"""Exit codes. A shell reports 130, which is 128 + SIGINT, after Ctrl-C."""

ERROR_STATUS = 400
"""The lowest status code of an error (RFC 9110 §15)."""

_MAX_TABLE_WIDTH = 1_000


def exit_code(*, ok: bool, interrupted: bool) -> int:
    """Return the exit code of a command that has sent something."""
    if interrupted:
        return _INTERRUPTED
    return 0 if ok else FAILED


def make_console(*, stderr: bool = False) -> Console:
    """Make a console. It prints colours and animations to a terminal only."""
    return Console(stderr=stderr, highlight=False, soft_wrap=True)


def print_table(out: Console, table: Table) -> None:
    """Print a table at its full width: a narrow terminal wraps lines, not cells."""
    table.width = _full_width(out, table)
    out.print(table)


def fits(out: Console, table: Table) -> bool:
    """Whether a table is not wider than the terminal, if there is one."""
    return not out.is_terminal or _full_width(out, table) <= out.width


def _full_width(out: Console, table: Table) -> int:
    options = out.options.update(max_width=_MAX_TABLE_WIDTH)
    return Measurement.get(out, options, table).maximum


def print_line(out: Console, text: str, style: str = "") -> None:
    """
    Print a line as it is, without markup or control characters.

    A terminal shows it in several lines if it must, and breaks no words.
    """
    plain = "".join(each if each.isprintable() else "?" for each in text)
    out.print(Text(plain, style=style), soft_wrap=not out.is_terminal)


def print_json(document: Mapping[str, Any]) -> None:
    """Print a JSON document to standard output."""
    json.dump(document, sys.stdout, indent=2, default=str)
    sys.stdout.write("\n")


def format_number(value: float) -> str:
    """Format a number with three significant digits, from 1000 on as an integer."""
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def format_status(status: int) -> str:
    """Format a status code, with its reason phrase if it is a registered one."""
    return f"{status} {httpx.codes.get_reason_phrase(status)}".rstrip()


def format_count(number: int, noun: str, plural: str = "") -> str:
    """Format a number of things, such as `1 attempt` or `2 attempts`."""
    return f"1 {noun}" if number == 1 else f"{number} {plural or f'{noun}s'}"
