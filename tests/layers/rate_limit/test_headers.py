"""What servers tell of their quotas, each in its own words."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from httpx_resilient._layers.rate_limit import headers as _rate_hints
from httpx_resilient._layers.rate_limit.headers import MOST, Told, told_in

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
DATE = "Sat, 21 Nov 2026 12:00:00 GMT"
SOON = NOW + timedelta(seconds=30)
EPOCH = str(int(SOON.timestamp()))


def tell(
    status: int = 200, extensions: dict[str, Any] | None = None, **headers: str
) -> Told | None:
    raw = [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()]
    response = httpx.Response(status, headers=raw, extensions=extensions or {})
    return told_in(response, NOW.timestamp)


def of(left: int, seconds: float) -> Told:
    return Told(None, left, seconds)


# The standard to be.


@pytest.mark.parametrize(
    ("limits", "policy", "expected"),
    [
        ('"default";r=50;t=30', "", of(50, 30)),
        ("default;r=50;t=30", "", of(50, 30)),  # a token, as drafts have considered
        ('"a";r=50;t=30, "b";r=3;t=90', "", of(3, 90)),
        ('"a";r=0;t=30, "b";r=0;t=90', "", of(0, 90)),
        ('"a";r=5;t=30;pk=:YWJj:;acme-x="y"', "", of(5, 30)),
        ('"a";r=0', '"a";q=100;w=60', of(0, 60)),
        ('"a";r=0', '"b";q=100;w=60', None),
        ('"a";r=0', "", None),
        ('"a";r=0;t=9', '"a";q=9;qu="requests"', of(0, 9)),
        ('"a";r=0;t=9', '"a";q=9;qu="request"', of(0, 9)),
        ('"a";r=0;t=9', '"a";q=9;qu="content-bytes"', None),
        ('"a";r=0;t=9', '"a";q=9;qu="concurrent-requests"', None),
        ('"a";r=0;t=9, "b";r=2;t=9', '"a";q=9;qu="content-bytes"', of(2, 9)),
        ('"a";r=0;t=9', '"malformed', of(0, 9)),
        ("limit=100, remaining=50, reset=5", "100;w=60", of(50, 5)),  # draft 07
        ("limit=100, remaining=50", "", None),
    ],
)
def test_ratelimit(limits: str, policy: str, expected: Told | None) -> None:
    headers = {"RateLimit_Policy": policy} if policy else {}
    assert tell(RateLimit=limits, **headers) == expected


@pytest.mark.parametrize(
    "limits",
    [
        "", "nonsense", '"a', '"a";r', '"a";r=x;t=3', '"a";r="1";t=3', '"a";r=1.5;t=3',
        '"a";r=-1;t=3', '"a";r=1;t=-3', '"a";r=1;t=0', '"a";r=?1;t=3', '("a" "b");r=1',
        '"a";r=1;t=@5', "remaining=(1 2), reset=5", "remaining, reset", "42", "ä",
    ],
)  # fmt: skip
def test_what_is_malformed_is_ignored(limits: str) -> None:
    assert tell(RateLimit=limits) is None


def test_it_may_be_split_over_several_lines() -> None:
    raw = [(b"RateLimit", b'"a";r=50;t=30'), (b"ratelimit", b'"b";r=3;t=90')]
    response = httpx.Response(200, headers=raw)
    assert told_in(response, NOW.timestamp) == of(3, 90)


@pytest.fixture
def no_parser(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setitem(sys.modules, "http_sf", None)
    _rate_hints._parser.cache_clear()
    yield
    _rate_hints._parser.cache_clear()


@pytest.mark.usefixtures("no_parser")
def test_without_its_parser_it_says_once_what_is_missing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tell(X_RateLimit_Remaining="7", X_RateLimit_Reset="9")
    assert caplog.messages == []
    for _ in range(2):
        tell(RateLimit='"a";r=50;t=30', RateLimit_Policy='"a";q=100')
    (message,) = caplog.messages
    assert message == (
        "a server tells its limits in a RateLimit field, which is passed over: "
        "pip install httpx_resilient[ratelimit] to keep to them"
    )


@pytest.mark.usefixtures("no_parser")
def test_without_its_parser_it_is_passed_over_and_all_else_is_read() -> None:
    assert tell(RateLimit='"a";r=50;t=30') is None
    both = {"RateLimit": '"a";r=50;t=30', "X_RateLimit_Remaining": "7"}
    assert tell(**both, X_RateLimit_Reset="9") == of(7, 9)
    assert tell(429, RateLimit='"a";r=50;t=30', Retry_After="9") == Told(9)


# Everybody's own.


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
def test_a_dialect(
    name: str, remaining: str, reset: str, value: str, left: str
) -> None:
    assert tell(**{remaining: left, reset: value, "Date": DATE}) == of(8, 30)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("6m0s", 360),
        ("1s", 1),
        ("12ms", 0.012),
        ("2m59.56s", 179.56),
        ("1h2m3s", MOST),
        ("1d", MOST),
    ],
)
def test_durations(value: str, expected: float) -> None:
    headers = {"remaining": "0", "reset": value}
    told = tell(**{f"x-ratelimit-{k}-requests": v for k, v in headers.items()})
    assert told == of(0, pytest.approx(expected))


def test_a_date_is_relative_to_the_responses_own_or_else_to_our_clock() -> None:
    counted = {"X_RateLimit_Remaining": "1", "X_RateLimit_Reset": EPOCH}
    assert tell(**counted) == of(1, 30)
    assert tell(**counted, Date="Sat, 21 Nov 2026 12:00:10 GMT") == of(1, 20)
    assert tell(**counted, Date="not a date") == of(1, 30)


def test_seconds_since_come_before_a_date_that_is_less_precise() -> None:
    told = tell(
        X_RateLimit_Remaining="0",
        X_RateLimit_Reset="1470173023",
        X_RateLimit_Reset_After="1.5",
    )
    assert told == of(0, 1.5)


@pytest.mark.parametrize(
    ("left", "reset"),
    [
        ("-1", "30"),  # Azure: it does not know
        ("8, 9", "30"),
        ("many", "30"),
        ("", "30"),
        ("8", "0"),
        ("8", "-30"),
        ("8", "soon"),
        ("8", "1e9"),
        ("8", "٣"),
        ("8", "1470173023"),  # long over
        ("8", "2026-03-26T16:00Z"),
        ("8", "2026-13-01T00:00Z"),
        ("8", "Tue Feb 16 2021 09:02:42 GMT+0100"),
        ("8", "6m0s ago"),
    ],
)
def test_what_is_malformed_or_over_is_not_said(left: str, reset: str) -> None:
    assert tell(X_RateLimit_Remaining=left, X_RateLimit_Reset=reset) is None


def test_a_count_without_a_window_is_not_enough() -> None:
    assert tell(X_RateLimit_Remaining="0") is None


def test_what_cannot_be_read_leaves_it_to_the_next() -> None:
    told = tell(
        RateLimit="malformed;",
        RateLimit_Remaining="?",
        X_RateLimit_Remaining="1",
        X_RateLimit_Reset="5",
    )
    assert told == of(1, 5)


def test_nobody_is_believed_for_more_than_an_hour() -> None:
    assert tell(RateLimit='"daily";r=1;t=86400') == of(1, MOST)
    assert tell(429, Retry_After="1000000") == Told(MOST)


def test_tokens_are_left_alone() -> None:
    headers = {"remaining": "0", "reset": "6m0s"}
    assert tell(**{f"x-ratelimit-{k}-tokens": v for k, v in headers.items()}) is None


# Retry-After.


@pytest.mark.parametrize("status", [429, 503, 403])
def test_it_goes_before_all_else(status: int) -> None:
    assert tell(status, RateLimit='"a";r=0;t=60', Retry_After="9") == Told(9)
    assert tell(status, Retry_After_Ms="1500") == Told(1.5)


@pytest.mark.parametrize("status", [200, 301, 413, 500])
def test_with_other_answers_it_is_about_this_request_only(status: int) -> None:
    assert tell(status, Retry_After="9") is None
    assert tell(status, RateLimit='"a";r=0;t=60', Retry_After="9") == of(0, 60)


@pytest.mark.parametrize("value", ["0", "soon", "-5"])
def test_malformed_it_leaves_it_to_the_quota(value: str) -> None:
    assert tell(429, RateLimit='"a";r=0;t=60', Retry_After=value) == of(0, 60)


# What tells nothing.


def test_silence() -> None:
    assert tell(Server="quiet", Date=DATE) is None


@pytest.mark.parametrize(
    "extensions",
    [
        {"hishel_from_cache": True},
        {"caching": SimpleNamespace(from_cache=True)},
    ],
    ids=["hishel 1", "hishel 2"],
)
def test_a_cached_response_tells_of_the_past(extensions: dict[str, Any]) -> None:
    assert tell(200, extensions, RateLimit='"a";r=0;t=60') is None
    assert tell(429, extensions, Retry_After="60") is None


def test_so_does_one_out_of_a_cache_on_the_way() -> None:
    assert tell(RateLimit='"a";r=0;t=60', Age="1") is None
    assert tell(RateLimit='"a";r=0;t=60', Age="0") == of(0, 60)


def test_one_that_hishel_passed_on_is_as_good_as_any() -> None:
    passed_on = {"caching": SimpleNamespace(from_cache=False)}
    assert tell(200, passed_on, RateLimit='"a";r=0;t=60') == of(0, 60)


NAMES = sorted({name for name, _ in _rate_hints._COUNTERS} | {b"ratelimit"})


@given(
    st.sampled_from(NAMES),
    st.sampled_from([name for _, names in _rate_hints._COUNTERS for name in names]),
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
def test_whatever_is_said_is_a_wait_of_an_hour_at_most_or_nothing(
    name: bytes, reset: bytes, value: bytes, when: bytes, status: int
) -> None:
    headers = [(name, value), (reset, when), (b"retry-after", when)]
    told = told_in(httpx.Response(status, headers=headers), NOW.timestamp)
    if told is not None and told.pause is None:
        assert told.left >= 0
        assert 0 < told.resets <= MOST
    elif told is not None:
        assert told.pause is not None
        assert 0 <= told.pause <= MOST
