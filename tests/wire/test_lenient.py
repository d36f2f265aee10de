"""Heads that a strict parser refuses: read by the grammar of h11, and written anew."""

from __future__ import annotations

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.wire.readers import read_by_h11

from httpx_resilient._wire.errors import BadAnswer
from httpx_resilient._wire.lenient import MAX_INFORMATIONAL, LenientHeads, check_first

EARLY = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
SECRET = "sk-12345"


def written(data: bytes) -> bytes | None:
    return LenientHeads().feed(data)


def refusal_of(data: bytes) -> str:
    with pytest.raises(BadAnswer) as raised:
        written(data)
    return str(raised.value)


class TestAHead:
    @pytest.mark.parametrize(
        ("data", "expected"),
        [
            (b"HTTP/1.1 200 OK\nX: 1\n\n", b"HTTP/1.1 200 OK\r\nX: 1\r\n\r\n"),
            (b"HTTP/1.1 200 OK\r\nX:1 \t\n\r\n", b"HTTP/1.1 200 OK\r\nX: 1\r\n\r\n"),
            (b"HTTP/1.1 200 OK\nX: 1\n  2\n\t3\n\n", b"HTTP/1.1 200 OK\r\nX: 1 2 3\r\n\r\n"),
            (b"HTTP/1.1 200 OK\nX:\n 1\n\n", b"HTTP/1.1 200 OK\r\nX: 1\r\n\r\n"),
            (b"HTTP/1.1 200\n\n", b"HTTP/1.1 200\r\n\r\n"),
            (
                b"HTTP/1.1 200 OK\nA: 1\nContent-Length: 2, 2\nB: 2\ncontent-length: 2\n\n",
                b"HTTP/1.1 200 OK\r\nA: 1\r\nContent-Length: 2\r\nB: 2\r\n\r\n",
            ),
            (b"HTTP/1.1 200 OK\nX: \x01\x7f\xff\n\n", b"HTTP/1.1 200 OK\r\nX: \x01\x7f\xff\r\n\r\n"),
        ],
    )  # fmt: skip
    def test_is_written_as_the_standard_wants_it(
        self, data: bytes, expected: bytes
    ) -> None:
        assert written(data) == expected

    def test_comes_with_what_follows_it(self) -> None:
        data = b"HTTP/1.1 200 OK\n\nbody\n\nmore"
        assert written(data) == b"HTTP/1.1 200 OK\r\n\r\nbody\n\nmore"

    def test_may_come_byte_by_byte(self) -> None:
        heads = LenientHeads()
        data = EARLY + b"HTTP/1.1 200 OK\nX: 1\r\n\r\n"
        *before, last = [heads.feed(data[at : at + 1]) for at in range(len(data))]
        assert set(before) == {None}
        assert last == b"HTTP/1.1 200 OK\r\nX: 1\r\n\r\n"

    @settings(deadline=None)
    @given(
        lines=st.lists(
            st.text("XYZ: \t\r\x01\x7f\x0b\0éclosngth-CLT0123,", max_size=8), max_size=4
        ),
        end=st.sampled_from([b"\n", b"\r\n"]),
        status=st.sampled_from([b"200 OK", b"200", b"204 \x01", b"404 \x0b", b"2"]),
    )
    def test_is_written_so_that_h11_reads_the_same(
        self, lines: list[str], end: bytes, status: bytes
    ) -> None:
        head = [b"HTTP/1.1 " + status, *(line.encode() for line in lines), b"", b""]
        data = end.join(head)
        before = read_by_h11("HEAD", data, eof=False)
        try:
            anew = written(data)
        except BadAnswer:
            assert before.state == "refused"
        else:
            assert read_by_h11("HEAD", anew or b"", eof=False) == before


class TestInformationalHeads:
    def test_are_left_out(self) -> None:
        assert (
            written(EARLY + EARLY + b"HTTP/1.1 200 OK\n\n")
            == b"HTTP/1.1 200 OK\r\n\r\n"
        )

    def test_are_no_answer(self) -> None:
        assert written(EARLY) is None

    def test_have_a_limit(self) -> None:
        final = b"HTTP/1.1 200 OK\r\n\r\n"
        assert written(EARLY * MAX_INFORMATIONAL + final) == final
        data = EARLY * (MAX_INFORMATIONAL + 1) + final
        assert refusal_of(data) == "too many informational answers"

    @pytest.mark.parametrize("status", ["000", "099", "101"])
    def test_have_a_status_that_may_come_unasked(self, status: str) -> None:
        data = f"HTTP/1.1 {status} X\r\n\r\n".encode()
        number = int(status)
        assert refusal_of(data) == f"a status that nobody asked for: {number}"

    @pytest.mark.parametrize("first", [b"\r\n", b"\n", b" "])
    def test_have_nothing_but_a_head_behind_them(self, first: bytes) -> None:
        assert refusal_of(EARLY + first) == "illegal request line"
        assert refusal_of(EARLY + b"RTSP/1.0") == "illegal status line"


class TestWhatH11Refuses:
    @pytest.mark.parametrize(
        ("line", "expected"),
        [
            (f"X {SECRET}", "illegal header line"),
            (f"X : {SECRET}", "illegal header line"),
            (f": {SECRET}", "illegal header line"),
            (f"X: \0{SECRET}", "illegal value of the header X"),
            (f"X: \r{SECRET}", "illegal value of the header X"),
            (f"X: \x0b{SECRET}", "illegal value of the header X"),
            (f"X: \x0c{SECRET}", "illegal value of the header X"),
            (f" X: {SECRET}", "a continuation line in front of the headers"),
            (f"Content-Length: {SECRET}", "bad or conflicting Content-Length"),
            ("Content-Length: 2,", "bad or conflicting Content-Length"),
            ("Content-Length: 2\nContent-Length: 3", "bad or conflicting Content-Length"),
            ("Content-Length:", "bad or conflicting Content-Length"),
            ("Content-Length: " + "2".zfill(21), "bad or conflicting Content-Length"),
            (f"Transfer-Encoding: {SECRET}", "only one Transfer-Encoding is supported: chunked"),
            (
                "Transfer-Encoding: chunked\nTransfer-Encoding: chunked",
                "only one Transfer-Encoding is supported: chunked",
            ),
        ],
    )  # fmt: skip
    def test_is_refused_without_quoting_it(self, line: str, expected: str) -> None:
        data = b"HTTP/1.1 200 OK\n" + line.encode() + b"\n\n"
        connection = h11.Connection(h11.CLIENT)
        connection.receive_data(data)
        with pytest.raises(h11.RemoteProtocolError):
            connection.next_event()
        assert refusal_of(data) == expected

    @pytest.mark.parametrize("byte", [*range(0x48), *range(0x49, 0x100)])
    def test_is_whatever_does_not_begin_as_http(self, byte: int) -> None:
        with pytest.raises(BadAnswer):
            check_first(byte)

    def test_is_not_the_first_letter_of_http(self) -> None:
        check_first(ord("H"))
