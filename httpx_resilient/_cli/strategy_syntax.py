"""
Strategies in the syntax of Python, for options: text is parsed, but never run.

Only the names and numbers that this module knows are turned into objects. What works on
the command line can be pasted into a program.
"""

from __future__ import annotations

import ast
import re
import reprlib
import warnings
from typing import Any, cast

import httpx
import tenacity

import httpx_resilient as ours
from httpx_resilient._cli.strategy_grammar import GRAMMARS

_TAKE_STRATEGIES = {"wait_chain", "wait_transient"}
_TAKE_EXCEPTIONS = {"retry_if_exception_type", "retry_if_not_exception_type"}

_NUMBER = re.compile(r"((?:\d+(?:\.\d*)?|\.\d+)(?:[eE]\+?\d+)?)(ms|s|m|h|)", re.ASCII)
_SECONDS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}

_MAX_LENGTH = 1_000
"""Characters of an expression: Python's parser fails on deeper nesting."""

_MAX_NUMBER = 1e9
"""The largest number of attempts or seconds, about 30 years."""


class StrategySyntaxError(ValueError):
    """A text does not describe a strategy."""


def parse_strategy(kind: str, text: str) -> Any:
    """
    Build the strategy that a text describes.

    Args:
        kind: `stop`, `wait` or `retry`.
        text: An expression as in Python, or a number: attempts to stop after, a time
            to stop after with a unit (`ms`, `s`, `m`, `h`), or seconds to wait, with a
            unit or without.

    Raises:
        StrategySyntaxError: The text is neither, or uses an unknown name.
    """
    number = _NUMBER.fullmatch(text.strip())
    if number and kind != "retry":
        return _from_number(kind, *number.groups())
    if len(text) > _MAX_LENGTH:
        raise _error(kind, f"an expression has at most {_MAX_LENGTH} characters")
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        problem = f"{reprlib.repr(text)} is not an expression"
        raise _error(kind, problem) from error
    return _build(kind, tree.body)


def _from_number(kind: str, digits: str, unit: str) -> Any:
    number = float(digits) * _SECONDS[unit]
    _check_number(kind, number)
    if kind == "wait":
        # Unlike `wait_fixed` alone, this waits longer if the server asks for it.
        return ours.wait_transient(tenacity.wait_fixed(number), None, bridge=0)
    if unit:
        return tenacity.stop_before_delay(number)
    if not number.is_integer() or number < 1:
        problem = "attempts must be a whole number, 1 or more; times end in s, m or h"
        raise _error(kind, problem)
    return tenacity.stop_after_attempt(int(number))


def _build(kind: str, node: ast.expr) -> Any:
    match node:
        case ast.BinOp(left=left, op=op, right=right):
            operators = GRAMMARS[kind].operators
            operator = operators.get(type(op))
            if operator is None:
                symbols = " or ".join(each.symbol for each in operators.values())
                raise _error(kind, f"combine {kind} strategies with {symbols}")
            return operator.combine(_build(kind, left), _build(kind, right))
        case ast.Call():
            return _call(kind, node)
        case _:
            name, strategy = _look_up(kind, node)
            if isinstance(strategy, type):
                raise _error(kind, f"{name} must be called, as {name}(...)")
            return strategy


def _call(kind: str, call: ast.Call) -> Any:
    name, make = _look_up(kind, call.func)
    if not isinstance(make, type):
        raise _error(kind, f"{name} takes no arguments: leave out the ()")
    positional = [_argument(kind, name, each) for each in call.args]
    keywords = {
        str(each.arg): _argument(kind, name, each.value) for each in call.keywords
    }
    try:
        with warnings.catch_warnings():
            # Tenacity's deprecated names of arguments are accepted too.
            warnings.simplefilter("ignore", DeprecationWarning)
            return make(*positional, **keywords)
    except (TypeError, ValueError) as error:
        raise _error(kind, f"{name}: {error}") from error


def _look_up(kind: str, node: ast.expr) -> tuple[str, Any]:
    """Return the strategy that a name stands for, with or without its module."""
    name = _name(node)
    if name is None:
        raise _error(kind, f"expected the name of a {kind} strategy")
    known = GRAMMARS[kind].names
    if name not in known:
        problem = f"{name} is not a {kind} strategy; choose from {', '.join(known)}"
        raise _error(kind, problem)
    return name, known[name]


def _name(node: ast.expr) -> str | None:
    match node:
        case ast.Name(id=name) | ast.Attribute(value=ast.Name(), attr=name):
            return name
        case _:
            return None


def _argument(kind: str, name: str, node: ast.expr) -> Any:
    """Build an argument of a strategy, and check what tenacity does not check."""
    if isinstance(node, ast.Call | ast.BinOp) and name in _TAKE_STRATEGIES:
        return _build(kind, node)
    if name in _TAKE_EXCEPTIONS:
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
            raise _error(kind, f"{name} takes only numbers and texts as arguments")
    if kind != "retry" and not (value is None and name in _TAKE_STRATEGIES):
        _check_number(kind, value)
    return value


def _exception(kind: str, name: str | None) -> type[Exception]:
    found = None if name is None else getattr(httpx, name, getattr(ours, name, None))
    if not isinstance(found, type) or not issubclass(found, Exception):
        raise _error(kind, f"{name or 'an argument'} is not an exception of httpx")
    return found


def _check_number(kind: str, value: object) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not -_MAX_NUMBER <= cast("float", value) <= _MAX_NUMBER:
        raise _error(kind, f"{value!r} is not a number of attempts or seconds")


def _error(kind: str, problem: str) -> StrategySyntaxError:
    return StrategySyntaxError(f"{problem}. Examples: {GRAMMARS[kind].examples}")
