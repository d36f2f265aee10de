"""The body of one answer, taken as far as it comes; and several at the same time."""

from __future__ import annotations

from httpx_resilient._core.resuming.representation import PARTIAL
from httpx_resilient._transfers.download import messages
from httpx_resilient._transfers.download.asking import StartAnew, is_same, rest
from httpx_resilient._transfers.download.failing import failed, is_break
from httpx_resilient._transfers.download.opened import Opened
from httpx_resilient._transfers.download.requests import request_for
from httpx_resilient._transfers.download.segments import Segment, gaps, split
from httpx_resilient._transfers.download.sink import Sink
from httpx_resilient._transfers.download.transfer import Transfer


async def take(transfer: Transfer, opened: Opened) -> bool:
    """
    Take the body of an answer.

    Returns:
        Whether it came whole. If it did not, what has come is written, and the wait
        before the next request is over.

    Raises:
        Exception: The download has failed.
    """
    io, sink, before = transfer.io, Sink(transfer, opened), opened.segment.position
    broken: Exception | None = None
    try:
        await io.read(opened.response, sink)
        await io.run(sink.finish)
    except Exception as error:
        if not is_break(transfer, error):
            raise
        broken = error
    finally:
        try:
            sink.close()
        finally:
            await io.close(opened.response)
    if broken is not None:
        progress = opened.segment.position > before
        await failed(transfer, broken, opened.place, progress=progress, raw=sink.raw)
    return broken is None


def divided(transfer: Transfer, opened: Opened) -> list[Segment]:
    """Return the segments to fetch, for one connection or for several."""
    version, one = transfer.version, [opened.segment]
    if (
        version is None
        or version.total is None
        or version.told.validator is None
        or transfer.job.connections == 1
        or not transfer.divides
        or opened.skip
        or opened.response.headers.get("accept-ranges", "").strip().lower() == "none"
    ):
        return one
    pieces = split(gaps(transfer.done, version.total), transfer.job.connections)
    if len(pieces) < 2:
        return one
    opened.segment = Segment.of(*pieces[0])
    return [opened.segment, *(Segment.of(*piece) for piece in pieces[1:])]


async def take_together(transfer: Transfer, opened: Opened) -> None:
    """
    Fetch all segments, each by a connection of its own.

    An answer is open for the first one. The others must bring every proof. One that
    does not is given up: the connection before it goes on there, or the flow asks for
    it later.

    Raises:
        StartAnew: The file has changed meanwhile.
        Exception: The download has failed.
    """
    first, *others = list(transfer.segments)
    flows = [_fetch(transfer, first, opened)]
    flows += [_fetch(transfer, each, None) for each in others]
    try:
        await transfer.io.together(flows, transfer.stop)
    finally:
        # It is still open if the first flow has never begun.
        await transfer.io.close(opened.response)
        transfer.is_stopped = False


async def _fetch(transfer: Transfer, segment: Segment, opened: Opened | None) -> None:
    connected = False
    while not (segment.is_done or transfer.is_stopped):
        opened = opened or await _ask(transfer, segment)
        if opened is None:
            segment.is_given_up, transfer.divides = True, False
            return
        if not connected:
            connected = True
            transfer.count(connections=1)
        await take(transfer, opened)
        opened = None


async def _ask(transfer: Transfer, segment: Segment) -> Opened | None:
    """Ask for a segment once. Return `None` if the answer proves nothing."""
    io, log, asked = transfer.io, transfer.log, request_for(transfer, segment)
    at, reason, opened = io.now(), messages.range_in(asked.request), None
    try:
        response = await io.send(asked.request, **asked.options)
    except Exception as error:
        place = log.sent(error, reason, at, io.now())
        if not is_break(transfer, error):
            raise
        return None
    place = log.sent(response, reason, at, io.now())
    try:
        if response.status_code == PARTIAL and asked.version is not None:
            opened = rest(transfer, asked.version, asked, response, segment, place)
        elif response.is_success and not is_same(asked, response):
            raise _changed(place)
        else:
            log.ended(place, "no range, so no further connection")
    except StartAnew as anew:
        if anew.is_changed:
            raise
        log.ended(place, str(anew))
    finally:
        if opened is None:
            await io.close(response)
    return opened


def _changed(place: int) -> StartAnew:
    return StartAnew("the file has changed meanwhile", place, is_changed=True)
