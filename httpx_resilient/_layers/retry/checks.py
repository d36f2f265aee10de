"""Checks of strategies, so that a mistake shows before the first failure."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator
from typing import Any

from httpx_resilient._core.validation import accepts, is_asynchronous
from httpx_resilient._layers.retry.misplaced import (
    check_kind,
    for_exceptions,
    is_strategy,
)

_MAY_BE_NEGATIVE = ("start", "increment")
_NUMBERS = frozenset(
    {"exp_base", "increment", "initial", "jitter", "max", "max_attempt_number"}
    | {"max_delay", "min", "multiplier", "start", "wait_fixed"}
    | {"wait_random_max", "wait_random_min"}
)
"""The settings of tenacity's strategies that are numbers."""

_PARTS = ("retries", "stops", "wait_funcs", "strategies")
"""The attributes in which tenacity's combinations store their parts."""

_TYPES = ("exception_types", "exception_cause_types")
"""The attributes in which tenacity's strategies store exceptions."""

_KNOWN = ("tenacity", "httpx_resilient")


def check_strategy(name: str, strategy: Any, example: str) -> None:
    """
    Refuse a strategy that cannot work, and one whose parts cannot.

    Args:
        name: The argument that it was given as.
        strategy: The strategy or hook.
        example: An example of a valid one, for the message.

    Raises:
        TypeError: It is a class or not callable; or it is a strategy of another option,
            or an object of another tool; or it does not take its argument; or it names
            an exception that no transport raises; or a part is asynchronous and would
            not be awaited.
        ValueError: A setting is negative or not a number (NaN).
    """
    check_kind(name, strategy, example)
    _check_exceptions(strategy)
    _check_settings(strategy)
    _check_arguments(name, strategy)
    for part in parts_of(strategy):
        check_strategy(f"a part of {name.rpartition(' ')[2]}", part, example)
        if is_asynchronous(part) and not is_asynchronous(strategy):
            msg = (
                f"{name}: {part!r} is asynchronous and {type(strategy).__name__} would "
                "not await it: combine with tenacity.asyncio, or in one async function"
            )
            raise TypeError(msg)


def check_buffer_limit(limit: object) -> None:
    """
    Check `buffer_request_body`.

    Raises:
        TypeError: It is not a whole number.
        ValueError: It is negative.
    """
    msg = (
        f"buffer_request_body must be a whole number of bytes, 0 or more; got {limit!r}"
    )
    if isinstance(limit, bool) or not isinstance(limit, int):
        raise TypeError(msg)
    if limit < 0:
        raise ValueError(msg)


def _check_exceptions(strategy: Any) -> None:
    """Refuse exceptions that are none, or that no transport raises."""
    kind = type(strategy).__name__
    for attribute in _TYPES if is_strategy(strategy) else ():
        types: Any = getattr(strategy, attribute, ())
        for each in types if types.__class__ is tuple else (types,):
            if not (inspect.isclass(each) and issubclass(each, BaseException)):
                msg = (
                    f"{kind} takes an exception class, or a tuple of several, such as "
                    f"{kind}((A, B)); got {each!r}"
                )
                raise TypeError(msg)
            if each.__name__ == "HTTPStatusError":
                msg = (
                    "HTTPStatusError is raised by raise_for_status(), not by a "
                    f"transport. {for_exceptions(each)} retries responses with these "
                    "statuses"
                )
                raise TypeError(msg)


def _check_settings(strategy: Any) -> None:
    """Refuse a setting of a strategy of tenacity's that is no number, or negative."""
    kind = strategy.__class__
    if not kind.__module__.startswith("tenacity."):
        return
    for setting, value in getattr(strategy, "__dict__", {}).items():
        if setting not in _NUMBERS:
            continue
        is_count = setting == "max_attempt_number" and value != math.inf
        is_number = isinstance(value, int if is_count else int | float)
        if isinstance(value, bool) or not is_number:
            of = "a whole number" if is_count else "a number"
            msg = f"{kind.__name__}: {setting} is {value!r}, but must be {of}"
            raise TypeError(msg)
        if not value >= 0 and setting not in _MAY_BE_NEGATIVE:
            msg = f"{kind.__name__}: {setting} is {value!r}, but must be 0 or more"
            raise ValueError(msg)


def _check_arguments(name: str, strategy: Any) -> None:
    """Refuse a function that cannot be called as it will be."""
    home = type(strategy).__module__.partition(".")[0]
    slot = name.rpartition(" ")[2]
    if home not in _KNOWN:
        takes = "no argument" if slot == "body_factory" else "one argument, the state"
        if not accepts(strategy, 0 if slot == "body_factory" else 1):
            msg = f"{name} must take {takes}; got {strategy!r}"
            raise TypeError(msg)
    predicate = getattr(strategy, "predicate", None) if home == "tenacity" else None
    if predicate is not None and not (callable(predicate) and accepts(predicate, 1)):
        kind = type(strategy).__name__
        what = "exception" if "exception" in kind else "response"
        msg = f"{kind} needs a function of one argument, the {what}; got {predicate!r}"
        raise TypeError(msg)


def parts_of(strategy: Any) -> Iterator[Any]:
    """Yield the strategies that a combination consists of."""
    for parts in _PARTS if is_strategy(strategy) else ():
        yield from getattr(strategy, parts, ())
