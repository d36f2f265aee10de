from __future__ import annotations

import httpx
import pytest
from core.resuming.answers import NEW, NOW, OLD, answer, said

from httpx_resilient._core.resuming.representation import (
    Representation,
    content_length,
    representation_of,
)


def test_everything_that_an_answer_says_is_read() -> None:
    assert said(
        206,
        etag='"a"',
        last_modified=OLD,
        date=NOW,
        content_encoding="GZIP",
        content_type="Text/Plain; charset=utf-8",
        content_length="10",
        content_range="bytes 5-14/20",
    ) == Representation(
        status=206,
        etag='"a"',
        last_modified=OLD,
        date=NOW,
        encoding="gzip",
        media_type="text/plain",
        length=10,
        first=5,
        last=14,
        total=20,
    )


@pytest.mark.parametrize(
    ("status", "headers", "position"),
    [
        (200, {}, (0, None, None)),
        (200, {"content_length": "10"}, (0, 9, 10)),
        (200, {"content_length": "0"}, (0, -1, 0)),
        (200, {"content_length": "ten"}, (0, None, None)),
        (200, {"content_length": "5", "transfer_encoding": "chunked"}, (0, None, None)),
        (200, {"content_range": "bytes 1-2/3"}, (0, None, None)),
        (206, {}, (None, None, None)),
        (206, {"content_range": "bytes */3"}, (None, None, None)),
        (206, {"content_range": "bytes 1-2/*"}, (1, 2, None)),
        (416, {"content_range": "bytes */3"}, (None, None, 3)),
        (416, {"content_range": "bytes 1-2/3"}, (None, None, None)),
        (503, {"content_length": "3"}, (None, None, None)),
    ],
)
def test_the_position_of_a_body(
    status: int, headers: dict[str, str], position: tuple[int | None, ...]
) -> None:
    read = said(status, **headers)
    assert (read.first, read.last, read.total) == position


@pytest.mark.parametrize(
    ("headers", "validator"),
    [
        ({"etag": '"a"'}, '"a"'),
        ({"etag": '""'}, '""'),
        ({"etag": 'W/"a"'}, None),
        ({"etag": "a"}, None),
        ({"etag": '"a b"'}, None),
        ({"etag": '"a", "b"'}, None),
        ({"etag": '"a"', "last_modified": OLD, "date": NOW}, '"a"'),
        ({"etag": 'W/"a"', "last_modified": OLD, "date": NOW}, OLD),
        ({"last_modified": OLD, "date": NOW}, OLD),
        ({"last_modified": OLD}, None),
        ({"last_modified": NEW, "date": NEW}, None),
        ({"last_modified": NOW, "date": NEW}, None),
        ({"last_modified": "yesterday", "date": NOW}, None),
        ({"last_modified": OLD, "date": "today"}, None),
        (
            {
                "last_modified": "Tue, 01 Dec 2026 09:59:01 GMT",
                "date": "Tue, 01 Dec 2026 10:00:00 GMT",
            },
            None,
        ),
        (
            {
                "last_modified": "Tue, 01 Dec 2026 09:59:00 GMT",
                "date": "Tue, 01 Dec 2026 10:00:00 GMT",
            },
            "Tue, 01 Dec 2026 09:59:00 GMT",
        ),
        ({}, None),
    ],
)
def test_only_a_strong_etag_or_a_clearly_older_date_validates(
    headers: dict[str, str], validator: str | None
) -> None:
    assert said(**headers).validator == validator


@pytest.mark.parametrize(
    ("headers", "described"),
    [
        ({"etag": '"a"', "last_modified": OLD}, 'ETag "a"'),
        ({"etag": 'W/"a"'}, 'ETag W/"a"'),
        ({"last_modified": OLD}, f"Last-Modified {OLD}"),
        ({}, "no validator"),
    ],
)
def test_a_version_is_described_by_its_validator(
    headers: dict[str, str], described: str
) -> None:
    assert said(**headers).described == described


def test_a_field_with_two_values_says_nothing() -> None:
    twice = answer()
    twice.headers.raw = [
        (b"ETag", b'"a"'), (b"etag", b'"b"'), (b"ETAG", b'"a"'),
        (b"content-length", b"5"), (b"Content-Length", b"5"), (b"Server", b"x"),
    ]  # fmt: skip
    read = representation_of(twice)
    assert read.etag is None
    assert read.length == 5


def test_an_encoding_in_two_lines_is_one_list() -> None:
    twice = answer()
    twice.headers.raw = [
        (b"Content-Encoding", b"br"), (b"Content-Encoding", b"GZIP")
    ]  # fmt: skip
    assert representation_of(twice).encoding == "br, gzip"
    assert said(content_encoding="identity").encoding == ""


@pytest.mark.parametrize(
    ("headers", "length"),
    [
        ([], None),
        ([(b"Server", b"x"), (b"Content-Length", b"12")], 12),
        ([(b"content-length", b"12"), (b"Content-Length", b"12")], 12),
        ([(b"content-length", b"12"), (b"Content-Length", b"13")], None),
        ([(b"content-length", b"12"), (b"Transfer-Encoding", b"chunked")], None),
        ([(b"content-length", b"-1")], None),
    ],
)
def test_the_length_that_a_body_must_have(
    headers: list[tuple[bytes, bytes]], length: int | None
) -> None:
    assert content_length(httpx.Headers(headers)) == length
    plain = answer()
    plain.headers.raw = headers
    assert content_length(plain.headers) == length
