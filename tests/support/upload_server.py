"""
A server of resumable uploads, of tus 1.0.0 and of draft-ietf-httpbis-resumable-upload-12.

It is strict: what a client must not do is noted in `violations`. It fails where a test
says, and logs what it was sent.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from support.server import Connection, Received, head, reset


@dataclass
class Fault:
    """
    What happens to the next request with a method, in place of what should.

    Args:
        method: The method.
        keep: The bytes of the body that are read and stored; `None` for all of them.
        status: The status to answer with, or 0 for no answer: the connection ends.
        headers: The headers of that answer.
        half: Whether half of the right answer is sent.
        is_reset: Whether the connection is reset, and not closed.
        body: The body of that answer.
    """

    method: str
    keep: int | None = None
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    half: bool = False
    is_reset: bool = False
    body: bytes = b""


@dataclass
class Stored:
    content: bytes = b""
    length: int | None = None
    complete: bool = False


class Uploads:
    """
    The steps of a `Server` with `read_body=False`.

    Args:
        kind: `tus` or `draft`.
        faults: What goes wrong, in order.
        limits: The value of `Upload-Limit`.
        answer: What the application answers to a complete upload: status and body.
        path: Where uploads are, or their whole URL without the last part.
    """

    def __init__(
        self,
        kind: str,
        *faults: Fault,
        limits: str = "",
        answer: tuple[int, bytes] = (200, b"stored"),
        path: str = "/uploads",
    ) -> None:
        self.kind = kind
        self.faults = list(faults)
        self.limits = limits
        self.answer = answer
        self.path = path
        self.uploads: list[Stored] = []
        self.log: list[str] = []
        self.requests: list[Received] = []
        self.violations: list[str] = []

    @property
    def complete(self) -> list[bytes]:
        return [each.content for each in self.uploads if each.complete]

    def __call__(self, connection: Connection) -> bool:
        request = connection.request
        self.requests.append(request)
        self.log.append(request.method)
        fault = None
        if self.faults and self.faults[0].method == request.method:
            fault = self.faults.pop(0)
        length = int(request.headers.get("content-length", 0))
        kept = length if fault is None or fault.keep is None else fault.keep
        body = connection._exactly(min(length, kept))
        is_whole = len(body) == length
        if fault is None or not fault.status or fault.keep is not None:
            status, headers, content = self._handle(request, body, is_whole=is_whole)
        if fault is not None:
            if fault.status:
                if not is_whole:
                    connection._exactly(length - len(body))
                status, headers, content = fault.status, dict(fault.headers), fault.body
            elif fault.half:
                connection.send(head(status, headers)[:20])
                return False
            else:
                return reset()(connection) if fault.is_reset else False
        if request.method != "HEAD" and status != 204:
            headers.setdefault("content-length", str(len(content)))
        is_sent = request.method != "HEAD"
        connection.send(head(status, headers) + (content if is_sent else b""))
        return True

    def _handle(
        self, request: Received, body: bytes, *, is_whole: bool
    ) -> tuple[int, dict[str, str], bytes]:
        self._check(request)
        if request.method == "POST":
            return self._create(request)
        stored = self.uploads[int(request.target.rpartition("/")[2])]
        if request.method == "HEAD":
            return 200, self._state(stored), b""
        return self._append(request, stored, body, is_whole=is_whole)

    def _create(self, request: Received) -> tuple[int, dict[str, str], bytes]:
        given = request.headers.get("upload-length")
        length = None if given is None else int(given)
        stored = Stored(b"", length, complete=self.kind == "tus" and length == 0)
        self.uploads.append(stored)
        location = f"{self.path}/{len(self.uploads) - 1}"
        return 201, {"location": location, **self._limit()}, b""

    def _append(
        self, request: Received, stored: Stored, body: bytes, *, is_whole: bool
    ) -> tuple[int, dict[str, str], bytes]:
        offset = int(request.headers["upload-offset"])
        if offset != len(stored.content):
            right = {} if self.kind == "tus" else self._state(stored)
            return 409, {**right, "upload-complete": "?0"}, b""
        if stored.complete:
            self.violations.append("an append to a complete upload")
            return 400, {}, b""
        stored.content += body
        is_last = request.headers.get("upload-complete") == "?1"
        if "upload-length" in request.headers:
            stored.length = int(request.headers["upload-length"])
        if self.kind == "tus":
            stored.complete = len(stored.content) == stored.length
            return 204, {"upload-offset": str(len(stored.content))}, b""
        if not (is_last and is_whole):
            return 204, {"upload-complete": "?0"}, b""
        stored.complete = True
        status, content = self.answer
        return status, {"upload-complete": "?1"}, content

    def _state(self, stored: Stored) -> dict[str, str]:
        state = {"upload-offset": str(len(stored.content)), "cache-control": "no-store"}
        if stored.length is not None:
            state["upload-length"] = str(stored.length)
        if self.kind == "draft":
            state["upload-complete"] = f"?{stored.complete:d}"
        return {**state, **self._limit()}

    def _limit(self) -> dict[str, str]:
        return {"upload-limit": self.limits} if self.limits else {}

    def _check(self, request: Received) -> None:
        has, method = request.headers, request.method
        wrong: list[tuple[Any, str]] = [
            (method == "HEAD" and "upload-offset" in has, "a HEAD with an offset"),
            (
                method == "POST" and has.get("content-length") != "0",
                "a POST with a body",
            ),
            ("transfer-encoding" in has, "a body of unknown length"),
        ]
        is_append = method == "PATCH"
        if self.kind == "tus":
            media = "application/offset+octet-stream"
            wrong += [(has.get("tus-resumable") != "1.0.0", "no Tus-Resumable")]
        else:
            media = "application/partial-upload"
            version = has.get("upload-draft-interop-version")
            known = has.get("upload-complete") in {"?0", "?1"}
            wrong += [
                (version != "8", "another interop version"),
                (method != "HEAD" and not known, "no Upload-Complete"),
                (
                    method == "HEAD" and "upload-complete" in has,
                    "a HEAD that completes",
                ),
            ]
        wrong += [
            (is_append and has.get("content-type") != media, "another media type"),
            (is_append and "upload-offset" not in has, "no Upload-Offset"),
        ]
        self.violations += [text for is_wrong, text in wrong if is_wrong]
