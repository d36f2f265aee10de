"""
Judge the answer to a request that goes on with a body: may its bytes be used?

Every download tool that was tried writes wrong bytes in at least one ordinary case. So
an answer is used only with every proof: position, total length, validator, encoding,
and the length of the answer. Nothing here is guessed; what is missing is no proof.
"""

from __future__ import annotations

from httpx_resilient._core.resuming.judgements import (
    Anew,
    Changed,
    Complete,
    Judgement,
    Refused,
    Reread,
    Spliced,
    Unavailable,
)
from httpx_resilient._core.resuming.representation import (
    OK,
    PARTIAL,
    UNSATISFIABLE,
    Representation,
)

MULTIPART = "multipart/byteranges"

_TEMPORARY = frozenset({408, 421, 425, 429, 500, 502, 503, 504})
"""Answers to ask again after: the server could not serve the request now."""


def judge(first: Representation, offset: int, answer: Representation) -> Judgement:
    """
    Judge the answer to a request for the rest, or for everything once more.

    Args:
        first: What the first answer, a 200 or 206, said. If a later one has told its
            total length, that is set.
        offset: The position of the next byte that is wanted. The bytes at hand are
            those from `first.first` to the one before it.
        answer: What the answer to be judged says.
    """
    status = answer.status
    if status in {OK, PARTIAL}:
        return _judge_bytes(first, offset, answer)
    if status == UNSATISFIABLE:
        return _judge_unsatisfiable(first, offset, answer)
    if status == 412:
        return Changed("answered 412: a precondition that held before does not now")
    if status in _TEMPORARY:
        return Unavailable(f"answered {status}")
    return Refused(f"answered {status}")


def _judge_bytes(
    first: Representation, offset: int, answer: Representation
) -> Judgement:
    """Judge a 200 or a 206."""
    if answer.encoding != first.encoding:  # before the lengths, which differ by it
        sent, before = _named(answer.encoding), _named(first.encoding)
        return Reread(f"sent {sent} instead of {before}")
    changed = _difference(first, answer) or _shrinkage(first, offset, answer)
    if changed is not None:
        return changed
    doubt = _doubt(first, answer)
    if doubt is not None or answer.first is None:
        return Reread(doubt or "sent a 206 without a valid Content-Range")
    begins, start = answer.first, first.first or 0
    is_proven = _is_proven(first, answer)
    if offset == start and not is_proven:
        # No byte can contradict it, but the headers that the caller has can.
        if (first.etag, first.last_modified) != (answer.etag, answer.last_modified):
            return _change(first, answer)
        is_proven = True
    if begins == offset and is_proven:
        return Spliced(begins, answer.last, answer.total)
    if begins <= start:
        return Anew(begins, answer.last, answer.total, is_proven)
    if begins != offset:
        return Reread(f"sent bytes from {begins} instead of {offset}")
    return Reread("sent a part without the validator of the first answer")


def _difference(first: Representation, answer: Representation) -> Changed | None:
    """Return what proves that the content is another one, if anything does."""
    if None not in (first.total, answer.total) and first.total != answer.total:
        return Changed(
            f"has other content: {first.total:,} bytes became {answer.total:,} "
            f"({first.described}, then {answer.described})"
        )
    if first.strong_etag is not None:
        was, is_now = first.etag, answer.etag
    elif first.strong_date is not None:
        was, is_now = first.last_modified, answer.last_modified
    else:
        return None
    # The weak form of a strong ETag may be the same version: it proves nothing.
    if is_now is None or is_now in {was, f"W/{was}"}:
        return None
    return _change(first, answer)


def _shrinkage(
    first: Representation, offset: int, answer: Representation
) -> Changed | None:
    """Return that the content is shorter now than what is at hand, if so."""
    if answer.total is None or answer.total >= offset:
        return None
    return Changed(
        f"has other content: {offset:,} bytes have become {answer.total:,} "
        f"({first.described}, then {answer.described})"
    )


def _change(first: Representation, answer: Representation) -> Changed:
    return Changed(f"has other content: {first.described} became {answer.described}")


def _doubt(first: Representation, answer: Representation) -> str | None:
    """Return why the bytes of an answer cannot be those that are wanted, if so."""
    if answer.media_type == MULTIPART:
        return "sent several parts for one range"
    if answer.status != PARTIAL or answer.last is None:
        return None
    if not answer.is_consistent:
        return "sent a Content-Length that contradicts its Content-Range"
    if first.last is not None and answer.last > first.last:
        return "sent more bytes than asked for"
    if first.total is not None and answer.total is None:
        return "does not tell the total length any more"
    return None


def _named(encoding: str) -> str:
    return f"Content-Encoding {encoding}" if encoding else "no Content-Encoding"


def _is_proven(first: Representation, answer: Representation) -> bool:
    """
    Whether a strong validator proves that an answer is of the same version.

    That of an encoded body proves nothing: servers give gzip and plain bytes the same
    strong ETag, and the bytes of gzip depend on the program that has made it.
    """
    if first.encoding:
        return False
    modified = first.last_modified, answer.last_modified
    is_same_date = modified[0] == modified[1]
    if first.strong_etag is not None:
        # A 206 may leave out Last-Modified (RFC 9110 §15.3.7).
        return first.etag == answer.etag and (is_same_date or None in modified)
    if first.strong_date is None:
        return False
    return is_same_date and first.etag == answer.etag


def _judge_unsatisfiable(
    first: Representation, offset: int, answer: Representation
) -> Judgement:
    """Judge a 416: with `bytes */N`, it may say that everything has arrived."""
    changed = _difference(first, answer) or _shrinkage(first, offset, answer)
    if changed is not None:
        return changed
    if answer.total is None:
        return Reread("answered 416 without the total length")
    if answer.total > offset:
        return Reread(f"answered 416 to bytes from {offset} of {answer.total}")
    return Complete(answer.total)
