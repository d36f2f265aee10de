"""Whether an encoded body has come to the end of its encoding, by the clients' decoders."""

from __future__ import annotations

import gzip
import itertools
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from types import ModuleType
from typing import Any

import brotli
import httpx
import httpx2
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from httpx_resilient._core.body.encodings import decoder_of, unfinished

PLAIN = b"".join(b"%d: some text that repeats\n" % i for i in range(40))


def raw_deflate(data: bytes) -> bytes:
    made = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return made.compress(data) + made.flush()


def zip_quietly(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


ENCODINGS: dict[str, Sequence[Callable[[bytes], bytes]]] = {
    "gzip": [zip_quietly],
    "x-unknown, gzip": [zip_quietly],
    "deflate": [zlib.compress],
    "br": [brotli.compress],
    "zstd": [zstandard.compress],
    "deflate, gzip": [zlib.compress, zip_quietly],
    "gzip, br": [zip_quietly, brotli.compress],
    "br, deflate": [brotli.compress, raw_deflate],
}
"""How to encode, in the order in which the header names it."""

ROWS = [
    (library, encoding)
    for library in (httpx, httpx2)
    for encoding in ENCODINGS
    # httpx2 needs Python 3.14 for it, or a package that is optional.
    if encoding != "zstd" or library is httpx
]

rows = pytest.mark.parametrize(
    ("library", "encoding"), ROWS, ids=[f"{lib.__name__}-{name}" for lib, name in ROWS]
)


def encoded(encoding: str, data: bytes = PLAIN) -> bytes:
    for encode in ENCODINGS[encoding]:
        data = encode(data)
    return data


def decode(library: ModuleType, encoding: str, chunks: Sequence[bytes]) -> Any:
    """Decode as a client does. Return its decoder, as it is at the end of the stream."""
    found: list[Any] = []

    class Stream(library.SyncByteStream):  # type: ignore[misc,name-defined]  # of either library
        def __iter__(self) -> Iterator[bytes]:
            yield from chunks
            found.append(decoder_of(response))

    headers = {"content-encoding": encoding}
    response = library.Response(200, headers=headers, stream=Stream())
    with suppress(library.DecodingError):  # zstd tells by itself, but only afterwards
        for _ in response.iter_bytes():
            pass
    return found[0]


def at_end(library: ModuleType, encoding: str, *chunks: bytes) -> str:
    """Return the name of the encoding that has not come to its end."""
    return unfinished(decode(library, encoding, chunks))


@rows
def test_a_whole_body_is_finished(library: ModuleType, encoding: str) -> None:
    assert at_end(library, encoding, encoded(encoding)) == ""


@rows
def test_a_body_that_is_cut_at_any_byte_is_not(
    library: ModuleType, encoding: str
) -> None:
    data = encoded(encoding)
    for end in range(1, len(data)):
        assert at_end(library, encoding, data[:end]) in encoding.split(", "), end


@given(
    row=st.sampled_from(ROWS),
    data=st.binary(max_size=2000),
    cuts=st.lists(st.integers(0, 2100)),
    cut=st.integers(0, 2100),
)
def test_chunks_change_nothing(
    row: tuple[ModuleType, str], data: bytes, cuts: list[int], cut: int
) -> None:
    library, encoding = row
    body = encoded(encoding, data)
    for end in (len(body), max(min(cut, len(body) - 1), 1)):
        # httpx cannot decode raw deflate whose first byte comes alone.
        places = sorted({0, end, *(each for each in cuts if 1 < each < end)})
        pieces = [body[i:j] for i, j in itertools.pairwise(places)]
        assert bool(at_end(library, encoding, *pieces)) == (end < len(body))


@pytest.mark.parametrize("library", [httpx, httpx2])
@pytest.mark.parametrize(
    ("encoding", "data"),
    [
        ("gzip", zip_quietly(PLAIN) + b"garbage"),
        ("gzip", zip_quietly(PLAIN) + zip_quietly(PLAIN)),
        ("gzip", zip_quietly(b"")),
        ("deflate", raw_deflate(PLAIN)),
        ("deflate", zlib.compress(PLAIN) + b"\r\n"),
        ("deflate, gzip", zip_quietly(b"")),
        ("gzip, deflate", zlib.compress(b"")),
        ("br, gzip", zip_quietly(b"")),
        ("identity, gzip", zip_quietly(PLAIN)),
    ],
)
def test_what_is_legal_is_finished(
    library: ModuleType, encoding: str, data: bytes
) -> None:
    assert at_end(library, encoding, data) == ""


@pytest.mark.parametrize("library", [httpx, httpx2])
@pytest.mark.parametrize("encoding", ["identity", "", "x-unknown", "aws-chunked"])
def test_what_the_client_does_not_decode_is_not_looked_at(
    library: ModuleType, encoding: str
) -> None:
    assert decode(library, encoding, [PLAIN]) is None


def test_what_has_no_known_parts_counts_as_finished() -> None:
    class Decoder:
        decompressor = object()

    class Response:
        status_code = 200
        _decoder = Decoder()

    assert decoder_of(Response()) is Response._decoder
    assert unfinished(Decoder()) == ""
    assert decoder_of(object()) is None
