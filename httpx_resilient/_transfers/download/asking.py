"""One request of a download: sent, and its answer judged."""

from __future__ import annotations

from typing import Any

from httpx_resilient._core.classify import NEVER, classify_status
from httpx_resilient._core.hints.reading import hints_in
from httpx_resilient._core.resuming.judgements import Anew, Changed, Spliced
from httpx_resilient._core.resuming.representation import PARTIAL
from httpx_resilient._transfers.download import messages
from httpx_resilient._transfers.download.answer import (
    Version,
    is_whole,
    judge_rest,
    version_of,
)
from httpx_resilient._transfers.download.decoding import is_known
from httpx_resilient._transfers.download.failing import failed, is_decided, pause
from httpx_resilient._transfers.download.opened import Opened
from httpx_resilient._transfers.download.requests import Asked, request_for
from httpx_resilient._transfers.download.segments import Segment
from httpx_resilient._transfers.download.transfer import Transfer

_EXPIRED = frozenset({401, 403, 404, 410})
"""What a signed URL answers when it has expired or was used."""

_UNMET = frozenset({412, 416})
"""What a range answers that is not there any more."""


class StartAnew(Exception):  # noqa: N818 - no error: the flow goes on
    """
    What has arrived cannot be gone on with.

    Args:
        reason: Why.
        place: The place of the request in the log.
        is_changed: Whether the file is another one now. Else only proof is missing.
    """

    def __init__(self, reason: str, place: int, *, is_changed: bool = False) -> None:
        super().__init__(reason)
        self.place, self.is_changed = place, is_changed


async def ask(transfer: Transfer, segment: Segment) -> Opened | None:
    """
    Send a request for a segment, while no other connection fetches one.

    Returns:
        The answer, whose body is to be taken; `None` if there is none yet.

    Raises:
        StartAnew: Nothing of what has arrived can be used.
        Exception: The download has failed.
    """
    io, log, asked = transfer.io, transfer.log, request_for(transfer, segment)
    at, opened = io.now(), None
    try:
        response = await io.send(asked.request, **asked.options)
    except Exception as error:  # noqa: BLE001 - raised again if it is final
        place = log.sent(error, messages.range_in(asked.request), at, io.now())
        await failed(transfer, error, place, of_request=True)
        return None
    place = log.sent(response, messages.range_in(asked.request), at, io.now())
    try:
        if is_whole(response):
            opened = await _whole(transfer, asked, response, segment, place)
        elif response.status_code == PARTIAL and asked.version is not None:
            opened = rest(transfer, asked.version, asked, response, segment, place)
        else:
            await _refused(transfer, asked, response, place)
        return opened
    finally:
        if opened is None:
            await io.close(response)


async def _whole(
    transfer: Transfer, asked: Asked, response: Any, segment: Segment, place: int
) -> Opened:
    """Use a 200: the file has changed, or the server has ignored the range."""
    version = version_of(response)
    if asked.version is not None:
        if is_same(asked, response):
            # Its first bytes are there already. They are read once more, and dropped.
            return Opened(response, segment, place, segment.position, version.total)
        transfer.log.breaks.append(
            messages.restart(transfer.received, asked.version, version)
        )
        transfer.log.ended(place, transfer.log.breaks[-1].reason)
    if version.coding and not is_known(version.coding):
        raise transfer.job.error(messages.unknown_coding(transfer, version.coding))
    if not transfer.is_open:
        return Opened(response, Segment.of(0, version.total), place)
    return await begin(transfer, response, version, place)


def is_same(asked: Asked, response: Any) -> bool:
    """Whether a 200 to a request for the rest has the same bytes, by its validator."""
    if asked.version is None or asked.version.told.validator is None:
        return False
    judged = judge_rest(asked.version, asked.start, response, None)
    return isinstance(judged, Anew) and judged.is_proven


async def begin(
    transfer: Transfer, response: Any, version: Version, place: int
) -> Opened:
    """Start anew, with a whole answer."""
    await transfer.io.run(lambda: transfer.begin(version))
    transfer.redirected = response.request if response.history else None
    segment = Segment.of(0, version.total)
    length = version.told.length
    return Opened(response, segment, place, 0, length, version.coding)


def rest(
    transfer: Transfer,
    version: Version,
    asked: Asked,
    response: Any,
    segment: Segment,
    place: int,
) -> Opened:
    """
    Use a 206, if everything proves that it is the right one.

    Raises:
        StartAnew: Something does not.
    """
    checksum = transfer.job.checksum
    judged = judge_rest(version, asked.start, response, checksum)
    if not isinstance(judged, Spliced):
        reason = f"the server {messages.reason_of(judged)}"
        raise StartAnew(reason, place, is_changed=isinstance(judged, Changed))
    if version.total is None and judged.total is not None:
        transfer.version = version.with_total(judged.total)
        segment.end = judged.total
    transfer.is_unproven |= version.proof(checksum) == "checksum"
    length = None if judged.last is None else judged.last + 1 - asked.start
    return Opened(response, segment, place, asked.skip, length)


async def _refused(transfer: Transfer, asked: Asked, response: Any, place: int) -> None:
    """Handle a status without bytes that can be used."""
    job, io, status = transfer.job, transfer.io, response.status_code
    if asked.version is not None and status in _UNMET:
        msg = f"the server answered {status} to the range"
        raise StartAnew(msg, place, is_changed=True)
    if asked.version is not None and transfer.redirected and status in _EXPIRED:
        # The URL that redirects have led to may be good for an hour, or for one use.
        transfer.redirected = None
        await pause(transfer, f"{status} where the redirects had led to", place)
        return
    await io.close(response)
    if classify_status(status) is NEVER or is_decided(transfer, response):
        if response.is_success:
            raise job.error(messages.no_file(transfer, status))
        response.raise_for_status()
    hints = hints_in(response, io.wall_time)
    await pause(transfer, f"{status}", place, retry_after=hints.retry_after)
