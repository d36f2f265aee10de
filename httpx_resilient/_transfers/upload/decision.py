"""The decisions of an upload: the next request, and what follows from its outcome."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urljoin, urlsplit

from httpx_resilient._core.classify import NEVER, classify_status
from httpx_resilient._transfers.upload.appending import after_append
from httpx_resilient._transfers.upload.dialect import Dialect
from httpx_resilient._transfers.upload.fields import integer
from httpx_resilient._transfers.upload.state import (
    Answer,
    Kind,
    NoAnswer,
    Outcome,
    Step,
    UploadState,
)
from httpx_resilient._transfers.upload.transitions import (
    broken,
    conflicting,
    limited,
    located,
    too_large,
)
from httpx_resilient._transfers.upload.verdict import Done, Failed, Go, Verdict

_BUSY = frozenset({409, 423})
_GONE = frozenset({403, 404, 410})


def next_step(state: UploadState) -> Step:
    """Return the next request of an upload that has not ended."""
    if state.checksum and not state.is_discovered:
        return Step(Kind.DISCOVER)
    if not state.location:
        return Step(Kind.CREATE)
    if not state.is_known:
        return Step(Kind.LOCATE)
    size = max(state.piece, state.limits.min_append_size)
    if state.length is None:
        return Step(Kind.APPEND, state.offset, size)
    size = min(size, state.length - state.offset)
    is_last = state.offset + size == state.length
    return Step(Kind.APPEND, state.offset, size, is_last)


def after(
    state: UploadState,
    step: Step,
    outcome: Outcome,
    dialect: Dialect,
    taken: int = 0,
    given: int = 0,
) -> Verdict:
    """
    Return what follows from the outcome of a request.

    Args:
        state: The state before.
        step: The request.
        outcome: Its outcome.
        dialect: The protocol.
        taken: How many bytes of the piece the transport has taken, at most.
        given: How many it has taken in all, if it has read the piece several times.
    """
    if step.kind is Kind.APPEND:
        return after_append(state, step, outcome, dialect, taken, given)
    if isinstance(outcome, NoAnswer) and outcome.is_final:
        return Failed(state, outcome.error)
    judge = {
        Kind.DISCOVER: _after_discover,
        Kind.CREATE: _after_create,
        Kind.LOCATE: _after_locate,
    }[step.kind]
    return judge(state, outcome, dialect)


def _after_discover(state: UploadState, outcome: Outcome, _: Dialect) -> Verdict:
    if isinstance(outcome, NoAnswer):
        return broken(state, outcome.error, outcome.retry_after)
    if not outcome.is_success and classify_status(outcome.status) is not NEVER:
        return broken(state, f"OPTIONS: {outcome.status}", outcome.retry_after)
    most = integer(outcome.headers.get("tus-max-size"))
    if most is not None and state.length is not None and state.length > most:
        msg = f"the upload has {state.length:,} bytes, and the server takes {most:,}"
        return Failed(state, msg)
    extensions = _listed(outcome, "tus-extension")
    algorithms = _listed(outcome, "tus-checksum-algorithm")
    if "checksum" not in extensions or state.checksum not in algorithms:
        return Failed(
            state,
            f"the server does not check {state.checksum}, and would ignore it: its "
            f"algorithms are {', '.join(algorithms) or 'none'}. Leave checksum out",
        )
    return Go(replace(state, is_discovered=True), f"{state.checksum} is checked")


def _after_create(state: UploadState, outcome: Outcome, dialect: Dialect) -> Verdict:
    is_whole = state.length == 0 and dialect.is_complete_when_empty
    if isinstance(outcome, NoAnswer):
        if is_whole and not outcome.is_unsent:
            msg = f"{outcome.error}. An empty upload is complete when it is created"
            return Failed(state, msg, is_unknown=True)
        # A lost answer leaves an empty upload behind, which expires.
        return broken(state, outcome.error, outcome.retry_after)
    if not outcome.is_success:
        return _again_or_failed(state, outcome, "the creation")
    return _created(state, outcome, dialect, is_whole=is_whole)


def _created(
    state: UploadState, outcome: Answer, dialect: Dialect, *, is_whole: bool
) -> Verdict:
    location = outcome.headers.get("location")
    if location is None:
        return Failed(
            state,
            f"{outcome.status} without a Location: the server does not speak "
            f"{dialect.name} at this URL",
        )
    location = urljoin(outcome.url, location)
    if urlsplit(location).scheme not in {"http", "https"}:
        return Failed(state, "the Location of the upload is no URL of http or https")
    state = replace(state, location=location, is_known=True, stalls=0)
    facts = dialect.facts(outcome)
    if facts.offset or facts.is_complete:
        return Failed(state, "the server says that an empty upload has content")
    if facts.limits is not None:
        state = limited(state, facts.limits)
        if refusal := too_large(state):
            return Failed(state, refusal)
    if is_whole:
        return Done(state, "created, and complete: it has no bytes")
    return Go(state, "created")


def _after_locate(state: UploadState, outcome: Outcome, dialect: Dialect) -> Verdict:
    if isinstance(outcome, NoAnswer):
        return broken(state, outcome.error, outcome.retry_after)
    status = outcome.status
    if outcome.is_success:
        verdict = located(state, dialect.facts(outcome), dialect, "HEAD")
        refusal = too_large(verdict.state) if isinstance(verdict, Go) else ""
        return Failed(verdict.state, refusal) if refusal else verdict
    if status in _BUSY:
        return conflicting(state, f"HEAD: {status}", outcome.retry_after)
    if status in _GONE:
        if state.is_ending or state.is_resumed:
            msg = (
                f"HEAD: {status}. The upload may be complete and forgotten, or it is "
                "lost: look at the server before you send it again"
            )
            return Failed(state, msg, is_unknown=True)
        msg = f"HEAD: {status}. The server has lost the upload, or it has expired"
        return Failed(state, msg)
    return _again_or_failed(state, outcome, "HEAD")


def _again_or_failed(state: UploadState, answer: Answer, what: str) -> Verdict:
    """Repeat what had no effect, if the status is one that changes with time."""
    status = answer.status
    if classify_status(status) is not NEVER:
        return broken(state, f"{what}: {status}", answer.retry_after)
    if status == 412:
        msg = f"{what}: 412. The server speaks another version of tus"
        return Failed(state, msg)
    return Failed(state, f"{what}: {status}", is_unknown=state.is_ending)


def _listed(answer: Answer, name: str) -> list[str]:
    return [each.strip() for each in answer.headers.get(name, "").split(",") if each]
