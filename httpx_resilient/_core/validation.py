"""Checking what was given, when it is given."""

from __future__ import annotations

import inspect
import math
import re
from typing import Any

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
"""What a method or the name of a header is made of (RFC 9110 §5.1, §5.6.2)."""


def number(
    name: str,
    given: object,
    *,
    least: float | None = None,
    above: float | None = None,
    most: float = math.inf,
    whole: bool = False,
    unit: str = "",
) -> None:
    """
    Refuse what is no number, or out of its range.

    Args:
        name: What it is called where it was given.
        given: What was given.
        least: It is at least this, or ...
        above: ... more than this.
        most: It is at most this. Not more than infinity, if nothing is said.
        whole: Whether it is to be an `int`.
        unit: What is counted, such as `seconds`.

    Raises:
        TypeError: It is no number.
        ValueError: It is out of range, or not a number (NaN).
    """
    kinds = int if whole else (int, float)
    low = f"above {above:g}" if least is None else f"{least:g} or more"
    high = "" if most == math.inf else f", at most {most:g}"
    of = f" of {unit}" if unit else ""
    msg = f"{name} is a {'whole ' * whole}number{of}, {low}{high}; got {given!r}"
    if isinstance(given, bool) or not isinstance(given, kinds):
        raise TypeError(msg)
    enough = given > (above or 0.0) if least is None else given >= least
    if not (enough and given <= most):
        raise ValueError(msg)


def state(name: str, given: object, *kinds: type, example: str) -> None:
    """
    Refuse what is no state for a layer to share; `None` is for one of its own.

    Args:
        name: What it is called where it was given.
        given: What was given.
        *kinds: What it may be.
        example: How to make one.

    Raises:
        TypeError: It is none of these.
    """
    if given is not None and not isinstance(given, kinds):
        known = " or ".join(kind.__name__ for kind in kinds)
        msg = f"{name} is made by {known}, such as {example}; got {given!r}"
        raise TypeError(msg)


def is_asynchronous(function: Any) -> bool:
    """Tell whether what is called with something is to be awaited."""
    return any(
        inspect.iscoroutinefunction(each)
        for each in (
            function,
            getattr(function, "__call__", None),  # noqa: B004 - the method is wanted
            getattr(function, "predicate", None),  # of a strategy of tenacity's
        )
    )
