"""The names and operators that expressions for strategies consist of."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import tenacity
from tenacity.retry import retry_always, retry_never

import httpx_resilient as ours


@dataclass(frozen=True, slots=True)
class Operator:
    """
    An operator that combines two strategies.

    Args:
        symbol: As in Python.
        combine: Its function.
    """

    symbol: str
    combine: Callable[[Any, Any], Any]


@dataclass(frozen=True, slots=True)
class Grammar:
    """
    The grammar of one kind of strategy.

    Args:
        names: Classes and constants, by the names that an expression may use.
        operators: By their node in Python's syntax tree.
        examples: For error messages.
    """

    names: Mapping[str, Any]
    operators: Mapping[type[ast.operator], Operator]
    examples: str


_LOGICAL: Mapping[type[ast.operator], Operator] = {
    ast.BitOr: Operator("|", lambda one, other: one | other),
    ast.BitAnd: Operator("&", lambda one, other: one & other),
}

GRAMMARS: Mapping[str, Grammar] = MappingProxyType(
    {
        "stop": Grammar(
            {
                "stop_after_attempt": tenacity.stop_after_attempt,
                "stop_after_delay": tenacity.stop_after_delay,
                "stop_before_delay": tenacity.stop_before_delay,
                "stop_never": tenacity.stop_never,
            },
            _LOGICAL,
            '5, 30s or "stop_after_attempt(5) | stop_before_delay(30)"',
        ),
        "wait": Grammar(
            {
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
            {ast.Add: Operator("+", lambda one, other: one + other)},
            '2 or "wait_random_exponential(multiplier=0.1, max=5)"',
        ),
        "retry": Grammar(
            {
                "retry_always": retry_always,
                "retry_if_exception_type": tenacity.retry_if_exception_type,
                "retry_if_idempotent": ours.retry_if_idempotent,
                "retry_if_not_exception_type": tenacity.retry_if_not_exception_type,
                "retry_if_status": ours.retry_if_status,
                "retry_if_transient": ours.retry_if_transient,
                "retry_never": retry_never,
            },
            _LOGICAL,
            "\"retry_if_transient('POST') | retry_if_status(409)\"",
        ),
    }
)
"""The grammars, by kind of strategy."""
