"""What follows from the outcome of a piece: progress, a HEAD, a wait, or the end."""

from __future__ import annotations

from dataclasses import replace

from httpx_resilient._core.classify import NEVER, classify_status
from httpx_resilient._transfers.upload.dialect import Dialect
from httpx_resilient._transfers.upload.state import (
    Answer,
    NoAnswer,
    Outcome,
    Step,
    UploadState,
)
from httpx_resilient._transfers.upload.transitions import (
    advanced,
    broken,
    conflicting,
    located,
)
from httpx_resilient._transfers.upload.verdict import Done, Failed, Go, Verdict

_BUSY = frozenset({409, 423})
_MAYBE_COMPLETE = frozenset({400, 403, 404, 410})
"""
How servers answer what they are sent for a complete upload: the draft asks for a 4xx,
resumable-upload says 403, and tussi 404.
"""
_UNAUTHORIZED = 401
_TOO_LARGE = 413
_CHECKSUM_MISMATCH = 460
"""A status of tus: the piece was thrown away."""

_LEAST = 1024
"""A server that takes no piece of 1 KiB takes none."""


def after_append(
    state: UploadState,
    step: Step,
    outcome: Outcome,
    dialect: Dialect,
    taken: int,
    given: int,
) -> Verdict:
    """Return what follows from the outcome of a piece. The arguments are `after`'s."""
    was_ending, reached = state.is_ending, step.start + taken
    again = max(0, min(state.sent, reached) - step.start) + given - taken
    state = replace(
        state,
        sent=max(state.sent, reached),
        repeated=state.repeated + again,
        is_ending=state.is_ending or (step.is_last and given >= step.size),
    )
    if isinstance(outcome, NoAnswer):
        if outcome.is_final:
            return Failed(state, outcome.error)
        return broken(state, outcome.error, outcome.retry_after)
    facts = dialect.facts(outcome)
    if facts.is_complete:
        return _final(state, step, outcome)
    if outcome.is_success:
        return _accepted(state, step, outcome, dialect)
    if outcome.status == _UNAUTHORIZED and not state.is_unauthorized:
        # A token has expired. A HEAD has no body: a layer inside can renew it there.
        state = replace(
            state, is_known=False, is_ending=was_ending, is_unauthorized=True
        )
        return Go(state, "401: a HEAD tells whether there is a newer credential")
    if step.is_last and outcome.status in _MAYBE_COMPLETE:
        # Such an answer proves nothing about a piece that was sent before.
        state = replace(
            state,
            is_known=False,
            is_ending=was_ending,
            rejected=f"the last piece: {outcome.status}",
        )
        msg = f"{outcome.status}: a HEAD tells whether the upload is complete"
        return Go(state, msg)
    return _rejected(state, step, outcome, dialect)


def _final(state: UploadState, step: Step, answer: Answer) -> Verdict:
    """Section 4.4.1 of the draft: the answer is the application's, whatever it says."""
    if step.is_last:
        state = replace(state, offset=step.end, sent=step.end)
        return Done(state, "complete")
    if answer.is_success:
        return Failed(
            state,
            f"the server says that the upload is complete, but was sent {step.end:,} "
            f"bytes; it had {state.has}",
        )
    return Done(state, "the application has refused the upload before its end")


def _accepted(
    state: UploadState, step: Step, answer: Answer, dialect: Dialect
) -> Verdict:
    facts = dialect.facts(answer)
    offset = dialect.acknowledged(step, facts)
    if offset is None:
        # No break: the server has the piece, and only the offset is unknown.
        asked = conflicting(state, "accepted, without an offset", None)
        return asked if isinstance(asked, Failed) else Go(asked.state, asked.reason)
    if not step.start <= offset <= step.end:
        return Failed(
            state,
            f"the server says that it has {offset:,} bytes, after a piece from "
            f"{step.start:,} to {step.end:,}: the upload is not what was sent",
        )
    if offset == step.start and step.size:
        return broken(state, "the server took nothing of the piece")
    state = advanced(state, offset)
    if offset == step.end:
        most = min(state.largest, state.limits.max_append_size)
        state = replace(state, piece=int(min(state.piece * 2, most)))
    if dialect.is_complete(state, facts):
        return Done(state, "complete")
    return Go(state, f"accepted, {state.has}")


def _rejected(
    state: UploadState, step: Step, answer: Answer, dialect: Dialect
) -> Verdict:
    status, facts = answer.status, dialect.facts(answer)
    if status in _BUSY:
        if facts.offset is not None and facts.offset != step.start:
            # The draft's right offset, in the answer itself: no HEAD is needed.
            return located(state, facts, dialect, str(status))
        return conflicting(state, f"{status}", answer.retry_after)
    if status == _TOO_LARGE:
        least = max(_LEAST, state.limits.min_append_size)
        if step.size > least:
            smaller = max(step.size // 2, least)
            state = replace(state, piece=smaller, largest=smaller, is_known=False)
            return Go(state, f"413: pieces of {smaller:,} bytes from now on")
        return Failed(state, f"413 for a piece of {step.size:,} bytes")
    if status == _CHECKSUM_MISMATCH:
        return broken(state, "460: what arrived has another checksum")
    if classify_status(status) is not NEVER or status >= 500:
        return broken(state, f"{status}", answer.retry_after)
    gone = ". The server has lost the upload, or it has expired"
    return Failed(state, f"{status}{gone if status in {404, 410} else ''}")
