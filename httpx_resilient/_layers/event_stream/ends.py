"""Why a connection of an event stream has ended, and whether another one may follow."""

from __future__ import annotations

from dataclasses import dataclass

from httpx_resilient._core.classify import NEVER, classify_error
from httpx_resilient._core.errors import Refusal
from httpx_resilient._core.family import Family
from httpx_resilient._layers.event_stream.position import Position
from httpx_resilient._layers.event_stream.rules import Fruitless, Rules

CLEAN = "clean end"
HALF = "clean end inside of an event"
CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class End:
    """
    The end of a connection, or of an attempt to open one.

    Args:
        reason: What has happened, in a few words.
        error: The exception, if there is one.
        is_break: Whether a connection has ended before its stream has.
        is_answer: Whether a reconnection was answered by something else.
        retry_after: Seconds that the answer or a refusal asks for.
    """

    reason: str
    error: Exception | None = None
    is_break: bool = False
    is_answer: bool = False
    retry_after: float | None = None


def end_of(lost: Exception | None, pending: int) -> End:
    """
    Return how a connection has ended.

    Args:
        lost: The exception that a reader has met, `None` after a clean end.
        pending: Bytes of an event that was not complete.
    """
    if lost is not None:
        return End(type(lost).__name__, lost, is_break=True)
    return End(HALF, is_break=True) if pending else End(CLEAN)


def ends_well(end: End, position: Position, rules: Rules) -> bool:
    """
    Whether the end of a connection is the end of its stream.

    By the letter no clean end is one (WHATWG HTML §9.2.3), because proxies end idle
    connections so. But so do streams that are finite, such as those of language models.
    They send neither ids nor `retry:`, by which others show that they can go on.
    """
    if end.error is not None or end.is_break or end.is_answer:
        return False
    return rules.finite or (position.id is None and position.retry is None)


def refusal(
    end: End, position: Position, rules: Rules, fruitless: Fruitless, family: Family
) -> str:
    """Return why there is no reconnection; an empty text if there may be one."""
    if end.error is not None and _is_final(end.error, family):
        return "it would fail in the same way"
    if (
        end.is_break
        and position.has_events
        and not position.id
        and not rules.without_ids
    ):
        return (
            "its events have no ids, so some would be lost or come twice; send the "
            "request again if that is right for you, or give without_ids=True"
        )
    if fruitless.silent >= rules.max_reconnects:
        return f"{fruitless.silent} reconnections in a row have brought no event"
    return ""


def _is_final(error: Exception, family: Family) -> bool:
    """Whether another attempt would fail, too. A refusal on this side may be over."""
    if isinstance(error, family.pool_timeout):
        return False
    if isinstance(error, Refusal) and error.retry_after is not None:
        return False
    return classify_error(error, family) is NEVER


def text_of(end: End) -> str:
    """Describe the end of a stream that has failed without an exception of its own."""
    if end.is_answer:
        return f"the event stream cannot go on: reconnecting got status {end.reason}"
    return f"the event stream broke: {end.reason}"


def too_large(most: int) -> str:
    """Describe a block that is larger than a reader should have in memory."""
    return (
        f"the event stream has an event of more than {most:,} bytes: give a larger "
        "max_event_bytes if that is right"
    )
