"""
Strategies as they are written on a command line: as in Python, but nothing is run.

An expression is parsed, and only names and numbers that are known here are made into
something. So what was tried on the command line can be pasted into a program.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, cast

import httpx
import tenacity
from tenacity.retry import retry_always, retry_never

import httpx_resilient as ours

STRATEGIES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "stop": {
            "stop_after_attempt": tenacity.stop_after_attempt,
            "stop_after_delay": tenacity.stop_after_delay,
            "stop_before_delay": tenacity.stop_before_delay,
            "stop_never": tenacity.stop_never,
        },
        "wait": {
            "wait_chain": tenacity.wait_chain,
            "wait_exponential": tenacity.wait_exponential,
            "wait_exponential_jitter": tenacity.wait_exponential_jitter,
            "wait_fixed": tenacity.wait_fixed,
            "wait_incrementing": tenacity.wait_incrementing,
            "wait_none": tenacity.wait_none,
            "wait_random": tenacity.wait_random,
            "wait_random_exponential": tenacity.wait_random_exponential,
            "wait_retry_after": ours.wait_retry_after,
            "wait_transient": ours.wait_transient,
        },
        "retry": {
            "retry_always": retry_always,
            "retry_if_exception_type": tenacity.retry_if_exception_type,
            "retry_if_idempotent": ours.retry_if_idempotent,
            "retry_if_not_exception_type": tenacity.retry_if_not_exception_type,
            "retry_if_status": ours.retry_if_status,
            "retry_if_transient": ours.retry_if_transient,
            "retry_never": retry_never,
        },
    }
)
"""What may be named, by the option it is for."""

_Combine = Callable[[Any, Any], Any]
_EITHER: _Combine = lambda one, other: one | other  # noqa: E731 - operator.or_ has no type
_BOTH: _Combine = lambda one, other: one & other  # noqa: E731 - as above
_SUM: _Combine = lambda one, other: one + other  # noqa: E731 - as above

_COMBINED: Mapping[str, Mapping[type[ast.operator], _Combine]] = {
    "stop": {ast.BitOr: _EITHER, ast.BitAnd: _BOTH},
    "wait": {ast.Add: _SUM},
    "retry": {ast.BitOr: _EITHER, ast.BitAnd: _BOTH},
}

_EXAMPLES = {
    "stop": '5, 30s or "stop_after_attempt(5) | stop_before_delay(30)"',
    "wait": '2 or "wait_random_exponential(multiplier=0.1, max=5)"',
    "retry": "\"retry_if_transient('POST') | retry_if_status(409)\"",
}

_NESTING = {"wait_chain", "wait_transient"}
_ON_EXCEPTIONS = {"retry_if_exception_type", "retry_if_not_exception_type"}

_NUMBER = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(s?)", re.ASCII)
_LONG = 1_000
"""Characters that nobody types."""

_MOST = 1e9
"""What no number of attempts or seconds is above: that is 30 years."""


class NotationError(ValueError):
    """What was written is no strategy."""


def strategy(kind: str, text: str) -> Any:
    """
    Make the strategy that a text describes.

    Args:
        kind: `stop`, `wait` or `retry`.
        text: A number (attempts or, with an `s`, seconds to stop after; seconds to
            wait) or an expression as in Python.

    Raises:
        NotationError: It is neither, or names what is not known.
    """
    plain = _NUMBER.fullmatch(text.strip())
    if plain and kind != "retry":
        return _plain(kind, *plain.groups())
    if len(text) > _LONG:
        raise _error(kind, f"an expression has at most {_LONG} characters")
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise _error(kind, "that is no expression") from error
    return _made(kind, tree.body)


def _plain(kind: str, digits: str, unit: str) -> Any:
    number = float(digits)
    _check(kind, number)
    if kind == "wait":
        # What a server asks for is kept, as by the default.
        return ours.wait_transient(tenacity.wait_fixed(number), None)
    if unit:
        return tenacity.stop_before_delay(number)
    if not digits.isdigit() or number < 1:
        raise _error(kind, "attempts are a whole number, 1 or more; seconds end in s")
    return tenacity.stop_after_attempt(int(digits))


def _made(kind: str, node: ast.expr) -> Any:
    match node:
        case ast.BinOp(left=left, op=op, right=right):
            combine = _COMBINED[kind].get(type(op))
            if combine is None:
                raise _error(kind, "strategies are not combined like that")
            return combine(_made(kind, left), _made(kind, right))
        case ast.Call(func=function, args=arguments, keywords=keywords):
            name, make = _known(kind, function)
            if not isinstance(make, type):
                raise _error(kind, f"{name} stands alone, without ()")
            given = [_argument(kind, name, each) for each in arguments]
            named = {
                str(each.arg): _argument(kind, name, each.value) for each in keywords
            }
            try:
                with warnings.catch_warnings():
                    # An old name of an argument is as good as a new one.
                    warnings.simplefilter("ignore", DeprecationWarning)
                    return make(*given, **named)
            except (TypeError, ValueError) as error:
                raise _error(kind, f"{name}: {error}") from error
        case _:
            name, constant = _known(kind, node)
            if isinstance(constant, type):
                raise _error(kind, f"{name} is written with (), as in Python")
            return constant


def _known(kind: str, node: ast.expr) -> tuple[str, Any]:
    """Look a name up, with or without its module."""
    name = _name(node)
    if name is None:
        raise _error(kind, "that is no strategy")
    known = STRATEGIES[kind]
    if name not in known:
        raise _error(kind, f"{name} is not known; known are {', '.join(known)}")
    return name, known[name]


def _name(node: ast.expr) -> str | None:
    match node:
        case ast.Name(id=name) | ast.Attribute(value=ast.Name(), attr=name):
            return name
        case _:
            return None


def _argument(kind: str, of: str, node: ast.expr) -> Any:
    """Make what a strategy is made of. What it would not refuse is refused here."""
    if isinstance(node, ast.Call | ast.BinOp) and of in _NESTING:
        return _made(kind, node)
    if of in _ON_EXCEPTIONS:
        nodes = node.elts if isinstance(node, ast.Tuple) else [node]
        return tuple(_exception(kind, _name(each)) for each in nodes)
    match node:
        case ast.Constant(value=value):
            pass
        case ast.UnaryOp(
            op=ast.USub(), operand=ast.Constant(value=int() | float() as number)
        ):
            value = -number
        case _:
            raise _error(kind, f"that is nothing to give to {of}")
    if kind != "retry" and not (value is None and of in _NESTING):
        _check(kind, value)
    return value


def _exception(kind: str, name: str | None) -> type[Exception]:
    found = None if name is None else getattr(httpx, name, getattr(ours, name, None))
    if not isinstance(found, type) or not issubclass(found, Exception):
        raise _error(kind, f"{name or 'that'} is no exception of httpx")
    return found


def _check(kind: str, value: object) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not -_MOST <= cast("float", value) <= _MOST:
        raise _error(kind, f"{value!r} is no number of attempts or seconds")


def _error(kind: str, what: str) -> NotationError:
    return NotationError(f"{what}. Write such as {_EXAMPLES[kind]}")
