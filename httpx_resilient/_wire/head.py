"""The head of a request as it is written, checked by the grammar of h11."""

from __future__ import annotations

import re
from typing import NamedTuple, NoReturn

from httpx_resilient._core.http_types import RequestLike
from httpx_resilient._wire.errors import BadRequest
from httpx_resilient._wire.keep_alive import has_close

_TOKEN = re.compile(rb"[-!#$%&'*+.^_`|~0-9a-zA-Z]+")
_NOT_IN_TOKEN = re.compile(rb"[^-!#$%&'*+.^_`|~0-9a-zA-Z]")
_TARGET = re.compile(rb"[\x21-\x7e]+")
_NOT_IN_VALUE = b"\x00\r\n\x0b\x0c"
_LENGTH = re.compile(rb"[0-9]{1,20}")

CHUNKED = -1
"""The length of a body that is sent in chunks."""

# What a name means for the connection. Most names mean nothing.
_ORDINARY, _HOST, _LENGTH_OF_BODY, _CODING, _CONNECTION = range(5)
_MEANINGS = {
    b"host": _HOST,
    b"content-length": _LENGTH_OF_BODY,
    b"transfer-encoding": _CODING,
    b"connection": _CONNECTION,
}

_USUAL = "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"
_METHODS = {method: method.encode() for method in _USUAL}

_MAX_NAMES = 1000
_known_names: dict[bytes, int] = {}
"""The names that were checked, as they were spelled, with what they mean."""


class RequestHead(NamedTuple):
    """
    A head to be written.

    Args:
        data: Its bytes, with the empty line.
        length: The bytes of the body that follow, or `CHUNKED`.
        closes: Whether the connection serves no further request after this one.
    """

    data: bytes
    length: int
    closes: bool


def head_of(request: RequestLike) -> RequestHead:
    """
    Return the head of a request, byte for byte as h11 writes it.

    Raises:
        BadRequest: It is no request of HTTP/1.1. The message quotes no value, because
            it may be a secret.
    """
    raw = request.headers.raw
    lines = [b""]  # the first one is for the header Host
    framing: list[_FramingField] = []
    hosts, length, is_kept = 0, 0, True
    for name, value in raw:
        meaning = _known_names.get(name)
        if meaning is None:
            meaning = _meaning_of(name)
        stripped = value.strip()  # in CPython the same object, if nothing is stripped
        if stripped is not value and stripped != value:
            _refuse_value(name)
        if meaning:
            if meaning == _HOST:
                hosts += 1
                lines[0] = name + b": " + value
                continue
            if meaning != _CONNECTION:
                framing.append((meaning, len(lines), name, value))
                continue
            is_kept = is_kept and value == b"keep-alive"
        lines.append(name + b": " + value)
    if framing:
        at, line, length = _framed(framing)
        lines.insert(at, line)
    if hosts != 1:
        msg = f"a request has one header Host, and this one has {hosts}"
        raise BadRequest(msg)
    fields = b"\r\n".join(lines)
    if len(fields.translate(None, _NOT_IN_VALUE)) != len(fields) - 2 * len(lines) + 2:
        _refuse_value(next(n for n, v in raw if v != v.translate(None, _NOT_IN_VALUE)))
    method = _METHODS.get(request.method) or _method_of(request)
    data = b"%b %b HTTP/1.1\r\n%b\r\n\r\n" % (method, _target_of(request), fields)
    return RequestHead(data, length, not is_kept and has_close(raw))


def _method_of(request: RequestLike) -> bytes:
    method = request.method.encode("ascii", "replace")
    if not _TOKEN.fullmatch(method):
        msg = f"illegal method: {request.method!r}"
        raise BadRequest(msg)
    return method


def _target_of(request: RequestLike) -> bytes:
    # The extension is for requests such as `OPTIONS *`.
    target: bytes | str = request.extensions.get("target", request.url.raw_path)
    if isinstance(target, str):
        target = target.encode("latin-1", "replace")
    if not _TARGET.fullmatch(target):
        msg = "illegal request target"
        raise BadRequest(msg)
    return target


def _meaning_of(name: bytes) -> int:
    """Check a name, and remember that it was checked."""
    if not _TOKEN.fullmatch(name):
        # Not all of it: it may be a whole line, with a secret.
        text = _NOT_IN_TOKEN.split(name, maxsplit=1)[0].decode("ascii")
        msg = f"illegal name of a header, which begins with {text!r}"
        raise BadRequest(msg)
    meaning = _MEANINGS.get(name.lower(), _ORDINARY)
    if len(_known_names) < _MAX_NAMES:
        _known_names[name] = meaning
    return meaning


def _refuse_value(name: bytes) -> NoReturn:
    msg = f"illegal value of the header {name.decode('ascii')}"
    raise BadRequest(msg)


_FramingField = tuple[int, int, bytes, bytes]
"""What a header means, before which line it stands, its name and its value."""


def _framed(fields: list[_FramingField]) -> tuple[int, bytes, int]:
    """
    Return the header that frames the body.

    A length beside chunks is left out (RFC 9112 §6.2).

    Returns:
        Before which line it stands, the header, and the length of the body.
    """
    meaning, at, name, value = fields[0]
    if len(fields) == 1 and meaning == _LENGTH_OF_BODY and _LENGTH.fullmatch(value):
        return at, name + b": " + value, int(value)
    codings = [field for field in fields if field[0] == _CODING]
    sizes = [field for field in fields if field[0] == _LENGTH_OF_BODY]
    lengths = {each.strip() for *_, value in sizes for each in value.split(b",")}
    if len(lengths) > 1 or not all(map(_LENGTH.fullmatch, lengths)):
        msg = "bad or conflicting Content-Length"
        raise BadRequest(msg)
    if not codings:
        _, at, name, _ = sizes[0]
        length = lengths.pop()
        return at, name + b": " + length, int(length)
    _, at, name, value = codings[0]
    if len(codings) > 1 or value.lower() != b"chunked":
        msg = "only one Transfer-Encoding is supported: chunked"
        raise BadRequest(msg)
    return at, name + b": chunked", CHUNKED


class BodyFrames:
    """
    The body of a request as it is written: in chunks, or as long as its head says.

    Args:
        length: The bytes of the body, or `CHUNKED`.
    """

    __slots__ = ("_left", "_length")

    def __init__(self, length: int) -> None:
        self._length = self._left = length

    def frame(self, data: bytes) -> bytes:
        """
        Return what is written for a part of the body.

        Raises:
            BadRequest: The body is longer than its head says.
        """
        if self._length == CHUNKED:
            return b"%x\r\n%b\r\n" % (len(data), data) if data else b""
        self._left -= len(data)
        if self._left < 0:
            msg = "Too much data for declared Content-Length"
            raise BadRequest(msg)
        return data

    def end(self) -> bytes:
        """
        Return what is written behind the body.

        Raises:
            BadRequest: The body is shorter than its head says.
        """
        if self._length == CHUNKED:
            return b"0\r\n\r\n"
        if self._left:
            msg = "Too little data for declared Content-Length"
            raise BadRequest(msg)
        return b""
