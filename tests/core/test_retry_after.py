"""`Retry-After`, its variants in milliseconds, and `x-should-retry`."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from httpx_resilient._core.retry_after import Hints, hints_in

DATE = "Sun, 06 Nov 1994 08:49:37 GMT"
IN_HALF_A_MINUTE = {
    "IMF-fixdate": "Sun, 06 Nov 1994 08:50:07 GMT",
    "RFC 850": "Sunday, 06-Nov-94 08:50:07 GMT",
    "asctime": "Sun Nov  6 08:50:07 1994",
}


def hints(**headers: str) -> Hints:
    raw = [
        (name.replace("_", "-").encode(), value.encode("latin-1"))
        for name, value in headers.items()
    ]
    return hints_in(raw, lambda: 1_700_000_000.0)


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
        ("1000000000", 1e9),
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
        "-1", "-0.5", "0", "", " ", "soon", "nan", "inf", "1e3", "+5", "1,5", "0x10",
        "1_000", "٣", "5, 10", "9" * 400, "Sun, 06 Nov 1994 08:49:00 GMT",
        "Sun, 99 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 99999 08:49:37 GMT",
    ],
)  # fmt: skip
def test_past_negative_malformed_and_infinite_values_are_ignored(value: str) -> None:
    raw = [(b"retry-after", value.encode()), (b"date", DATE.encode())]
    assert hints_in(raw, lambda: 0.0).retry_after is None


@pytest.mark.parametrize("name", ["Retry_After_Ms", "X_Ms_Retry_After_Ms"])
def test_milliseconds_take_precedence_over_seconds(name: str) -> None:
    assert hints(**{name: "1500.5", "Retry_After": "9"}).retry_after == 1.5005


def test_malformed_milliseconds_are_ignored_in_favor_of_seconds() -> None:
    assert hints(Retry_After_Ms="soon", Retry_After="9").retry_after == 9


@pytest.mark.parametrize(
    ("value", "expected"), [("true", True), (" False ", False), ("1", None), ("", None)]
)
def test_x_should_retry_is_true_false_or_ignored(
    value: str, expected: bool | None
) -> None:
    assert hints(X_Should_Retry=value).should_retry is expected


def test_other_headers_give_no_hints() -> None:
    assert hints(Server="quiet") == Hints(retry_after=None, should_retry=None)


@given(st.binary(max_size=40), st.binary(max_size=40))
@example(b"Mon, 1 Jan 2024 00:00:00 +9999", b"")
@example(b"Mon, 01 Jan 0001 00:00:00 GMT", b"")
def test_any_header_gives_a_finite_non_negative_time_or_none(
    value: bytes, date: bytes
) -> None:
    raw = [(b"retry-after", value), (b"date", date), (b"retry-after-ms", value)]
    found = hints_in(raw, lambda: 1.7e9).retry_after
    assert found is None or 0 <= found < float("inf")


@given(st.integers(1, 10**9), st.integers(0, 4 * 10**9))
def test_a_date_and_the_seconds_until_it_are_equivalent(wait: int, now: int) -> None:
    date = format_datetime(datetime.fromtimestamp(now, UTC), usegmt=True)
    then = format_datetime(datetime.fromtimestamp(now + wait, UTC), usegmt=True)
    assert seconds(then, Date=date) == seconds(str(wait)) == wait
