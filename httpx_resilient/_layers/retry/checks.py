"""Checks of strategies, so that a mistake shows before the first failure."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import tenacity
from tenacity.retry import retry_base
from tenacity.stop import stop_base
from tenacity.wait import wait_base

from httpx_resilient._core.validation import is_asynchronous
from httpx_resilient._layers.retry.waits import wait_transient

_STRATEGY_CLASSES = (retry_base, wait_base, stop_base)
_MAY_BE_NEGATIVE = ("start", "increment")
_PARTS = ("retries", "stops", "wait_funcs", "strategies")
"""The attributes in which tenacity's combinations store their parts."""


def check_strategy(name: str, strategy: Any, example: str) -> None:
    """
    Refuse a strategy that cannot work, and one whose parts cannot.

    Args:
        name: The argument that it was given as.
        strategy: The strategy or hook.
        example: An example of a valid one, for the message.

    Raises:
        TypeError: It is a class or not callable; or it names an exception that no
            transport raises; or a part is asynchronous and would not be awaited.
        ValueError: A setting is negative or not a number (NaN).
    """
    if inspect.isclass(strategy) and issubclass(strategy, _STRATEGY_CLASSES):
        kind = strategy.__name__
        msg = f"{name} is the class {kind}: give an instance, such as {kind}(...)"
        raise TypeError(msg)
    if not callable(strategy):
        msg = f"{name} must be callable, such as {example}; got {strategy!r}"
        raise TypeError(msg)
    if isinstance(strategy, tenacity.retry_if_exception_type):
        _check_exceptions(strategy.exception_types)
    _check_settings(strategy)
    for part in _parts(strategy):
        check_strategy(name, part, example)
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


def _check_exceptions(
    types: type[BaseException] | tuple[type[BaseException], ...],
) -> None:
    for kind in types if isinstance(types, tuple) else (types,):
        if kind.__name__ == "HTTPStatusError":
            msg = (
                "HTTPStatusError is raised by raise_for_status(), not by a transport. "
                "retry_if_status(502, 503) retries responses with these statuses"
            )
            raise TypeError(msg)


def _check_settings(strategy: Any) -> None:
    """Refuse a negative setting of a strategy of tenacity's."""
    kind = strategy.__class__
    if not kind.__module__.startswith("tenacity."):
        return
    for setting, value in getattr(strategy, "__dict__", {}).items():
        if not isinstance(value, (int, float)) or setting in _MAY_BE_NEGATIVE:
            continue
        if not value >= 0:
            msg = f"{kind.__name__}: {setting} is {value!r}, but must be 0 or more"
            raise ValueError(msg)


def _parts(strategy: Any) -> Iterator[Any]:
    for parts in _PARTS:
        yield from getattr(strategy, parts, ())
    if isinstance(strategy, wait_transient):
        yield from (strategy.failure, strategy.throttled)
