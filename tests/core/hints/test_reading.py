"""What the headers of a response say about another attempt."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from httpx_resilient._core.hints.reading import NO_HINTS, Hints, hints_in

DATE = "Sun, 06 Nov 1994 08:49:37 GMT"
MUCH_LATER = b"Mon, 06 Nov 2034 08:49:37 GMT"
IN_HALF_A_MINUTE = {
    "IMF-fixdate": "Sun, 06 Nov 1994 08:50:07 GMT",
    "RFC 850": "Sunday, 06-Nov-94 08:50:07 GMT",
    "asctime": "Sun Nov  6 08:50:07 1994",
}


NOW = 1_700_000_000.0

Line = tuple[bytes, bytes]


def hints_of(*lines: Line, status: int = 503, reason: bytes = b"") -> Hints:
    extensions = {"reason_phrase": reason}
    response = httpx.Response(status, headers=list(lines), extensions=extensions)
    return hints_in(response, lambda: NOW)


def hints(status: int = 503, **headers: str) -> Hints:
    lines = [
        (name.replace("_", "-").encode(), value.encode("latin-1"))
        for name, value in headers.items()
    ]
    return hints_of(*lines, status=status)


def seconds(value: str, **headers: str) -> float | None:
    return hints(Retry_After=value, **headers).retry_after


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("120", 120),
        ("1.5", 1.5),
        (".5", 0.5),
        ("3.", 3),
        (" 7 ", 7),
        ("999999999", 999_999_999),
    ],
)
def test_a_number_of_seconds_may_be_whole_or_decimal(
    value: str, expected: float
) -> None:
    assert seconds(value) == expected


@pytest.mark.parametrize(
    "value", IN_HALF_A_MINUTE.values(), ids=IN_HALF_A_MINUTE.keys()
)
def test_a_date_counts_from_the_date_of_the_response(value: str) -> None:
    assert seconds(value, Date=DATE) == 30


def test_a_date_counts_from_the_local_clock_if_the_response_has_no_date() -> None:
    later = datetime.fromtimestamp(1_700_000_030, UTC)
    assert seconds(format_datetime(later, usegmt=True)) == 30
    assert seconds(format_datetime(later, usegmt=True), Date="not a date") == 30


@pytest.mark.parametrize(
    "value",
    [
        "-1", "-0.5", "0", "", " ", "soon", "nan", "inf", "1e3", "+5", "0x10",
        "1_000", "٣", "9" * 400, "Sun, 06 Nov 1994 08:49:00 GMT", "0, -5", "1600000000",
        "Sun, 99 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 99999 08:49:37 GMT",
    ],
)  # fmt: skip
def test_past_negative_malformed_and_infinite_values_are_ignored(value: str) -> None:
    found = hints_of((b"retry-after", value.encode()), (b"date", MUCH_LATER))
    assert found.retry_after is None


@pytest.mark.parametrize(
    ("lines", "longest"),
    [
        (["5, 10"], 10),
        (["1,1"], 1),
        (["2", "9", "4"], 9),
        (["2", IN_HALF_A_MINUTE["IMF-fixdate"]], 30),
        ([IN_HALF_A_MINUTE["IMF-fixdate"], "31"], 31),
        (["soon", "4"], 4),
    ],
)
def test_of_several_values_the_longest_counts(lines: list[str], longest: float) -> None:
    raw = [(b"Retry-After", line.encode()) for line in lines]
    assert hints_of(*raw, (b"Date", DATE.encode())).retry_after == longest


@pytest.mark.parametrize("value", ["1700000030", "1700000030000", "1700000030.0"])
def test_a_number_since_the_epoch_is_a_moment(value: str) -> None:
    assert seconds(value) == 30


@pytest.mark.parametrize(
    "name", ["Retry_After_Ms", "X_Ms_Retry_After_Ms", "X_Amz_Retry_After"]
)
def test_milliseconds_take_precedence_over_seconds(name: str) -> None:
    assert hints(**{name: "1500.5", "Retry_After": "9"}).retry_after == 1.5005


@pytest.mark.parametrize("value", ["soon", "0", "-1", ""])
def test_malformed_milliseconds_are_ignored_in_favor_of_seconds(value: str) -> None:
    assert hints(Retry_After_Ms=value, Retry_After="9").retry_after == 9


@pytest.mark.parametrize(
    ("value", "expected"), [("true", True), (" False ", False), ("1", None), ("", None)]
)
@pytest.mark.parametrize("name", ["X_Should_Retry", "Stripe_Should_Retry"])
def test_a_verdict_is_true_false_or_ignored(
    name: str, value: str, expected: bool | None
) -> None:
    found = hints(**{name: value})
    assert found.should_retry is expected
    named = name.lower().replace("_", "-")
    assert found.verdict_of == ("" if expected is None else named)


def test_other_headers_give_no_hints() -> None:
    assert hints(Server="quiet") == NO_HINTS


# The reset of a quota, without `Retry-After`.

SOON = str(int(NOW) + 30)


@pytest.mark.parametrize("status", [403, 429, 503])
def test_the_reset_of_a_spent_quota_is_waited_for(status: int) -> None:
    quota = {"X_RateLimit_Remaining": "0", "X_RateLimit_Reset": SOON}
    assert hints(status, **quota).retry_after == 30


@pytest.mark.parametrize("status", [200, 400, 404, 500])
def test_another_status_tells_no_wait_by_a_quota(status: int) -> None:
    quota = {"X_RateLimit_Remaining": "0", "X_RateLimit_Reset": SOON}
    assert hints(status, **quota).retry_after is None


@pytest.mark.parametrize(("status", "wait"), [(429, 30), (503, 30), (403, None)])
def test_a_reset_without_a_number_counts_if_the_status_says_that_it_is_spent(
    status: int, wait: float | None
) -> None:
    assert hints(status, X_RateLimit_Reset="30").retry_after == wait


def test_of_several_spent_quotas_the_longest_counts() -> None:
    found = hints(
        429,
        X_RateLimit_Remaining_Requests="0",
        X_RateLimit_Reset_Requests="2s",
        X_RateLimit_Remaining_Tokens="0",
        X_RateLimit_Reset_Tokens="1m9s",
    )
    assert found.retry_after == 69


def test_a_quota_that_is_not_spent_asks_for_no_wait() -> None:
    quota = {"X_RateLimit_Remaining": "7", "X_RateLimit_Reset": "30"}
    assert hints(429, **quota).retry_after is None


def test_a_limit_without_a_quota_is_waited_for_a_minute() -> None:
    """GitHub's secondary limits have no fields of their own."""
    later = str(int(NOW) + 1800)
    quota = {"X_RateLimit_Remaining": "4990", "X_RateLimit_Reset": later}
    assert hints(429, **quota).retry_after == 60
    assert hints(403, **quota).retry_after is None


def test_a_limit_of_zero_counts_what_is_in_progress() -> None:
    quota = {"X_Rate_Limit_Remaining": "0", "X_Rate_Limit_Reset": SOON}
    assert hints(429, X_Rate_Limit_Limit="0", **quota).retry_after is None


def test_retry_after_takes_precedence_over_a_quota() -> None:
    quota = {"X_RateLimit_Remaining": "0", "X_RateLimit_Reset": SOON}
    assert hints(429, Retry_After="5", **quota).retry_after == 5


# What the headers prove beyond the status.


@pytest.mark.parametrize("status", [429, 529])
def test_the_status_tells_throttling(status: int) -> None:
    assert hints(status).throttled
    assert hints(status, Retry_After="3").throttled
    assert not hints(status).unprocessed  # the status alone proves it


@pytest.mark.parametrize("status", [403, 413])
def test_with_a_wait_a_refusal_is_for_a_time(status: int) -> None:
    assert not hints(status).unprocessed
    found = hints(status, Retry_After="5")
    assert found.unprocessed
    assert found.throttled


def test_503_with_a_wait_is_throttling_and_may_have_been_processed() -> None:
    assert not hints(503).throttled
    found = hints(503, Retry_After="5")
    assert found.throttled
    assert not found.unprocessed


@pytest.mark.parametrize(
    "code",
    [
        "ThrottlingException",
        "ThrottlingException:http://internal.amazon.com/coral/",
        "TooManyRequestsException",
        "RequestLimitExceeded",
        "Throttling",
        "ProvisionedThroughputExceededException",
        "aws.protocoltests#ThrottledByPlan",
    ],
)
def test_an_error_code_of_aws_tells_throttling(code: str) -> None:
    found = hints(400, X_Amzn_ErrorType=code)
    assert found.throttled
    assert found.unprocessed
    assert not hints(404, X_Amzn_ErrorType=code).unprocessed
    assert not hints(400, X_Amzn_ErrorType="ValidationException").unprocessed


def test_slow_down_of_s3_is_throttling() -> None:
    found = hints_of(status=503, reason=b"Slow Down")
    assert found.throttled
    assert found.unprocessed
    assert hints_of(status=503, reason=b"Service Unavailable") == NO_HINTS


@pytest.mark.parametrize("status", [521, 523, 525, 530])
def test_cloudflare_tells_that_it_has_not_reached_the_server(status: int) -> None:
    assert hints(status, Server="cloudflare").unprocessed
    assert not hints(status, Server="nginx").unprocessed
    assert not hints(status).unprocessed


@pytest.mark.parametrize("status", [520, 522, 524])
def test_cloudflare_may_have_reached_the_server(status: int) -> None:
    assert not hints(status, Server="cloudflare").unprocessed


@given(st.binary(max_size=40), st.binary(max_size=40))
@example(b"Mon, 1 Jan 2024 00:00:00 +9999", b"")
@example(b"Mon, 01 Jan 0001 00:00:00 GMT", b"")
def test_any_header_gives_a_finite_non_negative_time_or_none(
    value: bytes, date: bytes
) -> None:
    found = hints_of(
        (b"retry-after", value), (b"date", date), (b"retry-after-ms", value)
    ).retry_after
    assert found is None or 0 <= found < float("inf")


@given(st.integers(1, 10**9 - 1), st.integers(0, 4 * 10**9))
def test_a_date_and_the_seconds_until_it_are_equivalent(wait: int, now: int) -> None:
    date = format_datetime(datetime.fromtimestamp(now, UTC), usegmt=True)
    then = format_datetime(datetime.fromtimestamp(now + wait, UTC), usegmt=True)
    assert seconds(then, Date=date) == seconds(str(wait)) == wait
