"""No event is lost, doubled or halved, wherever connections are cut."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.event_streams import Event, Feed, events_of
from support.world import LIBRARIES

from httpx_resilient import EventStreamTransport
from httpx_resilient.testing import no_waits

ENDS = {"LF": b"\n", "CR": b"\r", "CRLF": b"\r\n"}


def numbered(end: bytes) -> list[bytes]:
    return [
        b"id: %d%sdata: x%d%s%s" % (number, end, number, end, end)
        for number in range(1, 4)
    ]


STREAMS = {name: numbered(end) for name, end in ENDS.items()}
STREAMS["mixed"] = [
    b"id: 1\rdata: a\r\n\r",
    b": ping\nid: 2\r\ndata: b\ndata\n\r",
    b"event: e\r\nid: 3\rdata\n\r\n",
    b"retry: 0\n\n:\rdata: \xc3\xa9\r\nid: 4\n\n",
]


def read(feed: Feed, transport: Any = EventStreamTransport) -> bytes:
    layer = transport(feed.library.MockTransport(feed), wait=0)
    with feed.library.Client(transport=layer) as client:
        with client.stream("GET", "http://localhost/") as response:
            return b"".join(response.iter_bytes())


@pytest.mark.parametrize("broken", [False, True], ids=["clean", "broken"])
@pytest.mark.parametrize("again", [False, True], ids=["exclusive", "inclusive"])
@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("library", LIBRARIES)
def test_a_stream_that_is_cut_at_any_byte_is_whole(
    library: str, name: str, *, again: bool, broken: bool
) -> None:
    module, ours = LIBRARIES[library]
    blocks = STREAMS[name]
    expected = events_of(b"".join(blocks))
    # A stream that ends cleanly before its first byte is empty.
    first = 0 if broken else 1
    with no_waits():
        for cut in range(first, len(b"".join(blocks)) + 1):
            feed = Feed(
                blocks,
                lambda number, cut=cut: cut if number == 1 else 10_000,
                library=module,
                broken=broken,
                again=again,
            )
            received = read(feed, transport=ours.EventStreamTransport)
            assert events_of(received) == expected, cut


CUTS = st.lists(st.integers(1, 60), max_size=8)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(list(STREAMS.values())),
    CUTS,
    st.booleans(),
    st.booleans(),
    st.integers(1, 40),
)
def test_a_stream_that_is_cut_again_and_again_is_whole(
    blocks: list[bytes], cuts: list[int], broken: bool, again: bool, size: int
) -> None:
    feed = Feed(
        blocks,
        lambda number: cuts[number - 1] if number <= len(cuts) else 10_000,
        library=httpx,
        broken=broken,
        again=again,
        size=size,
    )
    with no_waits():
        assert events_of(read(feed)) == events_of(b"".join(blocks))


def test_an_id_counts_with_its_blank_line() -> None:
    feed = Feed(
        numbered(b"\n"),
        lambda number: {1: len(b"id: 1\ndata: x1\n\nid: 2\n")}.get(number, 10_000),
        library=httpx,
        broken=True,
    )
    assert events_of(read(feed))[1] == Event("2", "message", "x2")
    assert feed.asked == [None, "1", "3"]
