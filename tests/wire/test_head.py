"""The head of a request and the framing of its body, compared with h11's."""

from __future__ import annotations

from typing import Any

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.wire.requests import (
    Pair,
    Request,
    read_by_server,
    request_with,
    written_by_h11,
    written_by_ours,
)
from support.world import LIBRARIES

from httpx_resilient._wire import head as head_module
from httpx_resilient._wire.errors import BadRequest
from httpx_resilient._wire.head import CHUNKED, BodyFrames, head_of

SECRET = "sk-12345"

libraries = pytest.mark.parametrize("library", LIBRARIES)

tokens = st.text("abcXYZ09-_.!~|", min_size=1, max_size=12)
texts = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=12)
paths = st.characters(
    min_codepoint=0x20, exclude_characters="?#\x7f", exclude_categories=["Cs"]
)
contents = st.one_of(
    st.none(),
    st.binary(max_size=40),
    st.lists(st.binary(max_size=20), max_size=4),
)


def built(library: str, content: bytes | list[bytes] | None, **fields: Any) -> Any:
    """A request as a client builds it. A list is a generator's body, in its parts."""
    httpx = LIBRARIES[library][0]
    body = iter(content) if isinstance(content, list) else content
    return httpx.Request(content=body, **fields)


def parts_of(content: bytes | list[bytes] | None) -> list[bytes]:
    return content if isinstance(content, list) else [content or b""]


class TestRequestsThatAClientBuilds:
    @libraries
    @settings(deadline=None)
    @given(
        method=st.sampled_from(
            ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "x-Y"]
        ),
        path=st.text(paths, max_size=12),
        query=st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2),
        headers=st.dictionaries(tokens, texts, max_size=4),
        content=contents,
    )
    def test_are_written_as_h11_writes_them(
        self,
        library: str,
        method: str,
        path: str,
        query: dict[str, str],
        headers: dict[str, str],
        content: bytes | list[bytes] | None,
    ) -> None:
        httpx = LIBRARIES[library][0]
        url = httpx.URL("http://example.com:8000").copy_with(params=query)
        url = url.copy_with(path="/" + path)
        request = built(library, content, method=method, url=url, headers=headers)
        parts = parts_of(content)

        written = written_by_ours(request, parts)

        assert written == written_by_h11(request, parts)
        assert written is not None
        read, body = read_by_server(written.data)
        assert read.method == method.upper().encode()
        assert read.target == url.raw_path
        assert sorted(read.headers.raw_items()) == sorted(request.headers.raw)
        assert body == b"".join(parts)

    @libraries
    def test_of_the_usual_kind_have_their_headers_in_order(self, library: str) -> None:
        httpx = LIBRARIES[library][0]
        with httpx.Client(headers={"X-Own": "1"}) as client:
            request = client.build_request("POST", "http://a/b?c=d", json={"e": 1})
        head = head_of(request)
        assert head.data.startswith(b"POST /b?c=d HTTP/1.1\r\nHost: a\r\nAccept: */*")
        assert head.data.endswith(b"\r\n\r\n")
        assert (head.length, head.closes) == (len(request.content), False)
        assert written_by_ours(request, [request.content]) == written_by_h11(
            request, [request.content]
        )


names = st.one_of(
    st.sampled_from(
        [b"Host", b"host", b"Content-Length", b"content-length", b"Transfer-Encoding"]
    ),
    st.sampled_from([b"Connection", b"connection", b"X", b"X-Y", b"Keep-Alive"]),
    st.binary(max_size=4),
)
values = st.one_of(
    st.sampled_from([b"x", b"2", b"2, 2", b"2,3", b"chunked", b"Chunked", b"gzip"]),
    st.sampled_from(
        [b"close", b"keep-alive", b"x, Close", b"closed", b"", b"0", b"+2"]
    ),
    st.text("02, \t\r\n\0\x0b\x0cabc:\x01\x7f", max_size=6).map(str.encode),
    st.binary(max_size=4),
)


class TestRequestsThatNobodyHasChecked:
    @settings(deadline=None)
    @given(
        pairs=st.lists(st.tuples(names, values), max_size=4),
        host=st.booleans(),
        method=st.one_of(
            st.sampled_from(["GET", "", "A B", "é", "a\n"]), st.text(max_size=3)
        ),
        path=st.one_of(
            st.sampled_from([b"/", b"*", b"", b"/ ", b"/\x7f"]), st.binary(max_size=3)
        ),
        parts=st.lists(st.binary(max_size=3), max_size=2),
    )
    def test_are_written_or_refused_as_h11_does(
        self,
        pairs: list[Pair],
        host: bool,
        method: str,
        path: bytes,
        parts: list[bytes],
    ) -> None:
        fields = {"method": method, "extensions": {"target": path}}
        self.check(request_with(*pairs, host=host, **fields), parts)

    @settings(deadline=None)
    @given(
        pairs=st.lists(st.tuples(names, values), max_size=4),
        parts=st.lists(st.binary(max_size=3), max_size=2),
    )
    def test_with_any_headers_are_written_or_refused_as_h11_does(
        self, pairs: list[Pair], parts: list[bytes]
    ) -> None:
        self.check(request_with(*pairs), parts)

    def check(self, request: Request, parts: list[bytes]) -> None:
        found = {name.lower() for name, _ in request.headers.raw}
        expected = written_by_h11(request, parts)
        if expected and {b"content-length", b"transfer-encoding"} <= found:
            # h11 writes both, which RFC 9112 §6.2 forbids.
            raw = request.headers.raw
            raw[:] = [pair for pair in raw if pair[0].lower() != b"content-length"]
            expected = written_by_h11(request, parts)
        assert written_by_ours(request, parts) == expected

    @pytest.mark.parametrize("byte", [*range(0x21), 0x7F, 0x85, 0xFF])
    @pytest.mark.parametrize("where", [b"%ba", b"a%b", b"a%bb"])
    def test_with_any_byte_in_a_value_are_written_or_refused_as_h11_does(
        self, byte: int, where: bytes
    ) -> None:
        self.check(request_with((b"X", where % bytes([byte])), (b"Y", b"1")), [])

    @pytest.mark.parametrize("byte", range(256))
    def test_with_any_byte_in_a_name_are_written_or_refused_as_h11_does(
        self, byte: int
    ) -> None:
        self.check(request_with((b"X" + bytes([byte]), b"1")), [])

    def test_have_one_header_host(self) -> None:
        for pairs in ([], [(b"Host", b"a"), (b"host", b"a")]):
            with pytest.raises(BadRequest, match=f"and this one has {len(pairs)}"):
                head_of(request_with(*pairs, host=False))


class TestTheTarget:
    @pytest.mark.parametrize("target", [b"*", "*", b"http://a/", "http://a/"])
    def test_is_that_of_the_extension(self, target: bytes | str) -> None:
        request = request_with(method="OPTIONS", extensions={"target": target})
        line = head_of(request).data.partition(b"\r\n")[0]
        expected = target.encode() if isinstance(target, str) else target
        assert line == b"OPTIONS %b HTTP/1.1" % expected

    @pytest.mark.parametrize("target", ["/ä", "/ ", "", b"/a b"])
    def test_has_visible_characters_of_ascii_only(self, target: bytes | str) -> None:
        with pytest.raises(BadRequest, match="illegal request target"):
            head_of(request_with(extensions={"target": target}))


class TestTheHeaderConnection:
    @pytest.mark.parametrize(
        ("value", "closes"),
        [
            (b"keep-alive", False), (b"close", True), (b"Close", True),
            (b"x ,\tCLOSE", True), (b"closed", False), (b"close x", False), (b"", False),
        ],
    )  # fmt: skip
    def test_closes_as_h11_understands_it(self, value: bytes, closes: bool) -> None:
        request = request_with((b"Connection", value))
        written = written_by_h11(request, [])
        assert written is not None
        assert (head_of(request).closes, not written.keeps) == (closes, closes)

    def test_closes_if_any_of_several_says_so(self) -> None:
        pairs = (b"Connection", b"close"), (b"connection", b"keep-alive")
        assert head_of(request_with(*pairs)).closes
        assert head_of(request_with(*reversed(pairs))).closes


class TestTheFraming:
    def test_is_that_of_chunks_if_there_is_a_length_too(self) -> None:
        pairs = (
            (b"Content-Length", b"2"),
            (b"transfer-encoding", b"Chunked"),
            (b"X", b"1"),
        )
        head = head_of(request_with(*pairs))
        lines = b"Host: x\r\ntransfer-encoding: chunked\r\nX: 1"
        assert head.data == b"GET / HTTP/1.1\r\n" + lines + b"\r\n\r\n"
        assert head.length == CHUNKED

    def test_is_no_body_if_the_headers_say_nothing(self) -> None:
        assert head_of(request_with()).length == 0

    def test_stands_where_its_header_stood(self) -> None:
        pairs = (
            (b"A", b"1"),
            (b"Content-Length", b"2, 2"),
            (b"B", b"1"),
            (b"Host", b"h"),
        )
        head = head_of(request_with(*pairs, host=False))
        lines = b"Host: h\r\nA: 1\r\nContent-Length: 2\r\nB: 1"
        assert head.data == b"GET / HTTP/1.1\r\n" + lines + b"\r\n\r\n"

    def test_has_no_chunk_for_an_empty_part(self) -> None:
        frames = BodyFrames(CHUNKED)
        assert frames.frame(b"") == b""
        assert frames.frame(b"x" * 17) == b"11\r\n" + b"x" * 17 + b"\r\n"
        assert frames.frame(memoryview(b"ok")) == b"2\r\nok\r\n"
        assert frames.end() == b"0\r\n\r\n"

    @pytest.mark.parametrize(
        "parts", [[b"abc"], [b"ab", b"c"], [b"ab", b"", b"c", b""]]
    )
    def test_counts_a_body_that_has_a_length(self, parts: list[bytes]) -> None:
        frames = BodyFrames(3)
        assert [frames.frame(part) for part in parts] == parts
        assert frames.end() == b""

    def test_refuses_more_than_the_length(self) -> None:
        frames = BodyFrames(3)
        frames.frame(b"ab")
        with pytest.raises(
            BadRequest, match=self.message_of_h11([b"ab"], h11.Data(data=b"cd"))
        ):
            frames.frame(b"cd")

    def test_refuses_less_than_the_length(self) -> None:
        frames = BodyFrames(3)
        frames.frame(b"ab")
        with pytest.raises(
            BadRequest, match=self.message_of_h11([b"ab"], h11.EndOfMessage())
        ):
            frames.end()

    def message_of_h11(self, parts: list[bytes], refused: h11.Event) -> str:
        """What h11 says of an event behind these parts of a body of three bytes."""
        connection = h11.Connection(h11.CLIENT)
        headers = [("Host", "x"), ("Content-Length", "3")]
        connection.send(h11.Request(method="PUT", target="/", headers=headers))
        for part in parts:
            connection.send(h11.Data(data=part))
        with pytest.raises(h11.LocalProtocolError) as raised:
            connection.send(refused)
        return str(raised.value)


class TestMessages:
    @pytest.mark.parametrize(
        ("pair", "expected"),
        [
            ((b"X", SECRET.encode() + b"\n"), "illegal value of the header X"),
            ((b"X", b" " + SECRET.encode()), "illegal value of the header X"),
            ((b"X", SECRET.encode() + b"\x00"), "illegal value of the header X"),
            (
                (b"Authorization: Bearer " + SECRET.encode(), b""),
                "illegal name of a header, which begins with 'Authorization'",
            ),
            ((b"\xff" + SECRET.encode(), b"1"), "illegal name of a header, which begins with ''"),
            ((b"Content-Length", SECRET.encode()), "bad or conflicting Content-Length"),
            (
                (b"Transfer-Encoding", SECRET.encode()),
                "only one Transfer-Encoding is supported: chunked",
            ),
        ],
    )  # fmt: skip
    def test_quote_no_value(self, pair: Pair, expected: str) -> None:
        with pytest.raises(BadRequest) as raised:
            head_of(request_with(pair))
        assert str(raised.value) == expected

    def test_quote_the_method(self) -> None:
        with pytest.raises(BadRequest, match="illegal method: 'A B'"):
            head_of(request_with(method="A B"))


class TestNamesThatWereChecked:
    @pytest.fixture(autouse=True)
    def _of_this_test(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(head_module, "_known_names", {})

    def test_are_remembered_up_to_a_number(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(head_module, "_MAX_NAMES", 2)
        for name in (b"Host", b"A", b"B", b"B"):
            head_of(request_with((name, b"1"), host=name != b"Host"))
        assert set(head_module._known_names) == {b"Host", b"A"}

    def test_are_forgotten_if_they_are_illegal(self) -> None:
        for _ in range(2):
            with pytest.raises(BadRequest, match="illegal name"):
                head_of(request_with((b"A B", b"1")))
