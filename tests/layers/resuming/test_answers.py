"""Answers that prove less than they seem to, and what is told of them."""

from __future__ import annotations

import ssl
from typing import Any

import httpx
from layers.resuming.in_memory import (
    BODY,
    Broken,
    cutting,
    file,
    note_of,
    opened,
    read,
    transport_of,
)

from httpx_resilient import (
    explain,
)


def test_a_length_is_checked_where_a_server_ends_a_body_in_peace() -> None:
    short = httpx.Response(
        200, headers={"content-length": "9"}, stream=Broken([b"abc", b"def"])
    )
    response, io = opened(lambda _: short, transport_of(lambda _: short, max_reread=0))
    found, error = read(response)
    assert (found, len(io.sent)) == (b"abcdef", 1)
    assert isinstance(error, httpx.RemoteProtocolError)
    assert str(error) == "the body ended after 6 bytes of 9"


def test_a_range_without_a_length_has_that_of_its_content_range() -> None:
    """As of a server of HTTP/1.0, whose body ends with the connection."""
    asked: list[str] = []

    def serve(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers["range"])
        first = 10 * len(asked)
        told = {"etag": '"a"', "content-range": f"bytes {first}-29/100"}
        short = Broken([BODY[first : first + 10]])
        return httpx.Response(206, headers=told, stream=short)

    request = httpx.Request(
        "GET", "https://example.org/", headers={"range": "bytes=10-29"}
    )
    response, _ = opened(serve, request=request)
    assert read(response) == (BODY[10:30], None)
    assert asked == ["bytes=10-29", "bytes=20-29"]


def test_explain_tells_offset_reason_validator_and_bytes_read_twice() -> None:
    serve = cutting(file(ranges=False), 7)
    response, _ = opened(serve)
    response.request = httpx.Request("GET", "https://example.org/")
    read(response)
    told = explain(response).splitlines()
    assert "ReadError after 30 bytes" in told[1]
    assert 'asked for rest from 30, goes on by ETag "a", 30 bytes read again' in told[2]


def test_bytes_after_the_end_that_was_told_are_not_handed_out() -> None:
    tail = {"etag": '"a"', "content-range": "bytes 30-59/100"}

    def serve(request: httpx.Request) -> httpx.Response:
        asked = request.headers.get("range")
        if asked is None:
            head = {"etag": '"a"', "content-length": "100"}
            broken = Broken([BODY[:30]], httpx.ReadError("cut"))
            return httpx.Response(200, headers=head, stream=broken)
        if asked == "bytes=30-":
            chunks = Broken([BODY[30:50], BODY[50:70], b"junk"])
            return httpx.Response(206, headers=tail, stream=chunks)
        assert asked == "bytes=60-"
        last = {"etag": '"a"', "content-range": "bytes 60-99/100"}
        return httpx.Response(206, headers=last, stream=Broken([BODY[60:], b"junk"]))

    response, io = opened(serve)
    assert read(response) == (BODY, None)
    assert len(io.sent) == 3


def test_a_total_that_another_answer_tells_is_believed_only_once_it_is_the_same() -> (
    None
):
    made: list[Any] = []

    def serve(request: httpx.Request) -> httpx.Response:
        made.append(request)
        if len(made) == 1:  # chunked, and cut: there were 100 bytes more
            return httpx.Response(200, stream=Broken([BODY], httpx.ReadError("cut")))
        head = {"content-length": "100"}
        broken = Broken([bytes(30)], httpx.ReadError("cut"))
        return httpx.Response(200, headers=head, stream=broken)

    response, io = opened(serve)
    found, error = read(response)
    assert (found, len(io.sent)) == (BODY, 6)
    assert isinstance(error, httpx.ReadError)


def test_bytes_before_a_range_of_the_caller_count_as_read_again() -> None:
    def serve(request: httpx.Request) -> httpx.Response:
        head = {"etag": '"a"', "content-length": "100"}
        if "if-range" in request.headers:
            return httpx.Response(200, headers=head, stream=Broken([BODY]))
        head = {"etag": '"a"', "content-range": "bytes 50-99/100"}
        broken = Broken([BODY[50:60]], httpx.ReadError("cut"))
        return httpx.Response(206, headers=head, stream=broken)

    request = httpx.Request("GET", "https://a.example/", headers={"Range": "bytes=50-"})
    response, _ = opened(serve, transport_of(serve, max_reread=59), request)
    found, error = read(response)
    assert found == BODY[50:60]
    assert "to read 60 bytes again is more than max_reread=59" in note_of(error)
    response, _ = opened(serve, transport_of(serve, max_reread=60), request)
    assert read(response) == (BODY[50:], None)


def test_the_weak_form_of_an_etag_proves_nothing_where_there_is_no_hash() -> None:
    def serve(request: httpx.Request) -> httpx.Response:
        if "if-range" in request.headers:
            head = {"etag": 'W/"a"', "content-length": "100"}
            return httpx.Response(200, headers=head, stream=Broken([BODY]))
        head = {"etag": '"a"', "content-length": "100"}
        parts = [BODY[:10], BODY[10:20]]
        broken = Broken(parts, httpx.ReadError("cut"))
        return httpx.Response(200, headers=head, stream=broken)

    response, io = opened(serve)
    found, error = read(response)
    assert (found, len(io.sent)) == (BODY[:20], 2)
    assert "nothing proves that it is the same version" in note_of(error)


def test_a_get_with_a_body_of_its_own_is_not_sent_again() -> None:
    serve = cutting(file(), 7)
    request = httpx.Request("GET", "https://a.example/", content=iter([b"once"]))
    response, io = opened(serve, None, request)
    found, error = read(response)
    assert (found, len(io.sent)) == (BODY[:30], 1)
    assert "its request has a body that may not be sent again" in note_of(error)


def test_an_error_that_leaks_through_the_library_is_named_as_its_own() -> None:
    leaked = ssl.SSLError("bad record")
    answer = httpx.Response(200, stream=Broken([b"a"], leaked))
    response, _ = opened(
        lambda _: answer, transport_of(lambda _: answer, max_resumes=0)
    )
    found, error = read(response)
    assert found == b"a"
    assert isinstance(error, httpx.ReadError)
    assert error.__cause__ is leaked


def test_a_body_of_unknown_length_that_ends_after_a_part_is_asked_for_once_more() -> (
    None
):
    def serve(request: httpx.Request) -> httpx.Response:
        head = {"etag": '"a"'}
        asked = request.headers.get("range")
        if asked is None:
            broken = Broken([BODY[:10]], httpx.ReadError("cut"))
            return httpx.Response(200, headers=head, stream=broken)
        if asked == "bytes=10-":
            head |= {"content-range": "bytes 10-19/*"}
            return httpx.Response(206, headers=head, stream=Broken([BODY[10:20]]))
        assert asked == "bytes=20-"
        head |= {"content-range": "bytes */20"}
        return httpx.Response(416, headers=head, stream=Broken([]))

    response, io = opened(serve)
    assert read(response) == (BODY[:20], None)
    assert len(io.sent) == 3
