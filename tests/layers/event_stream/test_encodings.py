"""Event streams in gzip and deflate, piece by piece."""

from __future__ import annotations

import gzip
import zlib
from typing import Any

import httpx
import pytest

import httpx_resilient
from httpx_resilient._layers.event_stream.encodings import (
    Inflater,
    decoded,
    is_decodable,
)

FAMILY: Any = httpx_resilient.RetryingTransport._family
TEXT = b"data: x\n\n" * 50_000
RAW = zlib.compressobj(wbits=-15)
ENCODED = {
    "gzip": (16 + 15, gzip.compress(TEXT)),
    "members": (16 + 15, gzip.compress(TEXT[:9]) + gzip.compress(TEXT[9:])),
    "deflate": (0, zlib.compress(TEXT)),
    "deflate without its header": (0, RAW.compress(TEXT) + RAW.flush()),
}


@pytest.mark.parametrize(("wbits", "data"), ENCODED.values(), ids=ENCODED)
@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_what_arrives_is_decoded_in_small_pieces(
    wbits: int, data: bytes, size: int
) -> None:
    inflater, pieces = Inflater(wbits), list[bytes]()
    assert inflater.is_whole
    for at in range(0, len(data), size):
        pieces.extend(inflater.pieces(data[at : at + size]))
        if at + size < len(data) // 2:
            assert not inflater.is_whole or b"".join(pieces) == TEXT[:9]
    assert b"".join(pieces) == TEXT
    assert max(map(len, pieces)) <= 64 * 1024
    assert inflater.is_whole
    assert list(inflater.pieces(b"")) == []


@pytest.mark.parametrize(
    ("encoding", "known"),
    [
        ("", True),
        (" GZip ", True),
        ("identity", True),
        ("br", False),
        ("gzip, gzip", False),
    ],
)
def test_the_encodings_that_can_be_decoded(encoding: str, *, known: bool) -> None:
    assert is_decodable(encoding) == known


def test_a_stream_that_is_not_encoded_is_as_it_was() -> None:
    stream = object()
    assert decoded(stream, "identity", FAMILY) is stream


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (gzip.compress(TEXT)[:-4], "ended before its content"),
        (b"no gzip", "be decoded"),
    ],
)
def test_a_body_that_is_cut_off_or_wrong_is_an_error(data: bytes, text: str) -> None:
    stream = decoded([data], "gzip", FAMILY)
    with pytest.raises(httpx.RemoteProtocolError, match=text):
        list(stream)
