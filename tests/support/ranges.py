"""A server of one file, on loopback: it cuts answers, and does with ranges as it is told."""

from __future__ import annotations

import re
import socket
import struct
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from support.server import Connection, Received, head

OLD = "Mon, 02 Nov 2026 10:00:00 GMT"
NEW = "Mon, 30 Nov 2026 10:00:00 GMT"
NOW = "Tue, 01 Dec 2026 10:00:00 GMT"


@dataclass(frozen=True)
class Version:
    """One version of the file, and what answers say of it."""

    body: bytes
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def validators(self) -> list[str]:
        named = {name.lower(): value for name, value in self.headers.items()}
        return [named[name] for name in ("etag", "last-modified") if name in named]


Tamper = Callable[[int, Received, Version], bytes | None]
"""Makes the whole answer of a request by its number, from 0, or `None` for the usual."""


@dataclass
class File:
    """
    A step for `Server` that serves a file, and cuts each answer.

    Args:
        versions: Those that requests get in turn; the last one gets all further ones.
        cut: Bytes of a body after which an answer breaks; `None` for never.
        cuts: How many answers break.
        how: By a FIN, or by a RST.
        ranges: Whether `Range` is honoured.
        if_range: Whether `If-Range` is.
        is_chunked: Whether whole answers come chunked.
        part: Bytes of a 206 at most.
        tamper: Makes other answers.
    """

    versions: Sequence[Version]
    cut: int | None = None
    cuts: int = 100
    how: Literal["fin", "rst"] = "fin"
    ranges: bool = True
    if_range: bool = True
    is_chunked: bool = False
    part: int | None = None
    tamper: Tamper | None = None
    served: int = 0
    sent: int = 0
    """Bytes of bodies that were sent."""
    read: int = 0
    """Bytes that were read, as the test counts them."""

    def __call__(self, connection: Connection) -> bool:
        number, self.served = self.served, self.served + 1
        version = self.versions[min(number, len(self.versions) - 1)]
        request = connection.request
        if self.tamper is not None:
            answer = self.tamper(number, request, version)
            if answer is not None:
                connection.send(answer)
                return not answer.lower().count(b"connection: close")
        head_bytes, body, is_chunked = self.answer(request, version)
        cut = self.cut if number < self.cuts else None
        if is_chunked:
            body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        shown = body if cut is None else body[:cut]
        self.sent += len(shown)
        connection.send(head_bytes + shown)
        if len(shown) == len(body):
            return True
        if self.how == "rst":
            self._wait_for_reader()
            linger = struct.pack("ii", 1, 0)
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        return False

    def _wait_for_reader(self) -> None:
        """A RST drops what the kernel of the client has, and nobody has read."""
        until = time.monotonic() + 10
        while self.read < self.sent and time.monotonic() < until:
            time.sleep(0.001)

    def answer(self, request: Received, version: Version) -> tuple[bytes, bytes, bool]:
        """Return the head and the body of an answer, and whether it is chunked."""
        body, headers = version.body, dict(version.headers)
        asked = re.fullmatch(r"bytes=(\d*)-(\d*)", request.headers.get("range", ""))
        condition = request.headers.get("if-range")
        is_same = condition is None or condition in version.validators
        since = request.headers.get("if-unmodified-since")
        if since and self.if_range and since not in version.validators:
            return head(412, headers | {"Content-Length": "0"}), b"", False
        if asked and self.ranges and (is_same or not self.if_range):
            if asked[1]:
                first = int(asked[1])
                end = int(asked[2]) if asked[2] else len(body) - 1
            else:
                first, end = max(len(body) - int(asked[2]), 0), len(body) - 1
            last = min(end, len(body) - 1)
            if self.part is not None:
                last = min(last, first + self.part - 1)
            if first >= len(body):
                headers |= {"Content-Range": f"bytes */{len(body)}"}
                return head(416, headers | {"Content-Length": "0"}), b"", False
            part = body[first : last + 1]
            headers["Content-Range"] = f"bytes {first}-{last}/{len(body)}"
            headers["Content-Length"] = str(len(part))
            return head(206, headers), part, False
        if self.is_chunked:
            return head(200, headers | {"Transfer-Encoding": "chunked"}), body, True
        return head(200, headers | {"Content-Length": str(len(body))}), body, False


def versions(*bodies: bytes, **headers: Sequence[str] | str) -> list[Version]:
    """
    Make versions that differ in their bodies.

    Args:
        bodies: Their bodies.
        headers: Their headers: one value for all, or one for each.
    """
    return [
        Version(
            body,
            {
                name.replace("_", "-"): value if isinstance(value, str) else value[i]
                for name, value in headers.items()
            },
        )
        for i, body in enumerate(bodies)
    ]
