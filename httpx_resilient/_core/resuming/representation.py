"""What an answer says of its bytes: version, encoding, position and length."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from httpx_resilient._core.hints.values import http_date
from httpx_resilient._core.http_types import HeadersLike, ResponseLike
from httpx_resilient._core.resuming.content_range import content_range

OK = 200
PARTIAL = 206
UNSATISFIABLE = 416

CLEARLY_OLDER = 60.0
"""
Seconds by which `Last-Modified` must be older than `Date` to be a strong validator.

RFC 9110 §8.8.2.2 asks that the two are a second apart at least, RFC 7232 §2.2.2 asked
for 60 seconds, which also covers clocks that differ.
"""

_STRONG = re.compile(r'"[\x21\x23-\x7e\x80-\xff]*"')
_DIGITS = re.compile(r"\d{1,18}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Representation:
    """
    What an answer says of its bytes. All bytes are raw, as they are on the wire.

    Args:
        status: The status code.
        etag: `ETag` as it was sent, weak or malformed ones too.
        last_modified: `Last-Modified` as it was sent.
        date: `Date` as it was sent.
        encoding: `Content-Encoding` in lower case; empty for none and for `identity`.
        media_type: The type of `Content-Type`, in lower case, without parameters.
        length: `Content-Length`: the bytes that this answer has, if it says so.
        first: The position of its first byte; `None` if it does not say so.
        last: The position of its last byte, included; `None` if it does not say so.
        total: The length of the whole representation, or `None` if it is unknown.
    """

    status: int
    etag: str | None = None
    last_modified: str | None = None
    date: str | None = None
    encoding: str = ""
    media_type: str = ""
    length: int | None = None
    first: int | None = None
    last: int | None = None
    total: int | None = None

    @property
    def strong_etag(self) -> str | None:
        """The `ETag`, if it is a strong one (RFC 9110 §8.8.1)."""
        etag = self.etag
        return etag if etag is not None and _STRONG.fullmatch(etag) else None

    @property
    def strong_date(self) -> str | None:
        """The `Last-Modified`, if it is clearly older than the answer."""
        modified, date = (
            None if each is None else http_date(each.encode("latin-1"))
            for each in (self.last_modified, self.date)
        )
        if modified is None or date is None or date - modified < CLEARLY_OLDER:
            return None
        return self.last_modified

    @property
    def validator(self) -> str | None:
        """A strong ETag, else a `Last-Modified` that is strong; never a weak one."""
        return self.strong_etag or self.strong_date

    @property
    def precondition(self) -> tuple[str, str] | None:
        """
        The header, and its value, by which a range is sent of the same version only.

        `If-Range` must have neither a weak ETag nor the date of an answer that has an
        ETag (RFC 9110 §13.1.5). Then the date goes into `If-Unmodified-Since`, whose
        412 says that the content is another one.
        """
        if self.strong_etag is not None:
            return "If-Range", self.strong_etag
        if self.strong_date is None:
            return None
        name = "If-Range" if self.etag is None else "If-Unmodified-Since"
        return name, self.strong_date

    @property
    def is_consistent(self) -> bool:
        """Whether `Content-Length` and `Content-Range` tell the same length."""
        return self.extent is None or self.length in {None, self.extent}

    @property
    def extent(self) -> int | None:
        """The bytes from its first to its last position, if it tells them."""
        if self.first is None or self.last is None:
            return None
        return self.last - self.first + 1

    @property
    def described(self) -> str:
        """The validator of this version in words, for messages: a weak one, too."""
        if self.etag is not None:
            return f"ETag {self.etag}"
        if self.last_modified is not None:
            return f"Last-Modified {self.last_modified}"
        return "no validator"


def representation_of(response: ResponseLike) -> Representation:
    """
    Read what an answer says of its bytes.

    A field that is given twice with different values says nothing.
    """
    fields = _fields(response.headers.raw)
    status = response.status_code
    length = None
    if "transfer-encoding" not in fields:  # it overrides the length (RFC 9112 §6.3)
        length = _number(fields.get("content-length"))
    first, last, total = _position(status, length, fields.get("content-range"))
    encoding = (fields.get("content-encoding") or "").lower()
    return Representation(
        status=status,
        etag=fields.get("etag"),
        last_modified=fields.get("last-modified"),
        date=fields.get("date"),
        encoding="" if encoding == "identity" else encoding,
        media_type=(fields.get("content-type") or "").partition(";")[0].strip().lower(),
        length=length,
        first=first,
        last=last,
        total=total,
    )


_READ = frozenset(
    {
        b"etag",
        b"last-modified",
        b"date",
        b"content-encoding",
        b"content-type",
        b"content-length",
        b"content-range",
        b"transfer-encoding",
    }
)


def _fields(raw: Sequence[tuple[bytes, bytes]]) -> dict[str, str | None]:
    """Return the fields of interest, `None` for one that contradicts itself."""
    fields: dict[str, str | None] = {}
    for name, value in raw:
        lower = name.lower()
        if lower not in _READ:
            continue
        key, text = lower.decode(), value.decode("latin-1").strip()
        if key == "content-encoding" and fields.get(key):
            text = f"{fields[key]}, {text}"  # a list may take several lines
        elif fields.get(key, text) != text:
            fields[key] = None
            continue
        fields[key] = text
    return fields


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and _DIGITS.fullmatch(text) else None


def _position(
    status: int, length: int | None, range_field: str | None
) -> tuple[int | None, int | None, int | None]:
    """Return the first and the last position, and the total length."""
    if status == OK:
        return 0, None if length is None else length - 1, length
    told = None
    if status in {PARTIAL, UNSATISFIABLE} and range_field is not None:
        told = content_range(range_field)
    if told is None or (told.first is None) is not (status == UNSATISFIABLE):
        return None, None, None
    return told.first, told.last, told.total


def content_length(headers: HeadersLike) -> int | None:
    """Return the length that the body of an answer must have, if it says so."""
    given: Any = headers
    try:
        # The end of every body comes here, and `raw` would copy the headers of both
        # libraries: that alone costs 13,000 instructions more than all of this.
        fields = given._list  # noqa: SLF001 - explained above
    except AttributeError:
        fields = [(name, name.lower(), value) for name, value in headers.raw]
    found: bytes | None = None
    for _, name, value in fields:
        if name == b"content-length":
            if found is not None and found != value:
                return None
            found = value
        elif name == b"transfer-encoding":
            return None
    return int(found) if found is not None and found.isdigit() else None
