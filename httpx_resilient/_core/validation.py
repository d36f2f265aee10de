"""Checks of arguments when they are given."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, Protocol, cast, overload

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
"""The syntax of a method and of a header's name (RFC 9110 §5.1, §5.6.2)."""


class Strings(Protocol):
    """A collection of strings, which a single string is not, to a type checker."""

    def __contains__(self, value: object, /) -> bool: ...  # a `str` takes only a `str`
    def __iter__(self) -> Iterator[str]: ...
    def __len__(self) -> int: ...


class StringSequence(Strings, Protocol):
    """A sequence of strings."""

    def __getitem__(self, index: int, /) -> str: ...


LARGEST = 10**12
"""
What a larger number, also an infinite one, counts as. In seconds: 30,000 years.

Sums and products of such numbers are finite, and their differences are numbers.
"""

SMALLEST = 1e-9
"""What a smaller number counts as, unless it is 0. In seconds: what clocks resolve."""


@overload
def number(
    name: str,
    given: object,
    *,
    least: float | None = None,
    above: float | None = None,
    most: float = math.inf,
    whole: Literal[True],
    unit: str = "",
) -> int: ...


@overload
def number(
    name: str,
    given: object,
    *,
    least: float | None = None,
    above: float | None = None,
    most: float = math.inf,
    whole: Literal[False] = False,
    unit: str = "",
) -> float: ...


def number(
    name: str,
    given: object,
    *,
    least: float | None = None,
    above: float | None = None,
    most: float = math.inf,
    whole: bool = False,
    unit: str = "",
) -> float:
    """
    Check that an argument is a number within its range, and return it.

    What is returned can be calculated with: it is `LARGEST` at most, and `SMALLEST` at
    least if it is above 0.

    Args:
        name: The name of the argument.
        given: Its value.
        least: The inclusive lower bound. Give this one or `above`.
        above: The exclusive lower bound; 0 if neither is given.
        most: The inclusive upper bound.
        whole: Whether the argument must be an `int`.
        unit: The unit, such as `seconds`, for the message.

    Raises:
        TypeError: The argument is not a number.
        ValueError: The argument is out of range or NaN.
    """
    kinds = int if whole else (int, float)
    if isinstance(given, kinds) and not isinstance(given, bool):
        enough = given > (above or 0.0) if least is None else given >= least
        if enough and given <= most:
            return SMALLEST if 0 < given < SMALLEST else min(given, LARGEST)
        kind: type[Exception] = ValueError
    else:
        kind = TypeError
    low = f"above {above:g}" if least is None else f"{least:g} or more"
    high = "" if most == math.inf else f", at most {most:g}"
    of = f" of {unit}" if unit else ""
    msg = f"{name} is a {'whole ' * whole}number{of}, {low}{high}; got {given!r}"
    raise kind(msg)


def state(name: str, given: object, *kinds: type, example: str) -> None:
    """
    Check that an argument is a shared state of a layer, or `None`.

    Args:
        name: The name of the argument.
        given: Its value.
        *kinds: The accepted classes.
        example: An expression that creates one, for the message.

    Raises:
        TypeError: The argument is of another class.
    """
    if given is not None and not isinstance(given, kinds):
        known = " or ".join(_with_article(kind.__name__) for kind in kinds)
        msg = f"{name} must be {known}, such as {example}; got {given!r}"
        raise TypeError(msg)


def _with_article(noun: str) -> str:
    return f"{'an' if noun[0] in 'AEIOU' else 'a'} {noun}"


def is_asynchronous(function: Any) -> bool:
    """Whether a call of this function returns an awaitable."""
    return any(
        inspect.iscoroutinefunction(each)
        for each in (
            function,
            getattr(function, "__call__", None),  # noqa: B004 - the method is wanted
            getattr(function, "predicate", None),  # tenacity wraps a function in it
        )
    )


def accepts(function: Callable[..., Any], count: int) -> bool:
    """Whether a function takes this number of arguments, as far as that is known."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some that are written in C have none
        return True
    try:
        signature.bind(*[None] * count)
    except TypeError:
        return False
    return True


def extensions_of(given: object) -> Mapping[str, Any]:
    """
    Return the extensions for requests that a user has given, if any.

    Raises:
        TypeError: They are no dictionary.
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        form = "extensions must be a dictionary such as {'deadline': 60}"
        msg = f"{form}; got {type(given).__name__}"
        raise TypeError(msg)
    return cast("Mapping[str, Any]", given)


def check_switch(name: str, given: object) -> None:
    """
    Refuse what is neither `True` nor `False`.

    Raises:
        TypeError: It is not.
    """
    if not isinstance(given, bool):
        msg = f"{name} must be True or False; got {given!r}"
        raise TypeError(msg)
