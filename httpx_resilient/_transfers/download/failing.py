"""After a request has failed, or its body: wait and go on, or end the download."""

from __future__ import annotations

import random

from httpx_resilient._core.attempts import attempts_of
from httpx_resilient._core.classify import NEVER, classify_error
from httpx_resilient._core.error_text import describe_error
from httpx_resilient._transfers.download import messages
from httpx_resilient._transfers.download.decoding import Incomplete
from httpx_resilient._transfers.download.result import DownloadBreak
from httpx_resilient._transfers.download.transfer import Transfer

LONGEST_PAUSE = 120.0
"""Seconds. A server that asks for a longer wait ends the download, for now."""

_STEP = 0.5
"""Seconds after which a thread that waits looks whether it was stopped."""


def is_decided(transfer: Transfer, outcome: object) -> bool:
    """
    Whether a policy in the client has given up before the first byte.

    Later, a download goes on by its own bounds: somebody waits for the rest.
    """
    return not transfer.received and bool(attempts_of(outcome))


def is_break(transfer: Transfer, error: Exception) -> bool:
    """Whether the connection or the server is the reason, not this side."""
    family = transfer.job.family
    if isinstance(error, Incomplete):
        return True
    is_theirs = isinstance(error, family.transport_error)
    return is_theirs and classify_error(error, family) is not NEVER


async def failed(
    transfer: Transfer,
    error: Exception,
    place: int,
    *,
    of_request: bool = False,
    progress: bool = False,
    raw: int = 0,
) -> None:
    """
    Wait before the next request, after one that has failed or whose body broke.

    Args:
        transfer: The download.
        error: The reason.
        place: The place of the request in the log.
        of_request: Whether no response has come.
        progress: Whether new bytes have come.
        raw: The bytes of the body.

    Raises:
        Exception: There is none: it is over.
    """
    reason = str(error) if isinstance(error, Incomplete) else describe_error(error)
    if not of_request:
        transfer.log.ended(place, f"after {raw:,} bytes of the body")
    if not is_break(transfer, error) or (of_request and is_decided(transfer, error)):
        transfer.log.ended(place, reason)
        raise error
    await pause(transfer, reason, place, error=error, progress=progress)


async def pause(
    transfer: Transfer,
    reason: str,
    place: int,
    *,
    error: Exception | None = None,
    progress: bool = False,
    retry_after: float | None = None,
    proof: str | None = None,
) -> None:
    """
    Count a failure, and wait before the next request.

    Args:
        transfer: The download.
        reason: Why, in words.
        place: The place of the request in the log.
        error: The exception behind it.
        progress: Whether new bytes have come.
        retry_after: Seconds that the server has asked for.
        proof: What the next request can prove that the file is the same by.

    Raises:
        DownloadError: It was one failure too many.
        Exception: The same, and nothing has ever arrived.
    """
    transfer.patience = patience = transfer.patience.after_failure(progress=progress)
    wait = patience.wait(random.random(), retry_after)  # noqa: S311 - spreads load, hides nothing
    is_over = patience.is_over or wait > LONGEST_PAUSE
    transfer.log.ended(place, reason, 0.0 if is_over else wait)
    if is_over:
        has_begun = transfer.received or transfer.log.has_bytes
        if error is not None and not isinstance(error, Incomplete) and not has_begun:
            raise error
        raise messages.given_up(transfer, reason, wait) from error
    if proof is None:
        proof = transfer.proof if transfer.received else ""
    transfer.log.breaks.append(DownloadBreak(transfer.received, reason, proof, wait))
    transfer.tell()
    await _rest(transfer, wait)


async def _rest(transfer: Transfer, seconds: float) -> None:
    step = _STEP if len(transfer.segments) > 1 else seconds
    while seconds > 0 and not transfer.is_stopped:
        await transfer.io.sleep(min(step, seconds))
        seconds -= step
