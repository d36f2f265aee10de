"""The flow of a download: ask for what is missing, until the file is whole."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from httpx_resilient._core.resuming.representation import OK, Representation
from httpx_resilient._transfers.download import messages
from httpx_resilient._transfers.download.answer import is_unproven_end, version_of
from httpx_resilient._transfers.download.asking import StartAnew, ask, begin
from httpx_resilient._transfers.download.checksum import shown
from httpx_resilient._transfers.download.failing import pause
from httpx_resilient._transfers.download.job import Job
from httpx_resilient._transfers.download.opened import Opened
from httpx_resilient._transfers.download.requests import first_request
from httpx_resilient._transfers.download.result import Download
from httpx_resilient._transfers.download.taking import divided, take, take_together
from httpx_resilient._transfers.download.transfer import Transfer
from httpx_resilient._transfers.io.protocol import ClientIO


async def run_download(io: ClientIO, job: Job) -> Download:
    """
    Download a file.

    Raises:
        Exception: The file is not there. What has arrived is in its part.
    """
    request = first_request(io.client, job.url, job.options)
    transfer = Transfer(io, job, request)
    try:
        if isinstance(job.path, Path):
            path = job.path
            await io.run(lambda: transfer.open(path))
        await _fetch(transfer)
        checksum = await _checked(transfer)
        await io.run(transfer.part.finish)
        transfer.tell()
        return result_of(transfer, checksum)
    except Exception as error:
        await _save(transfer, error)
        raise
    finally:
        transfer.close()


async def _save(transfer: Transfer, error: Exception) -> None:
    """Keep what has arrived, and tell of it."""
    transfer.settle()
    transfer.log.leave_on(error)
    if not isinstance(error, transfer.job.error) and transfer.is_kept:
        error.add_note(messages.kept(transfer))
    try:
        await transfer.io.run(transfer.save)
    except OSError as failure:  # such as a full disk, which is the error itself
        error.add_note(f"what has arrived could not be synced: {failure.strerror}")


async def _fetch(transfer: Transfer) -> None:
    """Fetch what is missing."""
    while not transfer.is_whole:
        try:
            opened = await ask(transfer, transfer.next_gap())
            if opened is not None and not transfer.is_open:
                opened = await _named(transfer, opened)
            if opened is not None:
                await _take(transfer, opened)
        except StartAnew as anew:
            # Of a server that lies once, no range is used any more.
            transfer.uses_ranges &= anew.is_changed
            transfer.divides = False
            transfer.settle()
            await pause(transfer, str(anew), anew.place, proof="")
            transfer.forget()


async def _take(transfer: Transfer, opened: Opened) -> None:
    segments = divided(transfer, opened)
    try:
        await transfer.io.run(lambda: transfer.prepare(segments))
    except BaseException:
        await transfer.io.close(opened.response)
        raise
    if len(segments) > 1:
        await take_together(transfer, opened)
    else:
        has_ended = await take(transfer, opened)
        version, end = transfer.version, opened.segment.position
        knows_end = transfer.total is not None or not has_ended
        # With the last byte, a range tells the length: it proves what no end does.
        can_ask = bool(transfer.proof) and is_unproven_end(opened.response)
        if version is not None and not knows_end and not can_ask:
            transfer.version = version.with_total(end)
    transfer.settle()


async def _named(transfer: Transfer, opened: Opened) -> Opened | None:
    """Open the part of a file whose name the first answer has told."""
    name_of: Any = transfer.job.path
    response, going = opened.response, None
    try:
        path = name_of(response)
        await transfer.io.run(lambda: transfer.open(path))
        if not transfer.done:
            version = version_of(response)
            going = await begin(transfer, response, version, opened.place)
    finally:
        if going is None:  # it failed, or an earlier download has left something
            await transfer.io.close(response)
    return going


async def _checked(transfer: Transfer) -> str | None:
    """
    Check the checksum of the whole file, if there is one.

    Raises:
        ChecksumMismatch: It is another one. The file was removed.
    """
    while True:
        told = transfer.version.checksum if transfer.version else None
        expected = transfer.job.checksum or told
        if expected is None:
            return None
        found = await transfer.io.run(partial(expected.found_in, transfer.part.path))
        if expected.is_equal(found):
            return str(expected)
        has_guessed = transfer.is_unproven
        if not has_guessed:
            await transfer.io.run(transfer.part.discard)
            transfer.version = None
            value = shown(expected.algorithm, found)
            raise messages.mismatch(transfer, expected, value)
        # A part was taken for the right one, with no other proof. It was not.
        transfer.uses_ranges = False
        transfer.forget()
        await _fetch(transfer)


def result_of(transfer: Transfer, checksum: str | None) -> Download:
    """Return what the user gets."""
    version = transfer.version
    told = version.told if version else Representation(status=OK)
    return Download(
        path=transfer.part.target,
        size=transfer.total or 0,
        resumed_at=transfer.resumed_at,
        breaks=tuple(transfer.log.breaks),
        bytes_read_twice=transfer.extra,
        checksum=checksum,
        etag=told.etag,
        last_modified=told.last_modified,
        connections=max(transfer.connections, 1),
        seconds=transfer.io.now() - transfer.log.started,
        request=transfer.request,
        extensions=transfer.log.extensions(),
    )
