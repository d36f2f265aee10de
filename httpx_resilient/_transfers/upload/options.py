"""The options of an upload, checked when they are given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import algorithms_available
from typing import Any, Literal, cast

import tenacity

from httpx_resilient._core.events.emitter import EventEmitter
from httpx_resilient._core.headers import headers_of
from httpx_resilient._core.validation import (
    TOKEN,
    extensions_of,
    is_asynchronous,
    number,
)
from httpx_resilient._transfers.upload.dialect import Dialect
from httpx_resilient._transfers.upload.draft import Draft
from httpx_resilient._transfers.upload.fields import upload_metadata
from httpx_resilient._transfers.upload.given import source_of
from httpx_resilient._transfers.upload.record import Upload
from httpx_resilient._transfers.upload.source import Source
from httpx_resilient._transfers.upload.tus import Tus

Protocol = Literal["tus", "draft"]
"""The protocols of resumable uploads."""

Wait = Callable[[Any], float]
"""A wait strategy in tenacity's form, which reads `attempt_number`."""

OnProgress = Callable[[Upload], object]
"""Is called with what is known of the upload, each time that it goes on."""

WAIT: Wait = tenacity.wait_exponential(0.5, max=30) + tenacity.wait_random(0, 0.5)
"""
The wait after a break: 0.5 s to 1 s, then about 1 s, 2 s, 4 s ... 30 s.

It is never 0: servers still write what a broken request has sent, and tell an offset
that is not the last one (tuspyserver, resumable-upload).
"""


_OF_BODIES = {b"content-length", b"transfer-encoding"}
"""With one of an empty request, a server would take the next request for its body."""


@dataclass(frozen=True, slots=True)
class Options:
    """The options of `upload`, checked."""

    source: Source
    dialect: Dialect
    method: str
    headers: tuple[tuple[str, str], ...]
    resume_from: str
    checksum: str
    piece_size: int
    wait: Wait
    max_stalls: int
    max_breaks: int
    timeout: Any
    extensions: Mapping[str, Any]
    on_progress: OnProgress | None
    emit: EventEmitter


def options_of(source: object, given: Mapping[str, Any]) -> Options:
    """
    Check the options of `upload`.

    Raises:
        TypeError: An option is of the wrong kind.
        ValueError: An option has a value that it cannot have.
    """
    dialect = _dialect(given["protocol"], given["metadata"], given["checksum"])
    method = given["method"]
    if not isinstance(method, str) or not TOKEN.fullmatch(method):
        msg = f"method must be one that has a body, such as 'POST'; got {method!r}"
        raise ValueError(msg)
    if method.upper() != "POST" and isinstance(dialect, Tus):
        msg = f"tus creates an upload by POST; got {method!r}"
        raise ValueError(msg)
    headers = headers_of("headers", given["headers"] or {})
    for header, _ in headers:
        if header.lower() in _OF_BODIES:
            own = header.decode()
            msg = f"upload sets the header {own} of each piece: leave it out"
            raise ValueError(msg)
    location = given["resume_from"]
    _check_location(location)
    _check_timeout(given["timeout"])
    for name in ("wait", "on_progress"):
        function = given[name]
        if function is not None and not callable(function):
            msg = f"{name} must be a function; got {function!r}"
            raise TypeError(msg)
    if is_asynchronous(given["on_progress"]):
        msg = "on_progress must be a plain function, which returns at once"
        raise TypeError(msg)
    length = given["length"]
    return Options(
        source_of(
            source, None if length is None else _whole("length", length, least=0)
        ),
        dialect,
        method.upper(),
        tuple((name.decode(), value.decode()) for name, value in headers),
        "" if location is None else str(location),
        given["checksum"] or "",
        _whole("piece_size", given["piece_size"], least=1),
        given["wait"] or WAIT,
        _whole("max_stalls", given["max_stalls"], least=1),
        _whole("max_breaks", given["max_breaks"], least=1),
        given["timeout"],
        dict(extensions_of(given["extensions"])),
        given["on_progress"],
        EventEmitter(given["on_event"]),
    )


def _check_timeout(given: object) -> None:
    if given is None or hasattr(given, "read"):  # that of the client, or a `Timeout`
        return
    is_tuple = isinstance(given, tuple)
    for each in cast("tuple[object, ...]", given) if is_tuple else (given,):
        if each is not None:
            number("timeout", each, least=0, unit="seconds")


def _check_location(given: object) -> None:
    form = "resume_from must be the URL of an upload, upload_of(...).location"
    if given is not None and not (isinstance(given, str) or hasattr(given, "raw_host")):
        msg = f"{form}; got {type(given).__name__}"
        raise TypeError(msg)
    if given is not None and not str(given).strip():
        # It would begin another upload, which is not what was asked for.
        msg = f"{form}, or None to begin one; got {str(given)!r}"
        raise ValueError(msg)


def _whole(name: str, given: object, *, least: int) -> int:
    return number(name, given, least=least, whole=True)


def _dialect(protocol: object, metadata: Any, checksum: object) -> Dialect:
    if protocol == "tus":
        if checksum is not None and checksum not in algorithms_available:
            msg = f"checksum must be an algorithm such as 'sha1'; got {checksum!r}"
            raise ValueError(msg)
        return Tus(upload_metadata(metadata or {}))
    if protocol != "draft":
        msg = f"protocol must be 'tus' or 'draft', for the IETF's; got {protocol!r}"
        raise ValueError(msg)
    if metadata is not None:
        msg = (
            "the draft has no metadata: describe the content by headers, such as "
            "{'Content-Type': 'video/mp4', 'Content-Disposition': 'inline; filename=a'}"
        )
        raise ValueError(msg)
    if checksum is not None:
        msg = "the draft has no checksums of pieces: give Repr-Digest in headers"
        raise ValueError(msg)
    return cast("Dialect", Draft())
