"""
Whether a success is repeated: only if a strategy has looked at the response.

A success may have changed something at the server. So it is not repeated for an answer
that does not depend on it, such as that of `retry_always`, or of a function that counts
attempts.
"""

from __future__ import annotations

import warnings
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import tenacity
from tenacity.asyncio import retry as async_retry

from httpx_resilient._layers.retry.bounds import ON_EXCEPTIONS_ONLY
from httpx_resilient._layers.retry.retries import retry_if_idempotent
from httpx_resilient._transport.options import level_of_caller

_ANY = (tenacity.retry_any, async_retry.retry_any)
_ALL = (tenacity.retry_all, async_retry.retry_all)
_SAY_NOTHING: set[type[Any]] = ON_EXCEPTIONS_ONLY | {
    retry_if_idempotent,
    tenacity.retry_unless_exception_type,
    tenacity.retry_if_not_exception_message,
    type(tenacity.retry_always),
}
"""The strategies that are true whatever a response contains."""

Settle = Callable[[Any], Awaitable[Any]]


class Answer(NamedTuple):
    """The answer of a strategy, and whether it depends on the response."""

    repeat: bool
    is_of_response: bool
    by: Any
    """The strategy, which is no combination."""


async def repeats_success(retry: Any, state: Any, settle: Settle) -> bool:
    """
    Ask a retry strategy about a response that is a success.

    Args:
        retry: The strategy.
        state: The `RetryState`.
        settle: Awaits the answer of an asynchronous strategy.
    """
    answer = await _ask(retry, state, settle)
    if not answer.repeat or answer.is_of_response:
        return answer.repeat
    if answer.by.__class__ not in _SAY_NOTHING:
        msg = (
            f"retry={answer.by!r} would repeat a success ({state.reason}) without "
            "having read state.response, so it is not repeated: let it depend on the "
            "response, or return False if state.error is None"
        )
        warnings.warn(msg, RuntimeWarning, stacklevel=level_of_caller())
    return False


async def _ask(retry: Any, state: Any, settle: Settle) -> Answer:
    kind = retry.__class__
    if kind in _ANY:
        answer = Answer(repeat=False, is_of_response=False, by=retry)
        for each in retry.retries:
            part = await _ask(each, state, settle)
            if part.repeat and part.is_of_response:
                return part
            answer = part if part.repeat else answer
        return answer
    if kind in _ALL:
        answer = Answer(repeat=True, is_of_response=False, by=tenacity.retry_always)
        for each in retry.retries:
            part = await _ask(each, state, settle)
            is_of_response = answer.is_of_response or part.is_of_response
            answer = Answer(part.repeat, is_of_response, part.by)
            if not part.repeat:
                break
        return answer
    state.is_response_read = False
    repeat = bool(await settle(retry(state)))
    is_of_response = state.is_response_read and kind not in _SAY_NOTHING
    return Answer(repeat, is_of_response, retry)
