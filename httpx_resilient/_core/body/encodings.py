"""
Whether an encoded body has arrived to the end of its encoding.

A decoder of either library reads a body of gzip, deflate or brotli that ends early as a
shorter one. Only the object that decompresses knows that its data had no end. Neither
library has a public way to it, so what is private is read here, and nowhere else. If it
has another name in a later release, nothing is checked, and one test fails.
"""

from __future__ import annotations

import zlib
from typing import Any

from httpx_resilient._core.resuming.content_range import content_range

_PARTIAL = 206

_EMPTY = (
    bytes.fromhex("1f8b080000000000020303000000000000000000"),
    zlib.compress(b""),
    b"\x03\x00",
)
"""No data at all, in gzip, in deflate with a header, and in deflate without one."""


def decoder_of(response: object) -> Any:
    """
    Return the decoder that a client has made for the body that it reads.

    Returns:
        The decoder, or `None`: the body is not encoded, or is read as it is sent, or
        is a range that ends before its encoding does, as the caller has asked; or the
        library has its decoders elsewhere.
    """
    decoder = getattr(response, "_decoder", None)
    if hasattr(decoder, "decompressor") or hasattr(decoder, "children"):
        return None if _is_beginning(response) else decoder
    return None


def _is_beginning(response: Any) -> bool:
    """Whether an answer is a range that does not reach the end, as far as is known."""
    if response.status_code != _PARTIAL:
        return False
    told = content_range(response.headers.get("content-range", ""))
    return told is None or told.last is None or told.last + 1 != told.total


def unfinished(decoder: Any) -> str:
    """
    Name the encoding of a decoder that has not come to its end.

    Args:
        decoder: A decoder that has got all of a body that is not empty.

    Returns:
        The name, as in `Content-Encoding`; empty if all is there, or nothing is known.
        What follows the end of an encoding is no matter of it: another member of gzip,
        or bytes that belong to nothing.
    """
    children = getattr(decoder, "children", None)
    if children is None:
        return "" if _is_finished(decoder) else _name(decoder)
    # The outermost encoding comes first. Nothing within it needs no end.
    for position, child in enumerate(children):
        if not _is_finished(child):
            return "" if position and _is_unused(child) else _name(child)
    return ""


def _is_finished(decoder: Any) -> bool:
    engine = _engine_of(decoder)
    is_finished = getattr(engine, "is_finished", None)
    if is_finished is not None:  # of brotli and brotlicffi
        return bool(is_finished())
    return bool(getattr(engine, "eof", True))


def _is_unused(decoder: Any) -> bool:
    """Whether a decoder has got no data: then an empty body would end in it."""
    if hasattr(decoder, "seen_data"):
        return not decoder.seen_data
    engine = _engine_of(decoder)
    return any(_ends_in(engine, data) for data in _EMPTY)


def _ends_in(engine: Any, data: bytes) -> bool:
    probe = engine.copy()
    try:
        return not probe.decompress(data) and bool(probe.eof)
    except zlib.error:
        return False


def _engine_of(decoder: Any) -> Any:
    """Return the object that decompresses. httpx2 wraps those of zlib once more."""
    engine = getattr(decoder, "decompressor", None)
    return getattr(engine, "decompressor", engine)


def _name(decoder: object) -> str:
    """Name an encoding by the class of its decoder."""
    kind = type(decoder).__name__.removesuffix("Decoder")
    return {"Brotli": "br", "ZStandard": "zstd"}.get(kind, kind.lower())
