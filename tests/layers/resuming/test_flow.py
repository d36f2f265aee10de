"""The order of effects after a break, and what its reader and the layers learn."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from layers.resuming.in_memory import (
    BODY,
    GET,
    Broken,
    cutting,
    file,
    note_of,
    opened,
    read,
    transport_of,
)
from support.fake_io import FakeIO

from httpx_resilient import (
    CircuitOpen,
    ContentChanged,
    ResumingTransport,
    RetryBudget,
    attempts_of,
)
from httpx_resilient._core.deadline import set_deadline
from httpx_resilient._core.io.protocol import run_sync
from httpx_resilient.events import BodyBroken, BodyLost, BodyResumed, BudgetRefused


def test_an_unbroken_body_costs_one_request_and_no_event() -> None:
    events: list[Any] = []
    serve = cutting(file(cut=None), 7)
    response, io = opened(serve, transport_of(serve, on_event=events.append))
    assert read(response) == (BODY, None)
    assert io.did == ["send"]
    assert not events


def test_the_broken_answer_is_closed_before_the_wait_and_the_next_request() -> None:
    events: list[Any] = []
    serve = cutting(file(), 7)
    response, io = opened(serve, transport_of(serve, on_event=events.append))
    assert read(response) == (BODY, None)
    assert io.did == ["send", "discard", "sleep", "send"]
    assert 0 <= io.slept[0] <= 0.1
    assert [type(event) for event in events] == [BodyBroken, BodyResumed]
    assert (events[0].offset, events[0].reason) == (30, "ReadError after 30 bytes")
    assert (events[1].offset, events[1].validator, events[1].reread) == (
        30, 'ETag "a"', 0,
    )  # fmt: skip


def test_a_later_request_has_the_headers_and_the_deadline_of_the_first() -> None:
    serve = cutting(file(), 7)
    transport = transport_of(serve)
    request = httpx.Request("GET", "https://example.org/", headers={"Cookie": "c=1"})
    _, io = sent = opened(serve, transport, request)
    assert read(sent[0]) == (BODY, None)
    first, second = io.sent
    assert first is request
    assert "range" not in request.headers
    assert second.headers["cookie"] == "c=1"
    assert second.headers["range"] == "bytes=30-"
    assert second.headers["if-range"] == '"a"'
    assert second.url == request.url


def test_waits_grow_without_progress_and_begin_anew_after_it() -> None:
    serve = cutting(file(cut=0, cuts=4), 7)
    response, io = opened(serve)
    assert read(response) == (BODY, None)
    assert all(
        wait <= most for wait, most in zip(io.slept, [0.1, 0.2, 0.4, 0.8], strict=True)
    )
    serve = cutting(file(cut=20, cuts=9), 7)
    response, io = opened(serve)
    assert read(response) == (BODY, None)
    assert len(io.slept) == 4
    assert max(io.slept) <= 0.1


def test_five_requests_without_a_byte_end_the_body() -> None:
    serve = cutting(file(cut=0, cuts=99), 7)
    response, io = opened(serve)
    found, error = read(response)
    assert (found, len(io.sent)) == (b"", 6)
    assert isinstance(error, httpx.ReadError)
    assert "5 requests have brought no byte" in note_of(error)


def test_a_deadline_ends_the_body() -> None:
    serve = cutting(file(), 7)
    transport = transport_of(serve)
    request = httpx.Request("GET", "https://example.org/")
    io = FakeIO(*(serve(request) for _ in range(2)), asynchronous=False)
    context = transport._enter(request, io)
    context.deadline = set_deadline(-1.0, 1.0, 0.0, None)
    response = run_sync(transport._handle(request, io, context))
    found, error = read(response)
    assert (found, len(io.sent)) == (BODY[:30], 1)
    assert "the deadline comes before the next request" in note_of(error)


def test_a_budget_that_is_spent_ends_the_body() -> None:
    events: list[Any] = []
    budget = RetryBudget(least=0, most=1, grace=0)  # a request for the rest costs 2
    serve = cutting(file(), 7)
    transport = transport_of(serve, budget=budget, on_event=events.append)
    response, io = opened(serve, transport)
    found, error = read(response)
    assert (found, len(io.sent)) == (BODY[:30], 1)
    assert "the retry budget of its origin is spent" in note_of(error)
    assert [type(event) for event in events] == [BudgetRefused, BodyLost]


def test_a_request_that_helps_costs_nothing() -> None:
    budget = RetryBudget(least=0, most=2, grace=0)
    for _ in range(10):
        serve = cutting(file(), 7)
        response, _ = opened(serve, transport_of(serve, budget=budget))
        assert read(response) == (BODY, None)
    assert budget.account("https://example.org/").balance(0.0) == 2.0


def test_an_interrupted_wait_returns_what_it_has_cost() -> None:
    class Interrupted(BaseException):
        pass

    def interrupt(_: float) -> Any:
        raise Interrupted

    budget = RetryBudget(least=0, most=2, grace=0)
    serve = cutting(file(), 7)
    response, io = opened(serve, transport_of(serve, budget=budget))
    io.sleep = interrupt  # type: ignore[method-assign]
    with pytest.raises(Interrupted):
        list(response.stream)  # type: ignore[arg-type]
    assert budget.account("https://example.org/").balance(0.0) == 2.0


@pytest.mark.parametrize(
    ("error", "sends", "says"),
    [
        (httpx.ConnectError("refused"), 3, ""),
        (httpx.PoolTimeout("full"), 3, ""),
        (CircuitOpen("open", retry_after=0.5), 3, ""),
        (CircuitOpen("open", retry_after=90), 2, "asks for 90 s"),
        (httpx.UnsupportedProtocol("ftp"), 2, "UnsupportedProtocol: ftp"),
    ],
)
def test_a_later_request_that_fails_is_repeated_unless_it_is_final(
    error: Exception, sends: int, says: str
) -> None:
    answer = cutting(file(), 7)
    made: list[Any] = []

    def serve(request: httpx.Request) -> httpx.Response:
        made.append(request)
        if len(made) == 2:
            raise error
        return answer(request)

    response, io = opened(serve)
    found, raised = read(response)
    assert len(io.sent) == sends
    if says:
        assert isinstance(raised, httpx.ReadError)
        assert says in note_of(raised)
        assert attempts_of(raised)[-1].outcome is type(error)
    else:
        assert (found, raised) == (BODY, None)
        assert [each.outcome for each in attempts_of(response)][1] is type(error)


def test_the_wait_of_a_refusal_is_kept() -> None:
    answer = cutting(file(), 7)
    made: list[Any] = []

    def serve(request: httpx.Request) -> httpx.Response:
        made.append(request)
        if len(made) == 2:
            raise CircuitOpen("open", retry_after=7.0)
        return answer(request)

    response, io = opened(serve)
    assert read(response) == (BODY, None)
    assert io.slept[1] == 7.0


@pytest.mark.parametrize(
    "error", [ValueError("mine"), CircuitOpen("open"), ContentChanged("inside")]
)
def test_what_is_no_break_is_raised_as_it_is(error: Exception) -> None:
    answer = httpx.Response(200, stream=Broken([b"a"], error))
    response, io = opened(lambda _: answer)
    assert read(response) == (b"a", error)
    assert len(io.sent) == 1


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (BodyBroken(GET, 3000, "ReadError", 0.5), "broke after 3,000 B: ReadError"),
        (BodyResumed(GET, 3000, "hash", 3000), "goes on at 3,000 B by hash, 3,000 B"),
        (BodyLost(GET, 3000, "answered 404"), "lost after 3,000 B: answered 404"),
    ],
)
def test_events_say_what_has_happened(event: Any, text: str) -> None:
    assert text in str(event)


@pytest.mark.parametrize("status", [204, 301, 404])
def test_an_answer_without_the_body_is_not_watched(status: int) -> None:
    answer = httpx.Response(status, stream=Broken([]))
    assert opened(lambda _: answer)[0].stream.__class__ is Broken


def test_an_answer_that_was_read_is_not_watched() -> None:
    answer = httpx.Response(200, content=b"ok")
    assert opened(lambda _: answer)[0].read() == b"ok"


@pytest.mark.parametrize(
    ("option", "value", "error", "text"),
    [
        ("max_resumes", -1, ValueError, "max_resumes"),
        ("max_resumes", 1.5, TypeError, "max_resumes"),
        ("max_reread", "1 MB", TypeError, "max_reread"),
        ("budget", 3, TypeError, "budget"),
    ],
)
def test_options_are_checked(
    option: str, value: object, error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        ResumingTransport(**{option: value})  # type: ignore[arg-type]
