"""
The sidecar of a part: what the bytes that have arrived belong to, as a JSON file.

A part alone proves nothing. Its sidecar tells the URL and the validator of its bytes,
and which of them have arrived. It is replaced as a whole, and has a checksum of its
own: one that is torn, foreign or of another version is discarded, never trusted.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, cast

from httpx_resilient._transfers.download.segments import Interval, merged

FORMAT = "httpx_resilient.download"
VERSION = 1

_LARGEST = 1 << 20
"""Bytes of a sidecar. A larger file is none of ours, and is not read."""

_BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class Saved:
    """
    What a sidecar holds.

    Args:
        url: The digest of the URL: the URL itself may have secrets.
        etag: The `ETag` of the response.
        last_modified: Its `Last-Modified`.
        date: Its `Date`.
        encoding: Its `Content-Encoding`; empty for none.
        coding: What of that was removed; empty for none.
        total: The bytes of the file; `None` if unknown.
        checksum: That of the server, as a user may give it; empty without one.
        done: What has arrived. `None` for all that the part has: then its bytes were
            written in order.
        synced: What of it is safe even if the machine fails.
        boot: The identifier of the start of the machine; empty if it has none.
    """

    url: str = ""
    etag: str | None = None
    last_modified: str | None = None
    date: str | None = None
    encoding: str = ""
    coding: str = ""
    total: int | None = None
    checksum: str = ""
    done: tuple[Interval, ...] | None = None
    synced: tuple[Interval, ...] = ()
    boot: str = ""


_FIELDS = {field.name for field in fields(Saved)}


def url_digest(url: object) -> str:
    """Return what stands for a URL."""
    return hashlib.sha256(str(url).encode()).hexdigest()


def boot_id() -> str:
    """
    Return an identifier that changes when the machine starts anew.

    What a process has written survives its end, also by SIGKILL. It does not survive
    the end of the machine, unless it was synced.
    """
    try:
        return _BOOT.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


def encode(saved: Saved) -> bytes:
    """Write a sidecar."""
    document = {"format": FORMAT, "version": VERSION, **asdict(saved)}
    document["check"] = _check(document)
    return json.dumps(document, indent=1).encode() + b"\n"


def decode(text: bytes) -> Saved | None:
    """Read a sidecar. Return `None` if it is torn, foreign or of another version."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    known = cast("dict[str, Any]", document)
    check = known.pop("check", None)
    if known.get("format") != FORMAT or known.get("version") != VERSION:
        return None
    if check != _check(known):
        return None
    del known["format"], known["version"]
    if known.keys() != _FIELDS:
        return None
    for name in ("done", "synced"):
        if known[name] is not None:
            known[name] = merged((start, end) for start, end in known[name])
    return Saved(**known)


def _check(document: Mapping[str, Any]) -> str:
    plain = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(plain.encode()).hexdigest()


def read(path: Path) -> Saved | None:
    """Read the sidecar in a file, if there is one that can be trusted."""
    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST)
    except FileNotFoundError:
        return None
    return decode(text)


def write(path: Path, saved: Saved, *, sync: bool) -> None:
    """
    Replace the sidecar in a file, as a whole.

    Args:
        path: The file.
        saved: What to write.
        sync: Whether it must survive the end of the machine.
    """
    new = path.with_name(f"{path.name}.new")
    try:
        with new.open("wb") as file:
            file.write(encode(saved))
            if sync:
                file.flush()
                os.fsync(file.fileno())
        new.replace(path)
    except OSError:
        new.unlink(missing_ok=True)
        raise
