from __future__ import annotations

import pytest
from core.resuming.answers import NOW, OLD, said

from httpx_resilient._core.resuming.eligibility import why_final
from httpx_resilient._core.resuming.range_request import (
    asks_for_one_range,
    can_ask_for_the_rest,
    reread_headers,
    rest_headers,
)
from httpx_resilient._core.resuming.representation import Representation

GIVEN = [
    (b"Host", b"a"), (b"Accept-Encoding", b"gzip, br"), (b"range", b"bytes=-80"),
    (b"If-Range", b'"old"'), (b"if-none-match", b'"x"'), (b"If-Modified-Since", b"y"),
    (b"If-Match", b'"a"'), (b"Cookie", b"c=1"),
]  # fmt: skip
STAYS = [(b"Host", b"a"), (b"If-Match", b'"a"'), (b"Cookie", b"c=1")]
PLAIN = (b"Accept-Encoding", b"identity")
WHOLE = said(etag='"a"', content_length="100")
SUFFIX = said(206, etag='"a"', content_range="bytes 20-99/100")


@pytest.mark.parametrize(
    ("first", "asked"),
    [
        (WHOLE, b"bytes=30-"),
        (SUFFIX, b"bytes=30-99"),
        (said(206, etag='"a"', content_range="bytes 20-39/*"), b"bytes=30-39"),
    ],
)
def test_a_request_for_the_rest(first: Representation, asked: bytes) -> None:
    expected = [*STAYS, PLAIN, (b"Range", asked), (b"If-Range", b'"a"')]
    assert rest_headers(GIVEN, first, 30) == expected


def test_a_date_is_a_validator_too() -> None:
    dated = said(last_modified=OLD, date=NOW)
    assert rest_headers([], dated, 1)[-1] == (b"If-Range", OLD.encode())


def test_beside_an_etag_a_date_is_no_validator_of_if_range() -> None:
    dated = said(etag='W/"a"', last_modified=OLD, date=NOW)
    given = [(b"if-unmodified-since", NOW.encode())]
    expected = [
        PLAIN, (b"Range", b"bytes=1-"), (b"If-Unmodified-Since", OLD.encode()),
    ]  # fmt: skip
    assert rest_headers(given, dated, 1) == expected


def test_a_request_for_everything_once_more() -> None:
    assert reread_headers(GIVEN, WHOLE) == [*STAYS, PLAIN]
    ranged = [*STAYS, PLAIN, (b"Range", b"bytes=20-99")]
    assert reread_headers(GIVEN, SUFFIX) == ranged


def test_a_body_that_was_encoded_is_asked_for_in_the_same_encodings() -> None:
    encoded = said(etag='"a"', content_encoding="gzip")
    kept = [GIVEN[0], GIVEN[1], *STAYS[1:]]
    assert reread_headers(GIVEN, encoded) == kept


@pytest.mark.parametrize(
    ("value", "is_single"),
    [
        (b"bytes=0-9", True),
        (b"bytes=10-", True),
        (b"bytes=-10", True),
        (b" Bytes = 0 - 9 ", True),
        (b"bytes=0-9,20-29", False),
        (b"bytes=0-9, ", False),
        (b"bytes=-", False),
        (b"items=0-9", False),
    ],
)
def test_only_a_single_range_of_bytes_can_be_gone_on_with(
    value: bytes, is_single: bool
) -> None:
    assert asks_for_one_range([(b"RANGE", value)]) is is_single


def test_two_ranges_in_two_lines_are_several() -> None:
    assert not asks_for_one_range([(b"range", b"bytes=0-1"), (b"range", b"bytes=2-3")])
    assert asks_for_one_range([(b"host", b"a")])


@pytest.mark.parametrize(
    ("headers", "can"),
    [
        ({"etag": '"a"'}, True),
        ({"etag": 'W/"a"'}, False),
        ({"etag": '"a"', "content_encoding": "gzip"}, False),
        ({"last_modified": OLD, "date": NOW}, True),
        ({}, False),
    ],
)
def test_a_range_needs_a_validator_and_plain_bytes(
    headers: dict[str, str], can: bool
) -> None:
    assert can_ask_for_the_rest(said(**headers)) is can


@pytest.mark.parametrize(
    ("method", "asked", "first", "reason"),
    [
        ("GET", None, said(), None),
        ("GET", b"bytes=0-9", said(206, content_range="bytes 0-9/20"), None),
        ("GET", b"bytes=0-9,11-", said(), "several ranges were asked for"),
        ("HEAD", None, said(), "a body of HEAD is never read again"),
        ("POST", None, said(), "a body of POST is never read again"),
        ("GET", None, said(204), "the answer is 204, not 200 or 206"),
        ("GET", None, said(101), "the answer is 101, not 200 or 206"),
        ("GET", None, said(404), "the answer is 404, not 200 or 206"),
        (
            "GET", None, said(content_type="text/event-stream; charset=utf-8"),
            "an event stream has no positions",
        ),
        (
            "GET", None, said(206, content_type="multipart/byteranges; boundary=x"),
            "several ranges were asked for",
        ),
        ("GET", None, said(206), "the 206 has no valid Content-Range"),
        (
            "GET", None, said(206, content_range="bytes 0-9/20", content_length="9"),
            "its Content-Length contradicts its Content-Range",
        ),
        (
            "GET", None, said(206, content_range="bytes 0-9/20", content_length="10"),
            None,
        ),
    ],
)  # fmt: skip
def test_which_bodies_are_final(
    method: str, asked: bytes | None, first: Representation, reason: str | None
) -> None:
    headers = [] if asked is None else [(b"Range", asked)]
    assert why_final(method, headers, first) == reason
