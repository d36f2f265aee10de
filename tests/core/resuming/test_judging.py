from __future__ import annotations

from typing import Any

import pytest
from core.resuming.answers import NEW, NOW, OLD, said

from httpx_resilient._core.resuming.judgements import (
    Anew,
    Changed,
    Complete,
    Judgement,
    Refused,
    Reread,
    Spliced,
    Unavailable,
)
from httpx_resilient._core.resuming.judging import judge

STRONG: dict[str, str] = {"etag": '"a"', "last_modified": OLD, "date": NOW}
DATED = {"etag": 'W/"a"', "last_modified": OLD, "date": NOW}
WEAK = {"etag": 'W/"a"', "last_modified": NEW, "date": NEW}
NONE: dict[str, str] = {}
REST = {"content_range": "bytes 30-99/100", "content_length": "70"}
ALL = {"content_length": "100"}
SPLICED = Spliced(30, 99, 100)


def judged(
    first: dict[str, str], status: int, answer: dict[str, Any], offset: int = 30
) -> Judgement:
    """Judge an answer to a request for the rest of 100 bytes, from 30 on."""
    return judge(
        said(**{"content_length": "100"} | first), offset, said(status, **answer)
    )


@pytest.mark.parametrize(
    ("first", "status", "answer", "judgement"),
    [
        # Proofs.
        (STRONG, 206, STRONG | REST, SPLICED),
        (STRONG, 206, {"etag": '"a"'} | REST, SPLICED),
        (DATED, 206, DATED | REST, SPLICED),
        (STRONG, 206, STRONG | {"content_range": "bytes 30-59/100"}, Spliced(30, 59, 100)),
        (STRONG, 200, STRONG | ALL, Anew(0, 99, 100, is_proven=True)),
        (DATED, 200, DATED | ALL, Anew(0, 99, 100, is_proven=True)),
        (WEAK, 200, WEAK | ALL, Anew(0, 99, 100, is_proven=False)),
        (NONE, 200, ALL, Anew(0, 99, 100, is_proven=False)),
        (NONE, 200, {}, Anew(0, None, None, is_proven=False)),
        # The same ETag in its weak form, or with another date, proves nothing.
        (STRONG, 200, {"etag": 'W/"a"'} | ALL, Anew(0, 99, 100, is_proven=False)),
        (STRONG, 206, {"etag": 'W/"a"'} | REST, Reread),
        (STRONG, 206, STRONG | REST | {"last_modified": NEW}, Reread),
        (STRONG, 206, REST, Reread),
        (WEAK, 206, WEAK | REST, Reread),
        (NONE, 206, REST, Reread),
        (DATED, 206, DATED | REST | {"etag": 'W/"b"'}, Reread),
        # A part that is not the one asked for, or that contradicts itself.
        (STRONG, 206, STRONG | {"content_range": "bytes 31-99/100"}, Reread),
        (STRONG, 206, STRONG | {"content_range": "bytes 10-99/100"}, Reread),
        (STRONG, 206, STRONG | REST | {"content_length": "69"}, Reread),
        (STRONG, 206, STRONG | {"content_range": "bytes 30-99/*"}, Reread),
        (STRONG, 206, STRONG | {"content_range": "bytes 30-100/*"}, Reread),
        (STRONG, 206, STRONG | {"content_range": "nonsense"}, Reread),
        (STRONG, 206, STRONG, Reread),
        (STRONG, 206, STRONG | {"content_type": "multipart/byteranges; boundary=x"}, Reread),
        (STRONG, 206, STRONG | REST | {"content_encoding": "gzip"}, Reread),
        (STRONG, 200, STRONG | {"content_length": "40", "content_encoding": "gzip"}, Reread),
        (STRONG | {"content_encoding": "gzip"}, 206, STRONG | REST, Reread),
        # A range of gzip may be one of the plain bytes, compressed (caddy 2.6).
        (
            STRONG | {"content_encoding": "gzip"}, 206,
            STRONG | REST | {"content_encoding": "gzip"}, Reread,
        ),
        (
            STRONG | {"content_encoding": "gzip"}, 200,
            STRONG | ALL | {"content_encoding": "gzip"},
            Anew(0, 99, 100, is_proven=False),
        ),
        # Another version.
        (STRONG, 206, STRONG | REST | {"etag": '"b"'}, Changed),
        (STRONG, 200, STRONG | ALL | {"etag": '"b"'}, Changed),
        (DATED, 200, DATED | ALL | {"last_modified": NEW}, Changed),
        (DATED, 206, DATED | REST | {"last_modified": NEW}, Changed),
        (STRONG, 206, STRONG | {"content_range": "bytes 30-100/101"}, Changed),
        (WEAK, 200, WEAK | {"content_length": "101"}, Changed),
        (STRONG, 412, {}, Changed),
        # 416.
        (STRONG, 416, {}, Reread),
        (STRONG, 416, {"content_range": "bytes */100"}, Reread),
        (STRONG, 416, {"content_range": "bytes */20"}, Changed),
        # Other statuses.
        (STRONG, 503, {}, Unavailable("answered 503")),
        (STRONG, 429, {}, Unavailable("answered 429")),
        (STRONG, 302, {}, Refused("answered 302")),
        (STRONG, 304, {}, Refused("answered 304")),
        (STRONG, 403, {}, Refused("answered 403")),
        (STRONG, 404, {}, Refused("answered 404")),
        (STRONG, 204, {}, Refused("answered 204")),
    ],
)  # fmt: skip
def test_an_answer_is_used_only_with_every_proof(
    first: dict[str, str],
    status: int,
    answer: dict[str, str],
    judgement: Judgement | type[Judgement],
) -> None:
    found = judged(first, status, answer)
    if isinstance(judgement, type):
        assert isinstance(found, judgement)
    else:
        assert found == judgement


@pytest.mark.parametrize(
    ("total", "judgement"),
    [
        ("bytes */30", Complete(30)),
        ("bytes */29", Changed),
        ("bytes */31", Reread),
    ],
)
def test_a_416_may_prove_that_a_body_of_unknown_length_is_complete(
    total: str, judgement: Judgement | type[Judgement]
) -> None:
    found = judge(said(**STRONG), 30, said(416, content_range=total))
    assert found == judgement or (
        isinstance(judgement, type) and isinstance(found, judgement)
    )


def test_a_416_of_another_version_proves_nothing_of_this_one() -> None:
    other = said(416, etag='"b"', content_range="bytes */30")
    assert isinstance(judge(said(**STRONG), 30, other), Changed)


def test_what_has_changed_is_named_with_both_validators() -> None:
    found = judged(STRONG, 206, STRONG | REST | {"etag": '"b"'})
    assert found == Changed('has other content: ETag "a" became ETag "b"')
    longer = judged(STRONG, 206, STRONG | {"content_range": "bytes 30-1999/2000"})
    assert longer == Changed(
        'has other content: 100 bytes became 2,000 (ETag "a", then ETag "a")'
    )


@pytest.mark.parametrize("first", [STRONG, WEAK, NONE])
def test_before_the_first_byte_only_the_headers_can_contradict(
    first: dict[str, str],
) -> None:
    assert judged(first, 200, first | ALL, 0) == Spliced(0, 99, 100)
    other = first | {"etag": '"other"'}
    assert isinstance(judged(first, 200, other | ALL, 0), Changed)


PART = STRONG | {"content_range": "bytes 20-59/100", "content_length": "40"}


@pytest.mark.parametrize(
    ("status", "answer", "judgement"),
    [
        (206, {"content_range": "bytes 30-59/100"}, Spliced(30, 59, 100)),
        (206, {"content_range": "bytes 20-59/100"}, Anew(20, 59, 100, is_proven=True)),
        (206, {"content_range": "bytes 30-60/100"}, Reread),
        (206, {"content_range": "bytes 25-59/100"}, Reread),
        (200, {"content_length": "100"}, Anew(0, 99, 100, is_proven=True)),
    ],
)
def test_the_rest_of_a_range_that_the_caller_has_asked_for(
    status: int, answer: dict[str, str], judgement: Judgement | type[Judgement]
) -> None:
    found = judge(said(206, **PART), 30, said(status, **STRONG | answer))
    assert found == judgement or (
        isinstance(judgement, type) and isinstance(found, judgement)
    )


def test_a_whole_answer_before_the_first_byte_of_a_range_is_read_up_to_it() -> None:
    found = judge(said(206, **PART), 20, said(200, **STRONG | ALL))
    assert found == Anew(0, 99, 100, is_proven=True)
