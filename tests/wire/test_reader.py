"""One reader for the answers of a connection: what it collects, refuses and forgets."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import pytest
from support.wire.readers import Outcome, read_by_ours, read_next
from support.wire.rows import CHUNKED, KIB, LAST, OK, PLAIN, TWO

from httpx_resilient._wire import callbacks
from httpx_resilient._wire.errors import BadAnswer
from httpx_resilient._wire.reader import MAX_HEAD, ResponseReader

SECRET = b"sk-12345"


def reader_for(method: str = "GET", data: bytes = b"") -> ResponseReader:
    reader = ResponseReader()
    reader.begin(method)
    if data:
        reader.feed(data)
    return reader


def refusal_of(data: bytes, *, method: str = "GET", eof: bool = False) -> str:
    """What the reader says of an answer that it refuses."""
    return read_by_ours(method, data, eof=eof).message


class TestAConnectionThatServesSeveralRequests:
    @pytest.mark.parametrize(
        ("method", "first"),
        [
            ("GET", PLAIN),
            ("GET", CHUNKED + b"2\r\nok\r\n" + LAST),
            ("GET", b"HTTP/1.1 204 No Content\r\n\r\n"),
            ("GET", OK + b"X: \x01\r\n" + TWO + b"\r\nok"),
            ("GET", b"HTTP/1.1 100 Continue\r\n\r\n" + PLAIN),
            ("HEAD", OK + TWO + b"\r\n"),
            ("HEAD", OK + b"Transfer-Encoding: chunked\r\n\r\n"),
            ("HEAD", OK + b"Content-Length: 0\r\n\r\n"),
            ("HEAD", OK + b"\r\n"),
        ],
    )
    def test_reads_each_answer_as_the_first(self, method: str, first: bytes) -> None:
        reader = reader_for(method)
        assert read_next(reader, first).reusable
        for data in (PLAIN, CHUNKED + b"5\r\nagain\r\n" + LAST, PLAIN):
            reader.begin("GET")
            assert read_next(reader, data) == read_by_ours("GET", data, eof=False)

    def test_has_a_list_of_headers_for_each_answer(self) -> None:
        reader = reader_for(data=PLAIN)
        first = reader.headers
        reader.begin("GET")
        reader.feed(PLAIN)
        assert reader.headers == first
        assert reader.headers is not first

    def test_keeps_its_parser_unless_the_answer_has_spoilt_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from httpx_resilient._wire import reader as reader_module

        made: list[Any] = []
        parser = reader_module.HttpResponseParser
        monkeypatch.setattr(
            reader_module,
            "HttpResponseParser",
            lambda own: made.append(1) or parser(own),
        )
        reader = reader_for(data=PLAIN)
        reader.begin("HEAD")
        reader.feed(OK + TWO + b"\r\n")
        assert len(made) == 1
        reader.begin("GET")
        reader.feed(PLAIN)
        assert len(made) == 2

    def test_is_reusable_no_more_once_somebody_has_said_so(self) -> None:
        reader = reader_for()
        reader.is_reusable = False
        reader.feed(PLAIN)
        assert reader.is_complete
        assert not reader.is_reusable


class TestTheBody:
    def test_is_taken_once(self) -> None:
        reader = reader_for(data=CHUNKED + b"1\r\no\r\n1\r\nk\r\n")
        assert (reader.size, reader.received) == (2, 2)
        assert reader.take() == b"ok"
        assert (reader.size, reader.received, reader.take()) == (0, 2, b"")
        reader.feed(b"1\r\n!\r\n")
        assert (reader.size, reader.received, reader.take()) == (1, 3, b"!")
        reader.feed(LAST)
        assert reader.is_complete

    def test_is_a_copy_of_what_has_arrived(self) -> None:
        buffer = bytearray(OK + TWO + b"\r\nok")
        reader = reader_for()
        reader.feed(memoryview(buffer))
        buffer[-2:] = b"no"
        assert reader.take() == b"ok"

    def test_has_no_trailers(self) -> None:
        reader = reader_for(data=CHUNKED + b"0\r\nX-Sum: 1\r\n\r\n")
        assert reader.headers == [(b"Transfer-Encoding", b"chunked")]
        assert reader.is_reusable

    @pytest.mark.parametrize("piece", [b"0\r\nX: ", b"1;a="])
    def test_ends_if_what_frames_it_never_ends(self, piece: bytes) -> None:
        reader = reader_for(data=CHUNKED + b"2\r\nok\r\n" + piece)
        for _ in range(MAX_HEAD // KIB - 1):
            reader.feed(b"x" * KIB)
        with pytest.raises(BadAnswer, match="trailers of the answer are too long"):
            reader.feed(b"x" * (KIB + 1))
        assert reader.take() == b"ok"

    def test_may_have_more_framing_than_bytes(self) -> None:
        reader = reader_for(data=CHUNKED)
        for _ in range(MAX_HEAD // 100 + 1):
            reader.feed(b"1;" + b"a" * 98 + b"\r\n")
            reader.feed(b"x\r\n")
        reader.feed(LAST)
        assert reader.is_reusable


class TestTheBeginningOfAnAnswer:
    def test_is_seen_from_its_first_byte(self) -> None:
        reader = ResponseReader()
        assert not reader.has_begun
        reader.begin("GET")
        assert not reader.has_begun
        reader.feed(b"H")
        assert reader.has_begun
        reader.begin("GET")
        assert not reader.has_begun


class TestTheLimitOfAHead:
    FILL = b"X: " + b"x" * (MAX_HEAD - len(OK) - len(TWO) - 7) + b"\r\n"
    LONGEST = OK + FILL + TWO + b"\r\n"

    @pytest.mark.parametrize("step", [1 << 30, MAX_HEAD - 1, MAX_HEAD, 997])
    def test_is_exact_however_it_comes(self, step: int) -> None:
        longest = self.LONGEST
        assert len(longest) == MAX_HEAD
        assert read_by_ours("GET", longest + b"ok", eof=False, step=step).body == b"ok"
        longer = longest.replace(b"x", b"xx", 1) + b"ok"
        refused = read_by_ours("GET", longer, eof=False, step=step)
        assert refused == Outcome(
            "refused", message="the head of the answer is too long", rest=refused.rest
        )

    def test_includes_the_heads_before_it(self) -> None:
        early = b"HTTP/1.1 103 X\r\n\r\n"
        assert "too long" in refusal_of(early + self.LONGEST)
        shorter = self.LONGEST.replace(b"x" * len(early), b"", 1)
        assert read_by_ours("GET", early + shorter + b"ok", eof=False).body == b"ok"

    def test_leaves_nothing_behind_an_answer_without_a_body(self) -> None:
        head = self.LONGEST.replace(b"200 OK", b"204 OK")
        assert read_by_ours("GET", head, eof=False).reusable
        assert not read_by_ours("GET", head + b"HTTP/1.1 200 OK", eof=False).reusable

    def test_is_quickly_reached_byte_by_byte(self) -> None:
        data = b"HTTP/1.1 200 OK\n" + b"X: " + b"x" * MAX_HEAD
        refused = read_by_ours("GET", data, eof=False, step=1)
        assert refused.message == "the head of the answer is too long"


class TestAnAnswerThatIsCut:
    @pytest.mark.parametrize(
        "data", [b"", b"HTTP/1.1 2", OK + b"X", b"HTTP/1.1 100 X\r\n\r\n"]
    )
    def test_in_its_head_is_none(self, data: bytes) -> None:
        reader = reader_for(data=data)
        with pytest.raises(BadAnswer, match="Server disconnected without"):
            reader.feed_eof()
        assert not reader.is_reusable

    @pytest.mark.parametrize(
        ("data", "detail"),
        [
            (OK + b"content-length: 007\r\n\r\nok", "received 2 bytes, expected 7"),
            (OK + b"X: \x01\r\nContent-Length: 7, 7\r\n\r\nok", "received 2 bytes, expected 7"),
            (CHUNKED + b"5\r\nok", "incomplete chunked read"),
        ],
    )  # fmt: skip
    def test_in_its_body_has_the_message_of_h11(self, data: bytes, detail: str) -> None:
        reader = reader_for(data=data)
        with pytest.raises(BadAnswer) as raised:
            reader.feed_eof()
        message = "peer closed connection without sending complete message body"
        assert str(raised.value) == f"{message} ({detail})"
        assert reader.take() == b"ok"

    def test_is_complete_if_it_has_no_length(self) -> None:
        reader = reader_for(data=OK + b"\r\nok")
        assert not reader.is_complete
        reader.feed_eof()
        assert reader.is_complete
        assert not reader.is_reusable

    def test_behind_a_complete_answer_ends_the_connection_only(self) -> None:
        reader = reader_for(data=PLAIN)
        reader.feed_eof()
        assert (reader.is_complete, reader.is_reusable, reader.take()) == (
            True,
            False,
            b"ok",
        )


class TestWhatNobodyAskedFor:
    def test_is_no_part_of_the_answer_before_it(self) -> None:
        evil = OK + b"Content-Length: 4\r\n\r\nevil"
        reader = reader_for(data=PLAIN + evil)
        assert (reader.take(), reader.headers) == (b"ok", [(b"Content-Length", b"2")])
        assert not reader.is_reusable

    @pytest.mark.parametrize(
        "extra", [b"\r", b"\n", b"\r\n", b"\r\n\r\n", b"x", b"0\r\n\r\n"]
    )
    @pytest.mark.parametrize(
        ("method", "answer"),
        [
            ("GET", PLAIN),
            ("GET", OK + b"Content-Length: 4\r\n\r\n\r\n\r\n"),
            ("GET", CHUNKED + b"2\r\nok\r\n" + LAST),
            ("GET", CHUNKED + b"0\r\nX: 1\r\n\r\n"),
            ("GET", b"HTTP/1.1 304 X\r\n\r\n"),
            ("GET", b"HTTP/1.1 200 OK\nContent-Length: 1\n\n\n"),
            ("HEAD", OK + TWO + b"\r\n"),
            ("HEAD", OK + b"Transfer-Encoding: chunked\r\n\r\n"),
            ("HEAD", OK + b"\r\n"),
        ],
    )  # fmt: skip
    def test_is_found_wherever_the_answer_was_split(
        self, method: str, answer: bytes, extra: bytes
    ) -> None:
        for at in range(1, len(answer)):
            reader = reader_for(method, answer[:at])
            reader.feed(answer[at:] + extra)
            assert reader.is_complete
            assert not reader.is_reusable

    def test_is_refused_with_the_status_that_was_sent(self) -> None:
        data = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"
        assert refusal_of(data) == "a status that nobody asked for: 101"


class TestMessages:
    @pytest.mark.parametrize(
        "data",
        [
            SECRET,
            b"HTTP/1.1 " + SECRET + b" OK\r\n\r\n",
            b"HTTP/1.1 200 \x00" + SECRET + b"\r\n\r\n",
            OK + SECRET + b"\r\n\r\n",
            OK + b"X A: " + SECRET + b"\r\n\r\n",
            OK + b"X: \x00" + SECRET + b"\r\n\r\n",
            OK + b" " + SECRET + b"\r\n\r\n",
            OK + b"Content-Length: " + SECRET + b"\r\n\r\n",
            OK + b"Transfer-Encoding: " + SECRET + b"\r\n\r\n",
            CHUNKED + SECRET,
            CHUNKED + b"1\r\n" + SECRET,
            CHUNKED + b"0\r\n" + SECRET + b"\r\n\r\n",
            CHUNKED + b"0\r\nX: \x00" + SECRET + b"\r\n\r\n",
            CHUNKED + b"1;a=\x00" + SECRET + b"\r\n\r\n",
        ],
    )
    def test_quote_nothing_of_an_answer(self, data: bytes) -> None:
        message = refusal_of(data)
        assert message
        assert SECRET.decode() not in message

    def test_do_not_depend_on_what_the_caller_handles(self) -> None:
        # Python replaces the context of an exception that httptools raises.
        data = CHUNKED + b"2\r\nok\r\n0\r\nContent-Length: 1\r\n\r\n"
        expected = refusal_of(data), refusal_of(OK + b"Transfer-Encoding: gzip\r\n\r\n")
        try:
            raise ValueError
        except ValueError:
            found = (
                refusal_of(data),
                refusal_of(OK + b"Transfer-Encoding: gzip\r\n\r\n"),
            )
        assert found == expected

    def test_have_no_reference_to_the_reader_in_the_reader(self) -> None:
        reader = reader_for()
        with pytest.raises(BadAnswer):
            reader.feed(OK + b"Transfer-Encoding: gzip\r\n\r\n")
        assert reader._failure is None


class TestASignalWhileBytesAreRead:
    @pytest.fixture(autouse=True)
    def _raised_by_a_callback(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        """Let a signal arrive while a header is read."""

        def has_header(*args: Any) -> int:
            signal.raise_signal(signal.SIGINT)
            return 17

        monkeypatch.setattr(callbacks, "len", has_header, raising=False)
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        yield  # a program that was started in the background may ignore this signal
        signal.signal(signal.SIGINT, before)

    def test_reaches_the_caller(self) -> None:
        with pytest.raises(KeyboardInterrupt):
            reader_for(data=PLAIN)

    def test_is_an_answer_that_broke_while_the_caller_handles_another_exception(
        self,
    ) -> None:
        # httptools loses it: Python puts the other exception in its place.
        try:
            raise ValueError
        except ValueError:
            with pytest.raises(BadAnswer, match="the reading was interrupted"):
                reader_for(data=PLAIN)
