"""Retries inside of retries, whose attempts multiply."""

from __future__ import annotations

import warnings
from typing import Any

import tenacity

from httpx_resilient._core.family import Family
from httpx_resilient._core.other_tools import tool_of
from httpx_resilient._layers.retry.checks import parts_of
from httpx_resilient._layers.retry.policy import RetryPolicy
from httpx_resilient._layers.retry.retries import retry_if_transient
from httpx_resilient._transport.inside import transports_in
from httpx_resilient._transport.options import level_of_caller

_DEPTH = 1
"""Transports in attributes, also in a list there; but no clients of an application."""

_RETRYING = ("RetryTransport", "TenacityTransport", "AsyncTenacityTransport")
"""Transports of httpx-retries and pydantic-ai."""


def check_nesting(inner: object, policy: RetryPolicy, family: Family) -> None:
    """
    Refuse a layer around another one that retries the same failures.

    One for other outcomes is no mistake, such as `retry_if_status(202)` around a stack.

    Args:
        inner: The inner transport, or `None`.
        policy: The policy of the layer.
        family: Its library.

    Raises:
        ValueError: Both layers retry failures.
    """
    if inner is None or not _retries_failures(policy.retry, family):
        return
    for each in transports_in(inner, _DEPTH):
        theirs: Any = getattr(each, "policy", None)
        if isinstance(theirs, RetryPolicy) and _retries_failures(theirs.retry, family):
            msg = (
                "the transport inside retries already, and attempts would multiply: "
                "leave one RetryingTransport out, or give one of them another retry=, "
                "such as retry_if_status(202)"
            )
            raise ValueError(msg)
        if problem := _of_others(each, family):
            msg = f"{problem} retries by itself, and attempts multiply: turn that off"
            warnings.warn(msg, RuntimeWarning, stacklevel=level_of_caller())


def _retries_failures(retry: Any, family: Family) -> bool:
    """Whether a strategy retries the usual failures, as far as that is known."""
    if isinstance(retry, retry_if_transient):
        return True
    if isinstance(retry, tenacity.retry_if_exception_type):
        usual = (*family.never_sent, *family.interrupted)
        return any(issubclass(each, retry.exception_types) for each in usual)
    return any(_retries_failures(each, family) for each in parts_of(retry))


def _of_others(transport: Any, family: Family) -> str:
    """Name a transport of others that retries."""
    kind: str = transport.__class__.__name__
    if isinstance(transport, (family.http, family.async_http)):
        # It has no public attribute for them.
        retries = getattr(getattr(transport, "_pool", None), "_retries", 0)
        return f"{kind}(retries={retries})" if retries else ""
    tool = tool_of(transport) if kind in _RETRYING else ""
    return f"{kind} of {tool}" if tool else ""
