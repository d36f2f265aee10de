"""A version as a sidecar holds it."""

from __future__ import annotations

from dataclasses import replace

from httpx_resilient._core.resuming.representation import OK, Representation
from httpx_resilient._transfers.download.answer import Version
from httpx_resilient._transfers.download.checksum import parse_checksum
from httpx_resilient._transfers.download.sidecar import Saved


def saved_of(version: Version) -> Saved:
    """Write a version."""
    told = version.told
    return Saved(
        etag=told.etag,
        last_modified=told.last_modified,
        date=told.date,
        encoding=told.encoding,
        coding=version.coding,
        total=version.total,
        checksum="" if version.checksum is None else str(version.checksum),
    )


def version_in(saved: Saved) -> Version:
    """Read a version."""
    total = saved.total
    told = Representation(
        status=OK,
        etag=saved.etag,
        last_modified=saved.last_modified,
        date=saved.date,
        encoding=saved.encoding,
        length=total,
        first=0,
        last=None if total is None else total - 1,
        total=total,
    )
    checksum = parse_checksum(saved.checksum or None)
    if checksum is not None:
        checksum = replace(checksum, source="the server")
    return Version(told, total, saved.coding, checksum)
