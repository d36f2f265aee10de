"""Ending a request in its stages, where it does not end well."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from httpx_resilient._core.context import RequestContext
from httpx_resilient._core.io.protocol import Effects
from httpx_resilient._transport.stage import OVER, Stage


def end_each(
    stages: Sequence[Stage],
    visits: list[Any],
    outermost: int,
    context: RequestContext,
    error: BaseException | None,
) -> None:
    """
    End a request in some stages, innermost first. Each ends, even if another raises.

    Args:
        stages: The stages of the flow.
        visits: Their visits. `OVER` takes the place of those that have ended.
        outermost: The index of the outermost stage to end.
        context: The context of the request.
        error: The exception that has ended it, if any.
    """
    for index in reversed(range(outermost, len(visits))):
        visit, visits[index] = visits[index], OVER
        if visit is not OVER:
            try:
                stages[index].ended(context, visit, error)
            except BaseException:  # observed only, and raised again
                end_each(stages, visits, outermost, context, error)
                raise


def unwind(
    stages: Sequence[Stage],
    visits: list[Any],
    context: RequestContext,
    outcome: Exception | None,
) -> Exception | None:
    """
    End a request that has no response, in each stage that has admitted it.

    The innermost stage comes first. Each ends, even if another one raises.

    Args:
        stages: The stages of the flow.
        visits: The visits of those that have admitted the request. `OVER` takes the
            place of those that have ended.
        context: The context of the request.
        outcome: The exception, or `None` if the request was cancelled.

    Returns:
        The exception to raise: a stage may have replaced it.
    """
    for index in reversed(range(len(visits))):
        visit, visits[index] = visits[index], OVER
        stage = stages[index]
        if visit is OVER:
            continue
        try:
            try:
                visit = stage.after(context, visit, outcome)
            except Exception as replaced:  # noqa: BLE001 - it takes the place of the other
                outcome = replaced
            finally:
                if visit is not OVER:
                    stage.ended(context, visit, outcome)
        except BaseException:  # observed only, and raised again
            unwind(stages, visits, context, None)
            raise
    return outcome


def replace(failure: Exception, context: RequestContext) -> Any:
    """
    Raise what a stage has raised in place of an exception, or return an answer.

    If a deadline has cut a retry inside of it, while a later attempt was in a queue on
    this side, the server's answer to an earlier attempt is the outcome.
    """
    if context.answer is not None:
        return context.answer.replace_failure(context)
    raise failure from failure.__cause__


async def abandon(
    stages: Sequence[Stage],
    visits: list[Any],
    index: int,
    context: RequestContext,
    effects: Effects,
    response: object,
    raised: BaseException,
) -> None:
    """
    End a request after the `after` of a stage has raised, or its listener.

    Args:
        stages: The stages of the flow.
        visits: Their visits. `OVER` takes the place of those that have ended.
        index: The index of the stage that has raised.
        context: The context of the request.
        effects: The effects of the request's flow.
        response: The response, which the caller never gets.
        raised: The exception.

    Raises:
        Exception: What a stage around raises in place of the exception.
    """
    error = raised if isinstance(raised, Exception) else None
    try:
        await effects.discard(response, context, drain=False)
    finally:
        try:
            end_each(stages, visits, index, context, raised)
        finally:
            failure = unwind(stages, visits, context, error)
    if failure is not error and failure is not None:
        raise failure from failure.__cause__
