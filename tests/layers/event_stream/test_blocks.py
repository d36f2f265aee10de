"""Whole blocks, whatever the pieces in which a stream arrives."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.event_streams import events_of

from httpx_resilient._layers.event_stream.blocks import Blocks, TooLarge
from httpx_resilient._layers.event_stream.position import Position

LINES = st.sampled_from([
    b"data: x", b"data", b"data:", b"id: 7", b"id", b"id: a\0b", b"retry: 10", b"event: e",
    b": comment", b":", b"other: y", b"idx: 1", b"datax", b"", b"", b"", b"data: \xc3\xa9",
])  # fmt: skip
ENDS = st.sampled_from([b"\n", b"\r", b"\r\n"])
STREAMS = st.lists(st.tuples(LINES, ENDS), max_size=14).map(
    lambda lines: b"".join(line + end for line, end in lines)
)


def pieces(stream: bytes, cuts: list[int]) -> list[bytes]:
    at = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in cuts)})
    return [stream[a:b] for a, b in pairwise(at)]


def passed_on(stream: list[bytes], most: int = 1 << 20) -> tuple[list[bytes], Blocks]:
    blocks = Blocks(Position(), most)
    return [blocks.feed(piece) for piece in stream], blocks


@given(STREAMS, st.lists(st.integers(0, 200), max_size=12), st.booleans())
def test_what_is_passed_on_is_a_beginning_of_the_stream_without_its_mark(
    stream: bytes, cuts: list[int], marked: bool
) -> None:
    sent = b"\xef\xbb\xbf" * marked + stream
    passed, blocks = passed_on(pieces(sent, cuts))
    whole = b"".join(passed)
    assert stream.startswith(whole)
    assert len(whole) + blocks.pending == len(stream)
    assert events_of(whole) == events_of(stream)
    assert blocks.position.has_events == bool(events_of(stream))


@given(STREAMS)
def test_each_event_is_passed_on_with_the_last_byte_of_its_blank_line(
    stream: bytes,
) -> None:
    blocks, passed = Blocks(Position(), 1 << 20), b""
    for end in range(1, len(stream) + 1):
        passed += blocks.feed(stream[end - 1 : end])
        assert events_of(passed) == events_of(stream[:end])
        probe = passed + b"data: probe\n\n"
        assert (blocks.position.id or b"").decode() == events_of(probe)[-1].id


@pytest.mark.parametrize(
    ("stream", "passed"),
    [
        (b"data: 1\n\n", b"data: 1\n\n"),
        (b"data: 1\r\r", b"data: 1\r\r"),
        (b"data: 1\r\n\r", b"data: 1\r\n\r"),
        (b"data: 1\n", b""),
        (b"data: 1\r\n", b""),
        (b"data: 1\r", b""),
        (b": ping\n", b": ping\n"),
        (b": ping\r", b": ping\r"),
        (b": pin", b""),
        (b": ping\n\n:x\ndata: 1\n", b": ping\n\n:x\n"),
        (b"data: 1\n: in an event\n", b""),
        (b"\n\r\n\r", b"\n\r\n\r"),
        (b"data: 1\n\ndata: 2\n", b"data: 1\n\n"),
        (b"\xef\xbb", b""),
        (b"\xef\xbb\xbf", b""),
        (b"\xef\xbb\xbf\xef\xbb\xbf\n", b""),
        (b"\xef\xbbdata: 1\n\n", b"\xef\xbbdata: 1\n\n"),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_what_is_complete_is_passed_on_at_once(
    stream: bytes, passed: bytes, size: int
) -> None:
    chunks = [stream[at : at + size] for at in range(0, len(stream), size)]
    given, blocks = passed_on(chunks)
    assert b"".join(given) == passed
    expected = stream.removeprefix(b"\xef\xbb\xbf")[len(passed) :]
    assert blocks.pending == len(expected)


def test_a_line_feed_after_a_carriage_return_ends_no_line_of_its_own() -> None:
    given, _ = passed_on([b"data: 1\r\r", b"\n", b"\ndata: 2\r", b"\n", b"\r", b"\n"])
    assert given == [b"data: 1\r\r", b"\n", b"\n", b"", b"data: 2\r\n\r", b"\n"]


def test_each_connection_begins_anew() -> None:
    blocks = Blocks(Position(), 100)
    assert blocks.feed(b"data: 1\r\rdata: hal") == b"data: 1\r\r"
    blocks.connect()
    assert blocks.pending == 0
    assert blocks.feed(b"\xef\xbb\xbfdata: 2\n\n") == b"data: 2\n\n"


class TestAnEventThatIsTooLarge:
    @pytest.mark.parametrize("size", [1, 7, 100])
    def test_is_refused_and_those_before_it_are_passed_on(self, size: int) -> None:
        stream = b"data: 1\n\ndata: 2\n\ndata: " + b"3" * 20 + b"\n\n"
        blocks, passed = Blocks(Position(), 20), bytearray()

        def feed() -> None:
            for at in range(0, len(stream) + 100, size):
                passed.extend(blocks.feed(stream[at : at + size] or b"."))

        with pytest.raises(TooLarge):
            feed()
        assert passed == b"data: 1\n\ndata: 2\n\n"

    def test_is_refused_at_the_beginning(self) -> None:
        with pytest.raises(TooLarge):
            Blocks(Position(), 5).feed(b"data: 1\n\n")

    def test_may_have_as_many_bytes_as_are_allowed(self) -> None:
        given, _ = passed_on([b"data: 1\n\n" * 9, b"data:", b" 1\n\n"], most=9)
        assert given == [b"data: 1\n\n" * 9, b"", b"data: 1\n\n"]

    def test_is_refused_if_it_is_a_comment(self) -> None:
        with pytest.raises(TooLarge):
            passed_on([b": comment without", b" an end"], most=20)
