"""What breaks, conflicts and offsets do to the state of an upload: pure functions."""

from __future__ import annotations

import math
from dataclasses import replace

from httpx_resilient._transfers.upload.dialect import Dialect
from httpx_resilient._transfers.upload.state import (
    SMALLEST_PIECE,
    Facts,
    Limits,
    UploadState,
)
from httpx_resilient._transfers.upload.verdict import Done, Failed, Go, Verdict, Wait

MAX_CONFLICTS = 8
"""
How often in succession a server may say that another request is in progress.

The waits between them add up to a minute and a half by default. tuspyserver writes for
10 to 30 s.
"""


def broken(state: UploadState, reason: str, least: float | None = None) -> Verdict:
    """A request broke: wait, then ask for the offset. Without progress, end."""
    smaller = max(state.piece // 2, min(state.piece, SMALLEST_PIECE))
    state = replace(
        state,
        breaks=state.breaks + 1,
        stalls=state.stalls + 1,
        is_known=False,
        # The first break says little; after the second one the piece may be too long.
        piece=state.piece if state.stalls == 0 else smaller,
    )
    if state.stalls >= state.max_stalls:
        return Failed(
            state,
            f"no progress in {counted(state.stalls, 'break')}: the server has "
            f"{state.has}, and this side has sent {state.sent:,}; the last one: "
            f"{reason}",
            is_unknown=state.is_ending,
        )
    if state.breaks >= state.max_breaks:
        return Failed(
            state,
            f"{counted(state.breaks, 'break')}, as many as max_breaks allows: the "
            f"server has {state.has}; the last one: {reason}",
            is_unknown=state.is_ending,
        )
    return Wait(state, reason, least)


def conflicting(state: UploadState, reason: str, least: float | None) -> Verdict:
    """Another request is in progress, likely the one that broke: ask again later."""
    state = replace(state, conflicts=state.conflicts + 1, is_known=False)
    if state.conflicts >= MAX_CONFLICTS:
        return Failed(
            state,
            f"{counted(state.conflicts, 'conflict')} without progress: the server has "
            f"{state.has}, and this side has sent {state.sent:,}; the last one: "
            f"{reason}",
            is_unknown=state.is_ending,
        )
    return Wait(state, reason, least)


def located(state: UploadState, facts: Facts, dialect: Dialect, how: str) -> Verdict:
    """
    Judge an offset that the server has told: only one that can be counts.

    Args:
        state: The state before.
        facts: What the answer says.
        dialect: The protocol.
        how: How the server has told it, for the history.
    """
    length = facts.length
    if length is not None and state.length is not None and length != state.length:
        return Failed(
            state,
            f"the server's upload has {length:,} bytes, and this body "
            f"{state.length:,}: it is the upload of another content",
        )
    if length is not None:
        state = replace(state, length=length, is_deferred=False)
    offset = facts.offset
    if offset is None:
        return Failed(state, f"{how} has no valid Upload-Offset: it is not an upload")
    if offset < state.offset:
        return Failed(
            state,
            f"the server has lost a part of the upload: it had {state.offset:,} bytes, "
            f"and has {offset:,} now. Look at it before you send it again",
            is_unknown=state.is_ending,
        )
    most = _most(state)
    if offset > most:
        return Failed(
            state,
            f"the server has {offset:,} bytes, more than the {most:,.0f} that were "
            "sent: somebody else writes to this upload",
            is_unknown=state.is_ending,
        )
    told = f"{how}: {offset:,}" + (f" of {state.length:,}" if state.length else "")
    state = advanced(state, offset)
    if facts.limits is not None:
        state = limited(state, facts.limits)
    if dialect.is_complete(state, facts):
        if state.length is not None and offset != state.length:
            return Failed(
                state,
                f"the server says that the upload is complete, but has {state.has}",
            )
        return Done(state, f"{told}, complete", is_answered=False)
    if state.rejected:
        return Failed(state, f"{state.rejected}; the server has {state.has}")
    return Go(state, told)


def advanced(state: UploadState, offset: int) -> UploadState:
    """Take over an offset. Progress resets what counts failures."""
    progress = offset > state.offset
    return replace(
        state,
        offset=offset,
        sent=max(state.sent, offset),
        is_known=True,
        is_resumed=False,
        is_unauthorized=state.is_unauthorized and not progress,
        stalls=0 if progress else state.stalls,
        conflicts=0 if progress else state.conflicts,
    )


def limited(state: UploadState, limits: Limits) -> UploadState:
    """Take over the limits of the server: a piece keeps to them."""
    return replace(
        state, limits=limits, piece=int(min(state.piece, limits.max_append_size))
    )


def too_large(state: UploadState) -> str:
    """Return why the server does not take this upload, or an empty string."""
    limits, length = state.limits, state.length
    if limits.max_append_size < 1:
        return "the server takes no pieces: its max-append-size is 0"
    if limits.min_append_size > limits.max_append_size:
        return "the server's min-append-size is above its max-append-size"
    if length is not None and length > limits.max_size:
        return f"the upload has {length:,} bytes, above {limits.max_size:,.0f}"
    if length is not None and length < limits.min_size:
        return f"the upload has {length:,} bytes, below {limits.min_size:,}"
    return ""


def counted(number: int, what: str) -> str:
    """Write a number of things."""
    return f"{number} {what}" + ("" if number == 1 else "s")


def _most(state: UploadState) -> float:
    """Return the highest offset that the server can have."""
    if not state.is_resumed:
        return state.sent
    return math.inf if state.length is None else state.length
