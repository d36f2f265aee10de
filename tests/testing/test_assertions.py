"""Assertions on history, and what they say if it was otherwise."""

from __future__ import annotations

from typing import Any

import httpx
import httpx2
import pytest
import tenacity

from httpx_resilient import Attempt, RetryingTransport
from httpx_resilient._core.attempts import Left
from httpx_resilient.testing import FaultInjectingTransport, assert_attempts


def outcome_of(*script: Any) -> Any:
    """Send a request whose attempts end so. Returns its response or exception."""
    transport = RetryingTransport(
        FaultInjectingTransport(None, script),
        wait=tenacity.wait_fixed(0.001),
        stop=tenacity.stop_after_attempt(len(script)),
    )
    with httpx.Client(transport=transport) as client:
        try:
            return client.get("https://example.org/")
        except httpx.TransportError as error:
            return error


def failure(outcome: object, *expected: Any) -> str:
    with pytest.raises(AssertionError) as caught:
        assert_attempts(outcome, *expected)
    return str(caught.value)


def test_it_returns_the_attempts_that_were_as_expected() -> None:
    attempts = assert_attempts(outcome_of(503, 200), 503, httpx.codes.OK)
    assert [attempt.wait for attempt in attempts] == [0.001, 0.0]
    assert all(isinstance(attempt, Attempt) for attempt in attempts)


def test_of_an_exception_as_well() -> None:
    error = outcome_of(503, httpx.ReadTimeout)
    assert_attempts(error, 503, httpx.ReadTimeout)
    assert_attempts(error, 503, httpx.TimeoutException)


def test_a_difference_is_shown_attempt_by_attempt() -> None:
    assert failure(outcome_of(503, httpx.ReadTimeout, 200), 503, 503, 200) == (
        "expected 503, 503, 200, but it was 503, ReadTimeout, 200\n"
        "  1. 503, then 0.001 s\n"
        "> 2. ReadTimeout, then 0.001 s; expected 503\n"
        "  3. 200"
    )


def test_one_too_many_and_one_too_few() -> None:
    assert failure(outcome_of(503, 200), 503).endswith("> 2. 200; expected no more")
    assert failure(outcome_of(200), 200, 200).endswith("> 2. nothing; expected 200")


def test_a_reason_that_says_more_than_the_outcome_is_shown() -> None:
    attempt = Attempt(1, 503, "503, and the body is spent", wait=0.0, duration=0.1)
    response = httpx.Response(503, extensions={"sends": Left(0.0, (attempt,))})
    assert failure(response, 200).splitlines()[1] == (
        "> 1. 503 (503, and the body is spent); expected 200"
    )


def test_the_exception_of_the_other_library_is_another_one() -> None:
    shown = failure(outcome_of(httpx.ReadTimeout), httpx2.ReadTimeout)
    assert shown.endswith("; expected the one of httpx2")


def test_a_status_is_no_exception() -> None:
    assert "> 1. 503; expected ReadError" in failure(outcome_of(503), httpx.ReadError)
    assert "; expected 503" in failure(outcome_of(httpx.ReadError), 503)


def test_what_has_no_history_is_told() -> None:
    shown = failure(httpx.Response(200), 200)
    assert "no attempts are known of <Response [200 OK]>" in shown
    assert failure(outcome_of(200)).startswith("expected no attempt, but it was 200")
    assert assert_attempts(httpx.Response(200)) == ()


@pytest.mark.parametrize("wrong", ["503", True, httpx.ReadTimeout(""), int])
def test_what_is_expected_is_a_status_or_a_class(wrong: Any) -> None:
    with pytest.raises(TypeError, match="statuses and classes of exceptions, got"):
        assert_attempts(httpx.Response(200), wrong)
