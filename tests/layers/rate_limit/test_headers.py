"""Reading the quotas of servers, each in its own fields."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from httpx_resilient._core.hints.quotas import _COUNTERS
from httpx_resilient._layers.rate_limit.headers import (
    MAX_SECONDS,
    ServerQuota,
    read_quota,
)

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
DATE = "Sat, 21 Nov 2026 12:00:00 GMT"
SOON = NOW + timedelta(seconds=30)
EPOCH = str(int(SOON.timestamp()))


def read(
    status: int = 200, extensions: dict[str, Any] | None = None, **fields: str
) -> ServerQuota | None:
    raw = [(k.replace("_", "-").encode(), v.encode()) for k, v in fields.items()]
    response = httpx.Response(status, headers=raw, extensions=extensions or {})
    found = read_quota(response, NOW.timestamp)
    return found and found._replace(bucket=None)


def quota(left: int, seconds: float) -> ServerQuota:
    return ServerQuota(None, left, seconds)


# The draft standard.


@pytest.mark.parametrize(
    ("limits", "policy", "expected"),
    [
        ('"default";r=50;t=30', "", quota(50, 30)),
        ("default;r=50;t=30", "", quota(50, 30)),  # a token, as drafts have considered
        ('"a";r=50;t=30, "b";r=3;t=90', "", quota(3, 90)),
        ('"a";r=0;t=30, "b";r=0;t=90', "", quota(0, 90)),
        ('"a";r=5;t=30;pk=:YWJj:;acme-x="y"', "", quota(5, 30)),
        ('"a";r=0', '"a";q=100;w=60', quota(0, 60)),
        ('"a";r=0', '"b";q=100;w=60', None),
        ('"a";r=0', "", None),
        ('"a";r=0;t=9', '"a";q=9;qu="requests"', quota(0, 9)),
        ('"a";r=0;t=9', '"a";q=9;qu="request"', quota(0, 9)),
        ('"a";r=0;t=9', '"a";q=9;qu="content-bytes"', None),
        ('"a";r=0;t=9', '"a";q=9;qu="concurrent-requests"', None),
        ('"a";r=0;t=9, "b";r=2;t=9', '"a";q=9;qu="content-bytes"', quota(2, 9)),
        ('"a";r=0;t=9', '"malformed', quota(0, 9)),
        ("limit=100, remaining=50, reset=5", "100;w=60", quota(50, 5)),  # draft 07
        ("limit=100, remaining=50", "", None),
    ],
)
def test_ratelimit_fields_are_read(
    limits: str, policy: str, expected: ServerQuota | None
) -> None:
    fields = {"RateLimit_Policy": policy} if policy else {}
    assert read(RateLimit=limits, **fields) == expected


@pytest.mark.parametrize(
    "limits",
    [
        "", "nonsense", '"a', '"a";r', '"a";r=x;t=3', '"a";r="1";t=3', '"a";r=1.5;t=3',
        '"a";r=-1;t=3', '"a";r=1;t=-3', '"a";r=1;t=0', '"a";r=?1;t=3', '("a" "b");r=1',
        '"a";r=1;t=@5', "remaining=(1 2), reset=5", "remaining, reset", "42", "ä",
    ],
)  # fmt: skip
def test_a_malformed_ratelimit_field_is_ignored(limits: str) -> None:
    assert read(RateLimit=limits) is None


def test_a_ratelimit_field_may_have_several_lines() -> None:
    raw = [(b"RateLimit", b'"a";r=50;t=30'), (b"ratelimit", b'"b";r=3;t=90')]
    response = httpx.Response(200, headers=raw)
    assert read_quota(response, NOW.timestamp) == ServerQuota(None, 3, 90, "b")


@pytest.mark.parametrize(
    ("fields", "bucket"),
    [
        ({"X-RateLimit-Resource": "search"}, "search"),
        ({"X-RateLimit-Bucket": "abcd"}, "abcd"),
        ({"RateLimit-Reason": "jira-burst-based"}, "jira-burst-based"),
        ({"RateLimit": '"api";r=0;t=30'}, "api"),
        ({}, None),
    ],
)
@pytest.mark.parametrize("status", [200, 429])
def test_the_server_may_name_the_quota(
    fields: dict[str, str], bucket: str | None, status: int
) -> None:
    counted = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "30"}
    response = httpx.Response(status, headers=counted | fields)
    found = read_quota(response, NOW.timestamp)
    assert found is not None
    assert found.bucket == bucket


# The fields of each API.


@pytest.mark.parametrize(
    ("name", "remaining", "reset", "value", "left"),
    [
        ("drafts to 06", "RateLimit-Remaining", "RateLimit-Reset", "30", "8"),
        ("GitLab", "RateLimit-Remaining", "RateLimit-Reset", EPOCH, "8"),
        ("GitHub", "X-RateLimit-Remaining", "X-RateLimit-Reset", EPOCH, "8"),
        ("Envoy", "x-ratelimit-remaining", "x-ratelimit-reset", "30", "8"),
        ("Reddit", "X-Ratelimit-Remaining", "X-Ratelimit-Reset", "30", "8.0"),
        ("Upstash", "X-RateLimit-Remaining", "X-RateLimit-Reset", EPOCH + "000", "8"),
        ("Jira", "X-RateLimit-Remaining", "X-RateLimit-Reset", "2026-11-21T12:00:30Z", "8"),
        ("no zone", "X-RateLimit-Remaining", "X-RateLimit-Reset", "2026-11-21T12:00:30", "8"),
        ("Discord", "X-RateLimit-Remaining", "X-RateLimit-Reset-After", "30.0", "8"),
        ("Confluence", "X-RateLimit-Remaining", "X-RateLimit-Interval-Seconds", "30", "8"),
        ("X, Okta", "x-rate-limit-remaining", "x-rate-limit-reset", EPOCH, "8"),
        ("OpenAI", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests", "30s", "8"),
        ("Azure", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests", "30", "8"),
        ("Anthropic", "anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset", "2026-11-21T13:00:30+01:00", "8"),
    ],
)  # fmt: skip
def test_the_fields_of_an_api_are_read(
    name: str, remaining: str, reset: str, value: str, left: str
) -> None:
    assert read(**{remaining: left, reset: value, "Date": DATE}) == quota(8, 30)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("6m0s", 360),
        ("1s", 1),
        ("12ms", 0.012),
        ("2m59.56s", 179.56),
        ("1h2m3s", MAX_SECONDS),
        ("Sat Nov 21 2026 13:00:05 GMT+0100 (Central European Time)", 5),
        ("Sat, 21 Nov 2026 12:00:06 GMT", 6),
        ("6000", 6),  # in milliseconds, as Prisjakt sends it
        ("1d", MAX_SECONDS),
    ],
)
def test_a_reset_may_have_another_form(value: str, expected: float) -> None:
    fields = {"remaining": "0", "reset": value}
    found = read(**{f"x-ratelimit-{k}-requests": v for k, v in fields.items()})
    assert found == quota(0, pytest.approx(expected))


def test_a_date_counts_from_the_date_of_the_response_or_from_the_local_clock() -> None:
    counted = {"X_RateLimit_Remaining": "1", "X_RateLimit_Reset": EPOCH}
    assert read(**counted) == quota(1, 30)
    assert read(**counted, Date="Sat, 21 Nov 2026 12:00:10 GMT") == quota(1, 20)
    assert read(**counted, Date="not a date") == quota(1, 30)


def test_the_more_precise_of_two_resets_is_read() -> None:
    found = read(
        X_RateLimit_Remaining="0",
        X_RateLimit_Reset="1470173023",
        X_RateLimit_Reset_After="1.5",
    )
    assert found == quota(0, 1.5)


@pytest.mark.parametrize(
    ("left", "reset"),
    [
        ("-1", "30"),  # Azure: the number is unknown
        ("8, 9", "30"),
        ("many", "30"),
        ("", "30"),
        ("8", "0"),
        ("8", "-30"),
        ("8", "soon"),
        ("8", "1e9"),
        ("8", "٣"),
        ("8", "1470173023"),  # long ago
        ("8", "2026-03-26T16:00Z"),
        ("8", "2026-13-01T00:00Z"),
        ("8", "Tue Feb 16 2021 09:02:42 GMT+0100"),
        ("8", "6m0s ago"),
    ],
)
def test_a_malformed_or_expired_reset_is_ignored(left: str, reset: str) -> None:
    assert read(X_RateLimit_Remaining=left, X_RateLimit_Reset=reset) is None


def test_a_counter_without_a_reset_is_ignored() -> None:
    assert read(X_RateLimit_Remaining="0") is None


def test_after_a_malformed_field_the_next_one_is_read() -> None:
    found = read(
        RateLimit="malformed;",
        RateLimit_Remaining="?",
        X_RateLimit_Remaining="1",
        X_RateLimit_Reset="5",
    )
    assert found == quota(1, 5)


def test_a_server_is_respected_for_at_most_an_hour() -> None:
    assert read(RateLimit='"daily";r=1;t=86400') == quota(1, MAX_SECONDS)
    assert read(429, Retry_After="1000000") == ServerQuota(MAX_SECONDS)


def test_quotas_of_tokens_count_only_after_a_refusal() -> None:
    fields = {"remaining": "0", "reset": "6m0s"}
    named = {f"x-ratelimit-{k}-tokens": v for k, v in fields.items()}
    assert read(**named) is None
    assert read(429, **named) == ServerQuota(360)


# Retry-After.


@pytest.mark.parametrize("status", [429, 503, 403])
def test_retry_after_takes_precedence_over_a_quota(status: int) -> None:
    assert read(status, RateLimit='"a";r=0;t=60', Retry_After="9") == ServerQuota(9)
    assert read(status, Retry_After_Ms="1500") == ServerQuota(1.5)


@pytest.mark.parametrize("status", [200, 301, 413, 500])
def test_retry_after_with_another_status_is_ignored(status: int) -> None:
    assert read(status, Retry_After="9") is None
    assert read(status, RateLimit='"a";r=0;t=60', Retry_After="9") == quota(0, 60)


@pytest.mark.parametrize("value", ["0", "soon", "-5"])
def test_a_malformed_retry_after_gives_way_to_the_quota(value: str) -> None:
    fields = {"RateLimit": '"a";r=0;t=60', "Retry_After": value}
    assert read(429, **fields) == ServerQuota(60)
    assert read(200, **fields) == quota(0, 60)


# Responses without a quota.


def test_a_response_without_such_fields_has_no_quota() -> None:
    assert read(Server="quiet", Date=DATE) is None


@pytest.mark.parametrize(
    "extensions",
    [
        {"hishel_from_cache": True},
        {"caching": SimpleNamespace(from_cache=True)},
    ],
    ids=["hishel 1", "hishel 2"],
)
def test_a_response_that_hishel_has_cached_is_ignored(
    extensions: dict[str, Any],
) -> None:
    assert read(200, extensions, RateLimit='"a";r=0;t=60') is None
    assert read(429, extensions, Retry_After="60") is None


def test_a_response_of_a_cache_on_the_way_is_ignored() -> None:
    assert read(RateLimit='"a";r=0;t=60', Age="1") is None
    assert read(RateLimit='"a";r=0;t=60', Age="0") == quota(0, 60)


def test_a_response_that_hishel_has_fetched_is_read() -> None:
    passed_on = {"caching": SimpleNamespace(from_cache=False)}
    assert read(200, passed_on, RateLimit='"a";r=0;t=60') == quota(0, 60)


NAMES = sorted({each.left for each in _COUNTERS} | {b"ratelimit"})


@given(
    st.sampled_from(NAMES),
    st.sampled_from([name for each in _COUNTERS for name in each.resets]),
    st.one_of(st.binary(max_size=30), st.from_regex(rb"[0-9.:TZmsh+-]{1,25}")),
    st.one_of(st.binary(max_size=30), st.from_regex(rb"[0-9.:TZmsh+-]{1,25}")),
    st.sampled_from([200, 429]),
)
@example(b"ratelimit", b"x-ratelimit-reset", b'"a";r=1;t=999999999999999', b"1", 200)
@example(b"x-ratelimit-remaining", b"x-ratelimit-reset", b"1", b"0001-01-01", 200)
@example(b"x-ratelimit-remaining", b"x-ratelimit-reset", b"9" * 400, b"9" * 400, 200)
@example(
    b"x-ratelimit-remaining", b"x-ratelimit-reset", b"1", b"9999-12-31T23:59-23:59", 200
)
def test_any_bytes_are_a_wait_of_at_most_an_hour_or_ignored(
    name: bytes, reset: bytes, value: bytes, when: bytes, status: int
) -> None:
    fields = [(name, value), (reset, when), (b"retry-after", when)]
    found = read_quota(httpx.Response(status, headers=fields), NOW.timestamp)
    if found is not None and found.pause is None:
        assert found.left >= 0
        assert 0 < found.resets <= MAX_SECONDS
    elif found is not None:
        assert found.pause is not None
        assert 0 <= found.pause <= MAX_SECONDS
