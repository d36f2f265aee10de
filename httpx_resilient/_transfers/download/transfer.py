"""The state of one download: its part, its version, and what has happened so far."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from httpx_resilient._transfers.download.answer import Version
from httpx_resilient._transfers.download.job import Job
from httpx_resilient._transfers.download.log import Log
from httpx_resilient._transfers.download.part import Part
from httpx_resilient._transfers.download.result import DownloadProgress
from httpx_resilient._transfers.download.saving import saved_of, version_in
from httpx_resilient._transfers.download.segments import (
    Interval,
    Segment,
    gaps,
    merged,
)
from httpx_resilient._transfers.download.sidecar import url_digest
from httpx_resilient._transfers.download.target import check_target
from httpx_resilient._transfers.io.protocol import ClientIO

TELL_EVERY = 0.1
"""Seconds between two calls of `on_progress`."""

NOTE_EVERY = 0.5
"""Seconds between two sidecars of a part that is not written in order."""


class Transfer:
    """
    One download.

    Args:
        io: The effects.
        job: What to download.
        request: The first request.
    """

    def __init__(self, io: ClientIO, job: Job, request: Any) -> None:
        self.io, self.job, self.request = io, job, request
        self.log = Log(io.now())
        self.patience = job.patience
        self.version: Version | None = None
        self.done: tuple[Interval, ...] = ()
        self.segments: list[Segment] = []
        self.part: Part
        self.is_open = self.is_stopped = False
        self.uses_ranges = self.divides = True
        self.redirected: Any = None
        """The last request of the redirects that led to the file."""
        self.resumed_at = self.extra = self.connections = 0
        self.is_unproven = False
        """Whether only the checksum proves that the bytes belong together."""
        self._lock = threading.Lock()
        self._told = self._noted = io.now()

    def open(self, path: Path) -> None:
        """Open the part, with what an earlier download has left. This blocks."""
        job = self.job
        path = path.resolve()
        check_target(path, overwrite=job.overwrite)
        digest = url_digest(self.request.url)
        self.part = Part(path, digest, overwrite=job.overwrite)
        self.is_open = True
        saved = self.part.saved
        version = None if saved is None else version_in(saved)
        if version is None or not version.proof(job.checksum):
            return
        self.version, self.done = version, self.part.done
        if version.total is not None and not gaps(self.done, version.total):
            # Whole, but not in its place. Its last byte is asked for once more, which
            # proves that the file is the same still.
            self.done = merged([(0, version.total - 1)])
        self.resumed_at = self.received

    @property
    def total(self) -> int | None:
        """The bytes of the file, if they are known."""
        return None if self.version is None else self.version.total

    @property
    def received(self) -> int:
        """The bytes of the file that have arrived."""
        return sum(end - start for start, end in self.done) + sum(
            each.arrived - each.start for each in self.segments
        )

    @property
    def is_whole(self) -> bool:
        """Whether all bytes are there."""
        return self.total is not None and not gaps(self.done, self.total)

    @property
    def proof(self) -> str:
        """What can prove that further bytes belong to those that are there."""
        if self.version is None or not self.uses_ranges:
            return ""
        return self.version.proof(self.job.checksum)

    def next_gap(self) -> Segment:
        """Return the first bytes that are missing."""
        if self.version is None or not self.done:
            return Segment.of(0, None)
        if self.version.total is None:
            return Segment.of(self.done[0][1], None)
        return Segment.of(*gaps(self.done, self.version.total)[0])

    def begin(self, version: Version) -> None:
        """Start anew, with the first answer of a version."""
        self.forget()
        self.part.begin(saved_of(version))
        self.version, self.is_unproven, self.connections = version, False, 0

    def forget(self) -> None:
        """Drop what has arrived. The part keeps it until other bytes come."""
        self.extra += self.received
        self.version, self.done, self.segments = None, (), []
        self.resumed_at = 0

    def prepare(self, segments: Sequence[Segment]) -> None:
        """Get ready to write segments."""
        self.segments = list(segments)
        first = segments[0].start
        in_order = len(segments) == 1 and self.done in {(), ((0, first),)}
        if in_order:
            self.part.trim(first)
        if self.version is not None and in_order is not self.part.is_in_order:
            self.part.note(saved_of(self.version), self.done, in_order=in_order)

    def settle(self) -> None:
        """Count what the segments have written."""
        self.done, self.segments = self._written(), []

    @property
    def is_kept(self) -> bool:
        """Whether a later download can go on with what has arrived."""
        version = self.version
        is_provable = version is not None and version.proof(self.job.checksum)
        return self.is_open and bool(is_provable) and self.received > 0

    def save(self, *, sync: bool = True) -> None:
        """Make safe what a later download can go on with, or drop it."""
        if self.version is None or not self.is_open:
            return
        if self.is_kept:
            self.part.note(
                saved_of(self.version),
                self._written(),
                in_order=self.part.is_in_order,
                sync=sync,
            )
        else:
            self.part.discard()

    def close(self) -> None:
        """Close the part. An interruption or a cancellation comes here at once."""
        if self.is_open:
            if self.segments and not self.part.is_in_order:
                with suppress(OSError):
                    self.save(sync=False)
            self.part.close()

    # What a sink tells.

    def takes_next(self, segment: Segment) -> bool:
        """Let a segment grow over the next one, if that was given up."""
        with self._lock:
            for each in self.segments:
                is_next = each.start == each.position == segment.end
                if each.is_given_up and is_next:
                    self.segments.remove(each)
                    segment.end = each.end
                    return True
        return False

    def stop(self) -> None:
        """Have all connections end, at their next chunk."""
        self.is_stopped = True

    def count(self, *, connections: int = 0, extra: int = 0) -> None:
        """Count connections that fetch segments, and bytes that were there already."""
        with self._lock:
            self.connections += connections
            self.extra += extra

    def has_arrived(self, now: float) -> None:
        """Tell the user how far it is, now and then."""
        if self.job.on_progress is not None and now - self._told >= TELL_EVERY:
            self._told = now
            self.tell()

    def tell(self) -> None:
        """Tell the user how far it is."""
        if self.job.on_progress is not None:
            breaks = tuple(self.log.breaks)
            with self._lock:  # of several threads, one at a time
                self.job.on_progress(
                    DownloadProgress(self.received, self.total, self.resumed_at, breaks)
                )

    def has_written(self) -> None:
        """Note what is written, now and then, unless the size of the part tells."""
        now = self.io.now()
        if (
            self.part.is_in_order
            or now - self._noted < NOTE_EVERY
            or self.version is None
        ):
            return
        self._noted = now
        self.part.note(saved_of(self.version), self._written(), in_order=False)

    def _written(self) -> tuple[Interval, ...]:
        written = [(each.start, each.position) for each in self.segments]
        return merged([*self.done, *written])
