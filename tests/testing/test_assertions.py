"""`assert_attempts`, and its message when the attempts differ."""

from __future__ import annotations

from typing import Any

import httpx
import httpx2
import pytest
import tenacity

from httpx_resilient import Attempt, RetryingTransport
from httpx_resilient._core.history import leave_history
from httpx_resilient.testing import FaultInjectingTransport, assert_attempts


def outcome_of(*script: Any) -> Any:
    """Send a request whose attempts end as scripted. Return its response or exception."""
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


def failure_message(outcome: object, *expected: Any) -> str:
    with pytest.raises(AssertionError) as caught:
        assert_attempts(outcome, *expected)
    return str(caught.value)


def test_attempts_of_a_response_that_match_are_returned() -> None:
    attempts = assert_attempts(outcome_of(503, 200), 503, httpx.codes.OK)
    assert [attempt.wait for attempt in attempts] == [0.001, 0.0]
    assert all(isinstance(attempt, Attempt) for attempt in attempts)


def test_attempts_of_an_exception_match_its_class_and_base_classes() -> None:
    error = outcome_of(503, httpx.ReadTimeout)
    assert_attempts(error, 503, httpx.ReadTimeout)
    assert_attempts(error, 503, httpx.TimeoutException)


def test_the_message_lists_each_attempt_and_marks_those_that_differ() -> None:
    outcome = outcome_of(503, httpx.ReadTimeout, 200)
    assert failure_message(outcome, 503, 503, 200) == (
        "expected 503, 503, 200; got 503, ReadTimeout, 200\n"
        "  1. 503, then 0.001 s\n"
        "> 2. ReadTimeout, then 0.001 s; expected 503\n"
        "  3. 200"
    )


def test_the_message_shows_surplus_and_missing_attempts() -> None:
    surplus = failure_message(outcome_of(503, 200), 503)
    assert surplus.endswith("> 2. 200; expected no further attempt")
    missing = failure_message(outcome_of(200), 200, 200)
    assert missing.endswith("> 2. no attempt; expected 200")


def test_the_message_shows_a_reason_that_adds_to_the_outcome() -> None:
    response, reason = httpx.Response(503), "503, and the body is spent"
    leave_history(response, [(1, 503, reason, 0.0, 0.1, 0.0, 0.0, (), "", False)])
    assert failure_message(response, 200).splitlines()[1] == (
        "> 1. 503 (503, and the body is spent); expected 200"
    )


def test_the_exception_of_the_other_library_does_not_match() -> None:
    shown = failure_message(outcome_of(httpx.ReadTimeout), httpx2.ReadTimeout)
    assert shown.endswith("; expected the one of httpx2")


def test_a_status_and_an_exception_do_not_match() -> None:
    status = failure_message(outcome_of(503), httpx.ReadError)
    assert "> 1. 503; expected ReadError" in status
    assert "; expected 503" in failure_message(outcome_of(httpx.ReadError), 503)


def test_a_response_that_no_retry_layer_returned_has_no_recorded_attempts() -> None:
    assert assert_attempts(httpx.Response(200)) == ()
    shown = failure_message(httpx.Response(200), 200)
    assert "<Response [200 OK]> has no recorded attempts" in shown


def test_no_attempts_can_be_expected() -> None:
    shown = failure_message(outcome_of(200))
    assert shown.startswith("expected no attempts; got 200")


@pytest.mark.parametrize("wrong", ["503", True, httpx.ReadTimeout(""), int])
def test_an_expected_outcome_is_refused_unless_a_status_or_a_class_of_exceptions(
    wrong: Any,
) -> None:
    with pytest.raises(TypeError, match=r"a status or a class of exceptions, .* got"):
        assert_attempts(httpx.Response(200), wrong)
