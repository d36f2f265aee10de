"""What the outcome of a call means, and how often it was sent."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from httpx_resilient import CircuitOpen, DeadlineExceeded
from httpx_resilient._core.clock import Clock
from httpx_resilient._core.context import RequestContext, begin
from httpx_resilient._core.events.calls import CallEnded, result_of
from httpx_resilient._core.family import Family

FAMILY = Family(httpx, home="httpx_resilient")
REQUEST = httpx.Request("GET", "https://a.example/")


def context(*outcomes: Any, hedges: frozenset[int] = frozenset()) -> RequestContext:
    """The context of a call with these attempts, if any were recorded."""
    made = begin(REQUEST, Clock())
    made.attempts = [
        (number, outcome, "", 0.0, 0.1, float(number), 0.0, (), "", number in hedges)
        for number, outcome in enumerate(outcomes, 1)
    ]
    return made


def answered(status: int, *outcomes: Any, **more: Any) -> tuple[str, int]:
    response = httpx.Response(status)
    return result_of(context(*outcomes, **more), FAMILY, response, None)


def failed(error: Exception, *outcomes: Any) -> tuple[str, int]:
    return result_of(context(*outcomes), FAMILY, None, error)


@pytest.mark.parametrize("status", [101, 200, 204, 302, 404])
def test_a_good_answer_to_the_only_request_is_the_first(status: int) -> None:
    assert answered(status) == answered(status, status) == ("first", 1)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 501, 503, 529])
def test_a_status_that_is_worth_a_retry_or_5xx_is_a_failure(status: int) -> None:
    assert answered(status) == ("failed", 1)
    assert answered(status, 503, status) == ("failed", 2)


@pytest.mark.parametrize("before", [503, 200, httpx.ReadTimeout])
def test_a_good_answer_to_a_later_request_is_retried(before: Any) -> None:
    assert answered(200, before, 200) == ("retried", 2)


def test_the_first_request_may_win_against_its_hedge() -> None:
    # The one that has won is the last in the history.
    assert answered(200, None, 200, hedges=frozenset({1})) == ("first", 2)
    assert answered(200, None, 200, hedges=frozenset({2})) == ("retried", 2)
    assert answered(200, 503, None, 200, hedges=frozenset({2})) == ("retried", 3)


def test_an_attempt_that_was_refused_here_was_not_sent() -> None:
    assert answered(200, CircuitOpen, 200) == ("retried", 1)
    assert answered(200, httpx.PoolTimeout, 503, 200) == ("retried", 2)
    assert answered(503, 503, CircuitOpen) == ("failed", 1)


def test_an_exception_is_a_failure() -> None:
    assert failed(httpx.ReadTimeout("slow")) == ("failed", 1)
    assert failed(httpx.ReadTimeout("slow"), 503, httpx.ReadTimeout) == ("failed", 2)
    assert failed(ValueError("a strategy"), 503) == ("failed", 1)


@pytest.mark.parametrize("error", [CircuitOpen("is open"), httpx.PoolTimeout("full")])
def test_a_refusal_on_this_side_is_no_failure_of_the_server(error: Exception) -> None:
    assert failed(error) == ("refused", 0)
    assert failed(error, httpx.ReadTimeout, type(error)) == ("refused", 1)


def test_a_deadline_is_a_refusal_if_the_call_was_queued() -> None:
    missed: Any = DeadlineExceeded("deadline of 1 s exceeded")
    assert failed(missed, None) == ("failed", 1)
    missed.is_own = True
    assert failed(missed, 503, None) == ("refused", 1)


def test_a_cancelled_call_has_no_outcome() -> None:
    sent, queued = context(503, None), context(None)
    queued.unsent = "queue"
    assert result_of(sent, FAMILY, None, None) == ("cancelled", 2)
    assert result_of(queued, FAMILY, None, None) == ("cancelled", 0)
    assert CallEnded(REQUEST, 0.1, "cancelled", 0).outcome is None


def test_an_event_shows_its_outcome_but_no_secret() -> None:
    error = httpx.ReadTimeout("slow")
    event = CallEnded(httpx.Request("GET", f"{REQUEST.url}?key=s3"), 1.0, "failed", 2)
    assert str(event) == "GET https://a.example/: failed, after 2 attempts in 1.000 s"
    assert CallEnded(REQUEST, 0.1, "failed", 1, error=error).outcome is type(error)
    once = CallEnded(REQUEST, 0.1, "first", 1, response=httpx.Response(200))
    assert once.outcome == 200
    assert str(once) == "GET https://a.example/: first, after 1 attempt in 0.100 s"
    assert "response" not in repr(once)
    assert once.fields() == {
        "kind": "CallEnded",
        "duration": 0.1,
        "result": "first",
        "attempts": 1,
        "method": "GET",
        "url": "https://a.example/",
    }
