"""What is given as a strategy by mistake, and what to give instead."""

from __future__ import annotations

import inspect
from collections.abc import Collection
from typing import Any

from tenacity.retry import retry_base
from tenacity.stop import stop_base
from tenacity.wait import wait_base

from httpx_resilient._core.other_tools import migration, tool_of

BASES: dict[str, type] = {"retry": retry_base, "wait": wait_base, "stop": stop_base}
"""The class of the strategies of each option."""


def check_kind(name: str, given: Any, example: str) -> None:
    """
    Refuse what is no strategy, or one of another option.

    Args:
        name: The option that it was given as.
        given: What was given.
        example: An example of a strategy or hook, for the message.

    Raises:
        TypeError: It cannot be used as this option.
    """
    kind, slot = type(given).__name__, name.rpartition(" ")[2]
    if inspect.isclass(given) and (slot in BASES or _kind_of(given)):
        raise TypeError(_of_class(name, given))
    theirs = _kind_of(type(given))
    if theirs and slot not in theirs:
        msg = f"{name} is a {theirs[0]} strategy: give it as {theirs[0]}={kind}(...)"
        raise TypeError(msg)
    if not theirs and slot in BASES and (tool := tool_of(given)):
        msg = f"{name} is a {kind} of {tool}: {migration(tool)}"
        raise TypeError(msg)
    if not callable(given):
        msg = f"{name} must be callable, such as {example}; got {given!r}"
        if hint := _instead(slot, given):
            msg += f": {hint}"
        raise TypeError(msg)


def is_strategy(given: object) -> bool:
    """Whether it is a strategy in tenacity's form, and no plain function."""
    return isinstance(given, tuple(BASES.values()))


def _kind_of(kind: Any) -> list[str]:
    """Return the options that strategies of this class are for."""
    return [option for option, base in BASES.items() if issubclass(kind, base)]


def _of_class(name: str, given: Any) -> str:
    kind = given.__name__
    if issubclass(given, BaseException):
        return f"{name} is the exception {kind}: give retry={for_exceptions(given)}"
    return f"{name} is the class {kind}: give an instance, such as {kind}(...)"


def for_exceptions(*kinds: type[BaseException]) -> str:
    """Return the strategy that retries these exceptions, as a user writes it."""
    names = ", ".join(kind.__name__ for kind in kinds)
    if "HTTPStatusError" in names:
        return "retry_if_status(502, 503)"
    return f"retry_if_exception_type({names if len(kinds) == 1 else f'({names})'})"


def _instead(slot: str, given: object) -> str:
    """Return what to give instead of something that is not callable."""
    if isinstance(given, bool):
        return {
            "retry": "leave the option out for the default; to retry nothing, leave "
            'RetryingTransport out, or send a request with extensions={"retry": False}',
            "wait": "tenacity.wait_none() does not wait",
            "stop": "tenacity.stop_never does not stop",
        }.get(slot, "")
    if isinstance(given, int | float):
        return {
            "retry": f"the number of attempts is stop=stop_after_attempt({given})",
            "wait": f"give wait_fixed({given})",
            "stop": f"give stop_after_attempt({given})",
        }.get(slot, "")
    several: Any = given
    if slot == "retry" and isinstance(given, Collection) and len(several):
        return _instead_of_several(list(several))
    return ""


def _instead_of_several(given: list[Any]) -> str:
    if all(isinstance(each, int) for each in given):
        return f"give retry_if_status({', '.join(map(str, given))})"
    if all(inspect.isclass(each) and issubclass(each, BaseException) for each in given):
        return f"give {for_exceptions(*given)}"
    if all(isinstance(each, retry_base) for each in given):
        return "combine strategies by | and &"
    return ""
