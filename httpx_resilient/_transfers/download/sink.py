"""Where the chunks of a body go: collected, then written to the part together."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from httpx_resilient._transfers.download.decoding import Decoder, Incomplete
from httpx_resilient._transfers.download.files import write_all
from httpx_resilient._transfers.io.protocol import Enough, Work

if TYPE_CHECKING:
    from httpx_resilient._transfers.download.opened import Opened
    from httpx_resilient._transfers.download.transfer import Transfer

AT_ONCE = 1 << 20
"""
Bytes that are written together.

An asynchronous client writes in a thread, which takes 60 µs to begin: 6 % of the time
in which 1 MiB comes at 1 GB/s. With 64 KiB it would be as much as the writing itself.
"""

EVERY = 0.5
"""Seconds after which less is written, too: a process that is killed loses no more."""


class Sink:
    """
    Takes the body of one answer.

    Args:
        transfer: The download.
        opened: The answer, and the bytes that it has.
    """

    def __init__(self, transfer: Transfer, opened: Opened) -> None:
        self._transfer, self._segment = transfer, opened.segment
        self._skip, self._raw_end = opened.skip, opened.raw_end
        self._decoder = Decoder(opened.coding) if opened.coding else None
        self._chunks: list[bytes] = []
        self._size = 0
        self._file: BinaryIO | None = None
        self._written_at = transfer.io.now()
        self._is_enough = False
        self.raw = 0
        """Bytes of the body that have come."""

    def __call__(self, chunk: bytes) -> Work | None:
        """Take a chunk; return the work to write what has been collected."""
        transfer, segment = self._transfer, self._segment
        if transfer.is_stopped:
            self._is_enough = True
            raise Enough
        self.raw += len(chunk)
        if self._skip:
            skipped = min(self._skip, len(chunk))
            self._skip -= skipped
            transfer.count(extra=skipped)
            chunk = chunk[skipped:]
        if self._decoder is not None:
            chunk = self._decoder.decode(chunk)
        is_enough = False
        if segment.end is not None and segment.arrived + len(chunk) >= segment.end:
            chunk, is_enough = self._limited(chunk)
        self._chunks.append(chunk)
        self._size += len(chunk)
        segment.arrived += len(chunk)
        now = transfer.io.now()
        transfer.has_arrived(now)
        if is_enough:
            return self._last
        if self._size >= AT_ONCE or now - self._written_at > EVERY:
            self._written_at = now
            return self.write
        return None

    def _limited(self, chunk: bytes) -> tuple[bytes, bool]:
        """Cut a chunk at the end of the segment; return whether that is enough."""
        segment = self._segment
        while segment.end is not None and segment.arrived + len(chunk) >= segment.end:
            if self._transfer.takes_next(segment):
                continue
            total = self._transfer.total
            if segment.end != total:
                return chunk[: segment.end - segment.arrived], True
            if segment.arrived + len(chunk) > segment.end:
                msg = f"more bytes came than the {total:,} that were told"
                raise Incomplete(msg)
            break
        return chunk, False

    def write(self) -> None:
        """Write what has been collected. This blocks."""
        chunks, self._chunks = self._chunks, []
        if not self._size:
            return
        self._size = 0
        if self._file is None:
            self._file = self._transfer.part.writer(self._segment.position)
        try:
            write_all(self._file, chunks)
        finally:
            # A full disk has taken a part of them.
            self._segment.position = self._file.tell()
        self._transfer.has_written()

    def _last(self) -> None:
        self._is_enough = True
        self.write()
        raise Enough

    def finish(self) -> None:
        """
        Write the rest, and check that the body was whole.

        Raises:
            Incomplete: It was not, although it ended without an error.
        """
        self.write()
        if self._is_enough:
            return
        if self._raw_end is not None and self.raw < self._raw_end:
            msg = f"the body ended after {self.raw:,} of {self._raw_end:,} bytes"
            raise Incomplete(msg)
        if self._decoder is not None:
            self._decoder.finish()

    def close(self) -> None:
        """Write what has arrived, whatever has ended the body, and close the file."""
        try:
            self.write()
        finally:
            if self._file is not None:
                self._file.close()
