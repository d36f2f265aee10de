"""The position in a stream: ids, retry, and an event that comes again."""

from __future__ import annotations

import pytest

from httpx_resilient._layers.event_stream.position import LONGEST_WAIT, Position


def after(*blocks: bytes) -> Position:
    position = Position()
    for block in blocks:
        position.after(block)
    return position


@pytest.mark.parametrize(
    ("block", "last_id"),
    [
        (b"id: 1\ndata\n\n", b"1"),
        (b"id:1\r\rdata:\r\r", b"1"),
        (b"id:  1\n\n", b" 1"),
        (b"id: 1\nid: 2\n\nid: 3\n\n", b"3"),
        (b"id\n\n", b""),
        (b"id:\n\n", b""),
        (b"id: \n\n", b""),
        (b"id: 1\0\n\n", b"0"),
        (b"id: 1\nid: 2\0\n\n", b"1"),
        (b"data: id: 1\n\n", b"0"),
        (b"data: x\rid: 1\r\r", b"1"),
        (b"idx: 1\nvalid: 2\n Id: 3\n\n", b"0"),
        (b"id: \xc3\xa9 1\n\n", b"\xc3\xa9 1"),
    ],
)
def test_the_last_id(block: bytes, last_id: bytes) -> None:
    assert after(b"id: 0\ndata: x\n\n", block).id == last_id


def test_there_is_no_id_before_the_first() -> None:
    assert after(b"data: x\n\n").id is None


@pytest.mark.parametrize(
    ("block", "seconds"),
    [
        (b"retry: 1500\n\n", 1.5),
        (b"retry:0\r\r", 0.0),
        (b"retry: 1\nretry: 2000\n\n", 2.0),
        (b"retry: 000000000000001000\n\n", 1.0),
        (b"retry: 1" + b"0" * 5000 + b"\n\n", LONGEST_WAIT),
        (b"retry: 999999999\n\n", LONGEST_WAIT),
        (b"retry:\n\n", None),
        (b"retry: -5\n\n", None),
        (b"retry: 1_0\n\n", None),
        (b"retry: 1.5\n\n", None),
        (b"retry:  5\n\n", None),
        (b"retry: 5 \n\n", None),
        (b"retry: \xd9\xa1\n\n", None),
        (b"data: retry: 5\n\n", None),
    ],
)
def test_the_wait_that_a_stream_asks_for(block: bytes, seconds: float | None) -> None:
    assert after(block).retry == seconds


@pytest.mark.parametrize(
    ("blocks", "has_events"),
    [
        (b"data: x\n\n", True),
        (b"data\n\n", True),
        (b"event: e\rdata:\r\r", True),
        (b"event: data\n\n", False),
        (b"id: 1\n\nretry: 5\n\n: data\n\ndatabase: x\n\n", False),
    ],
)
def test_an_event_has_data(blocks: bytes, *, has_events: bool) -> None:
    position = after(blocks)
    assert position.has_events == position.is_alive == has_events


def test_an_event_moves_the_stream_if_it_has_another_id() -> None:
    position = after(b"id: 1\ndata: x\n\n")
    assert position.has_moved
    position.has_moved = False
    position.after(b"data: y\n\nid: 1\ndata: z\n\n")
    assert not position.has_moved


class TestAnEventThatComesAgain:
    def resumed(self) -> Position:
        position = after(b"id: 1\ndata: x\n\n")
        position.connect()
        position.is_alive = False
        return position

    @pytest.mark.parametrize(
        ("blocks", "passed"),
        [
            (b"id: 1\ndata: x\n\n", b""),
            (b"data: x\r\nid: 1\r\n\r\n", b""),
            (b"id: 1\ndata: other\n\nid: 2\ndata: y\n\n", b"id: 2\ndata: y\n\n"),
            (b":c\n\n:d\nid: 1\ndata: x\n\n", b":c\n\n:d\n"),
            (b"retry: 5\n\nid: 1\ndata: x\n\n", b"retry: 5\n\n"),
            (b"id: 1\n\nid: 1\ndata: x\n\n", b"id: 1\n\n"),
        ],
    )
    def test_is_dropped_by_its_id(self, blocks: bytes, passed: bytes) -> None:
        position = self.resumed()
        assert position.after(blocks) == passed
        assert position.is_alive == (b"data" in passed)

    @pytest.mark.parametrize(
        "blocks",
        [
            b"id: 2\ndata: x\n\n",
            b"data: x\n\n",
            b"id: 2\ndata: x\n\nid: 1\ndata: x\n\n",
            b"data: x\n\nid: 1\ndata: x\n\n",
            b"id: 11\ndata: x\n\n",
            b"id: 1\nid: 2\ndata: x\n\n",
            b"retry: 5\n\n",
        ],
    )
    def test_is_passed_on_if_it_is_another_one(self, blocks: bytes) -> None:
        assert self.resumed().after(blocks) == blocks

    def test_is_looked_for_until_the_first_event(self) -> None:
        position = self.resumed()
        assert position.after(b"id: 1\n\n") == b"id: 1\n\n"
        assert position.after(b"id: 1\ndata: x\n\n") == b""
        assert position.after(b"id: 1\ndata: x\n\n") == b"id: 1\ndata: x\n\n"

    def test_may_be_the_first_of_a_stream(self) -> None:
        position = after(b"id: 1\n\n")
        position.connect()
        assert position.after(b"id: 1\ndata: x\n\n")
