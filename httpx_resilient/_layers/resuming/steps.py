"""After a break: ask for the rest, read everything once more, or end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from httpx_resilient._core.resuming.eligibility import why_final
from httpx_resilient._core.resuming.range_request import Raw, can_ask_for_the_rest
from httpx_resilient._core.resuming.representation import Representation

MOST_FRUITLESS = 5
"""
Requests without a new byte after which a body is given up.

A body that grows may break again and again, as `max_resumes` allows. *huggingface_hub*
resets its counter of 5 in the same way.
"""

_FIRST_WAIT = 0.1
_LONGEST_WAIT = 5.0


@dataclass(frozen=True, slots=True)
class Limits:
    """
    How much a body may cost.

    Args:
        max_resumes: Requests for the rest of one body.
        max_reread: Bytes of one body that may come more than once.
    """

    max_resumes: int
    max_reread: int


@dataclass(frozen=True, slots=True)
class Progress:
    """
    What a body has cost so far.

    Args:
        resumes: Requests that were sent for the rest of it.
        fruitless: How many of them, the latest ones, have brought no new byte.
        reread: Bytes that came more than once.
        is_unproven: Whether the server has answered a range by what proves nothing.
        failure: Why the latest of them was of no use, or the body broke.
    """

    resumes: int = 0
    fruitless: int = 0
    reread: int = 0
    is_unproven: bool = False
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Ask:
    """
    Send another request.

    Args:
        what: The `rest` of the body by a range, or `everything` once more.
        most_wait: Seconds to wait before it, at most: the wait is random.
    """

    what: Literal["rest", "everything"]
    most_wait: float


@dataclass(frozen=True, slots=True)
class End:
    """
    Hand out no more.

    Args:
        reason: Why, in words that follow "it is not resumed: ".
    """

    reason: str


def next_step(
    first: Representation,
    offset: int,
    progress: Progress,
    limits: Limits,
) -> Ask | End:
    """
    Decide how to go on with a body that broke.

    Args:
        first: What the first answer said.
        offset: The position of the next byte that is wanted.
        progress: What the body has cost so far.
        limits: What it may cost. A body that must be compared is hashed up to them.
    """
    if progress.resumes >= limits.max_resumes:
        most = limits.max_resumes
        return End(f"max_resumes={most} is spent; the last failure: {progress.failure}")
    if progress.fruitless >= MOST_FRUITLESS:
        return End(
            f"{progress.fruitless} requests have brought no byte; the last failure: "
            f"{progress.failure}"
        )
    most_wait = min(_FIRST_WAIT * 2**progress.fruitless, _LONGEST_WAIT)
    if can_ask_for_the_rest(first) and not progress.is_unproven:
        return Ask("rest", most_wait)
    again = offset - (first.first or 0)
    too_much = why_too_much(progress, again, limits)
    if too_much is not None:
        why = progress.failure if progress.is_unproven else _why(first)
        return End(f"{why}, and {too_much}")
    return Ask("everything", most_wait)


def why_too_much(progress: Progress, again: int, limits: Limits) -> str | None:
    """Return why bytes must not come once more, or `None` if they may."""
    if not again or progress.reread + again <= limits.max_reread:
        return None
    before = f" after {progress.reread:,}" if progress.reread else ""
    return (
        f"to read {again:,} bytes again{before} is more than "
        f"max_reread={limits.max_reread:,} allows"
    )


def _why(first: Representation) -> str:
    if first.encoding:
        return f"a range of Content-Encoding {first.encoding} proves nothing"
    return f"the answer has no strong validator ({first.described})"


def needs_hash(method: str, headers: Raw, first: Representation) -> bool:
    """Whether a body that breaks could go on only if its bytes can be compared."""
    return why_final(method, headers, first) is None and not can_ask_for_the_rest(first)
