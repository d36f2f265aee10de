"""A server of one file, which behaves in one of the ways that servers behave in."""

from __future__ import annotations

import gzip
import random
import re
import socket
import struct
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from support.server import Connection, head

SIZE, CUT = 100_000, 30_000

OLD = random.Random(1).randbytes(SIZE)
NEW = random.Random(2).randbytes(SIZE)

DATE = "Sun, 29 Nov 2026 12:00:00 GMT"
EARLIER = "Sat, 28 Nov 2026 12:00:00 GMT"
LATER = "Sun, 29 Nov 2026 11:00:00 GMT"


@dataclass
class File:
    """What is served at one moment."""

    content: bytes = OLD
    etag: str = ""
    modified: str = ""
    extra: dict[str, str] = field(default_factory=dict)


@dataclass
class FileServer:
    """
    The step of a `Server` that answers every request for the file.

    Args:
        file: The file.
        changed: What it is from the second request on, if it changes.
        cut: The bytes of a body after which the connection ends, of the first `cuts`.
        how: `fin` or `rst`.
        cuts: How many answers are cut.
        ranges: Whether ranges are served. If-Range is obeyed then.
        obeys: Whether If-Range is obeyed.
        short: The most bytes of a 206.
        lies: What is added to the first number of Content-Range.
        gzipped: The requests that are answered in gzip, from the second one on (2).
        framing: `length`, `chunked`, `unended` (chunked, without the last one) or
            `close`.
        statuses: Answers by number, from 1, that are errors.
        final: Where the file is, if `/` redirects there.
        once: Whether the final URL is good for one request only.
    """

    file: File = field(default_factory=File)
    changed: File | None = None
    cut: int = CUT
    how: str = "fin"
    cuts: int = 4
    ranges: bool = True
    obeys: bool = True
    short: int = 0
    lies: int = 0
    gzipped: int = 0
    framing: str = "length"
    statuses: dict[int, int] = field(default_factory=dict)
    final: str = ""
    once: bool = False
    bare_416: bool = False

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self.asked: list[dict[str, str]] = []
        self.sent = 0

    def __call__(self, connection: Connection) -> bool:
        request = connection.request
        if self.final and request.target == "/":
            signed = f"{self.final}?n={len(self.asked)}"
            connection.send(head(302, {"location": signed, "content-length": "0"}))
            return True
        with self._lock:
            if self.once and any(
                each["target"] == request.target for each in self.asked
            ):
                connection.send(head(403, {"content-length": "0"}))
                return True
            self.asked.append({**request.headers, "target": request.target})
            number = len(self.asked)
        if number in self.statuses:
            connection.send(head(self.statuses[number], {"content-length": "0"}))
            return True
        file = self.file if number == 1 or self.changed is None else self.changed
        return self._answer(connection, file, number, request.headers)

    def _answer(
        self, connection: Connection, file: File, number: int, asked: dict[str, str]
    ) -> bool:
        headers = {"date": DATE, **file.extra}
        if file.etag:
            headers["etag"] = file.etag
        if file.modified:
            headers["last-modified"] = file.modified
        status, body = 200, file.content
        if self.gzipped and number >= self.gzipped:
            headers["content-encoding"] = "gzip"
            body = gzip.compress(body)
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", asked.get("range", ""))
        since = asked.get("if-unmodified-since")
        if since and self.obeys and since != file.modified:
            connection.send(head(412, {**headers, "content-length": "0"}))
            return True
        wanted = asked.get("if-range")
        is_same = not self.obeys or wanted in {None, file.etag, file.modified}
        if found and self.ranges and is_same:
            start = int(found[1])
            end = min(int(found[2] or len(body) - 1) + 1, len(body))
            if self.short:
                end = min(end, start + self.short)
            if start >= len(body):
                told = (
                    {} if self.bare_416 else {"content-range": f"bytes */{len(body)}"}
                )
                connection.send(head(416, {**told, "content-length": "0"}))
                return True
            status = 206
            shift = self.lies
            headers["content-range"] = (
                f"bytes {start + shift}-{end - 1 + shift}/{len(body) + shift}"
            )
            body = body[start:end]
        return self._send(connection, status, headers, body, number)

    def _send(
        self,
        connection: Connection,
        status: int,
        headers: Any,
        body: bytes,
        number: int,
    ) -> bool:
        is_cut = number <= self.cuts and len(body) > self.cut
        part = body[: self.cut] if is_cut else body
        self.sent += len(part)
        if self.framing == "length":
            connection.send(head(status, {**headers, "content-length": str(len(body))}))
            connection.send(part)
        elif self.framing == "close":
            connection.send(head(status, {**headers, "connection": "close"}) + part)
            is_cut = True
        else:
            connection.send(head(status, {**headers, "transfer-encoding": "chunked"}))
            connection.send(b"%x\r\n%s\r\n" % (len(part), part))
            if not is_cut and self.framing == "chunked":
                connection.send(b"0\r\n\r\n")
            is_cut |= self.framing == "unended"
        if is_cut and self.how == "rst":
            linger = struct.pack("ii", 1, 0)
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        return not is_cut


def bytes_of(path: Path) -> bytes:
    return path.read_bytes()


def names_beside(path: Path) -> list[str]:
    return sorted(each.name for each in path.parent.iterdir())


STRONG = File(etag='"a"')
WEAK = File(etag='W/"a"', modified=EARLIER)
DATED = File(modified=EARLIER)


def as_new(file: File, **changes: Any) -> File:
    """The file with other bytes, and with another validator if it has one."""
    new = replace(file, content=NEW, **changes)
    if file.etag:
        new.etag = file.etag.replace("a", "b")
    if file.modified:
        new.modified = LATER
    return new
