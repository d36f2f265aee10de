"""The order of effects after a break, and what its reader and the layers learn."""

from __future__ import annotations

import ssl
from typing import Any

import httpx
import pytest
from layers.resuming.in_memory import Broken, cutting, opened
from support.fake_io import FakeIO
from support.ranges import File, versions

from httpx_resilient import (
    CircuitOpen,
    ContentChanged,
    ResumingTransport,
    RetryBudget,
    attempts_of,
    explain,
)
from httpx_resilient._core.deadline import set_deadline
from httpx_resilient._core.io.protocol import run_sync
from httpx_resilient.events import BodyBroken, BodyLost, BodyResumed, BudgetRefused

BODY = bytes(range(100))
GET = httpx.Request("GET", "https://example.org/")
FAST = {"etag": '"a"'}


def file(**options: Any) -> File:
    return File(versions(BODY, **FAST), **{"cut": 30, "cuts": 1, **options})


def read(response: httpx.Response) -> tuple[bytes, Exception | None]:
    found = b""
    try:
        for chunk in response.stream:  # type: ignore[union-attr]
            found += chunk
    except Exception as error:
        return found, error
    return found, None


def note_of(error: Exception | None) -> str:
    return "\n".join(getattr(error, "__notes__", ()))


def transport_of(serve: Any, **options: Any) -> Any:
    return ResumingTransport(httpx.MockTransport(serve), **options)


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


def test_a_length_is_checked_where_a_server_ends_a_body_in_peace() -> None:
    short = httpx.Response(
        200, headers={"content-length": "9"}, stream=Broken([b"abc", b"def"])
    )
    response, io = opened(lambda _: short, transport_of(lambda _: short, max_reread=0))
    found, error = read(response)
    assert (found, len(io.sent)) == (b"abcdef", 1)
    assert isinstance(error, httpx.RemoteProtocolError)
    assert str(error) == "the body ended after 6 bytes of 9"


def test_explain_tells_offset_reason_validator_and_bytes_read_twice() -> None:
    serve = cutting(file(ranges=False), 7)
    response, _ = opened(serve)
    response.request = httpx.Request("GET", "https://example.org/")
    read(response)
    told = explain(response).splitlines()
    assert "ReadError after 30 bytes" in told[1]
    assert 'asked for rest from 30, goes on by ETag "a", 30 bytes read again' in told[2]


def test_bytes_after_the_end_that_was_told_are_not_handed_out() -> None:
    tail = {"etag": '"a"', "content-range": "bytes 30-59/100"}

    def serve(request: httpx.Request) -> httpx.Response:
        asked = request.headers.get("range")
        if asked is None:
            head = {"etag": '"a"', "content-length": "100"}
            broken = Broken([BODY[:30]], httpx.ReadError("cut"))
            return httpx.Response(200, headers=head, stream=broken)
        if asked == "bytes=30-":
            chunks = Broken([BODY[30:50], BODY[50:70], b"junk"])
            return httpx.Response(206, headers=tail, stream=chunks)
        assert asked == "bytes=60-"
        last = {"etag": '"a"', "content-range": "bytes 60-99/100"}
        return httpx.Response(206, headers=last, stream=Broken([BODY[60:], b"junk"]))

    response, io = opened(serve)
    assert read(response) == (BODY, None)
    assert len(io.sent) == 3


def test_a_total_that_another_answer_tells_is_believed_only_once_it_is_the_same() -> (
    None
):
    made: list[Any] = []

    def serve(request: httpx.Request) -> httpx.Response:
        made.append(request)
        if len(made) == 1:  # chunked, and cut: there were 100 bytes more
            return httpx.Response(200, stream=Broken([BODY], httpx.ReadError("cut")))
        head = {"content-length": "100"}
        broken = Broken([bytes(30)], httpx.ReadError("cut"))
        return httpx.Response(200, headers=head, stream=broken)

    response, io = opened(serve)
    found, error = read(response)
    assert (found, len(io.sent)) == (BODY, 6)
    assert isinstance(error, httpx.ReadError)


def test_bytes_before_a_range_of_the_caller_count_as_read_again() -> None:
    def serve(request: httpx.Request) -> httpx.Response:
        head = {"etag": '"a"', "content-length": "100"}
        if "if-range" in request.headers:
            return httpx.Response(200, headers=head, stream=Broken([BODY]))
        head = {"etag": '"a"', "content-range": "bytes 50-99/100"}
        broken = Broken([BODY[50:60]], httpx.ReadError("cut"))
        return httpx.Response(206, headers=head, stream=broken)

    request = httpx.Request("GET", "https://a.example/", headers={"Range": "bytes=50-"})
    response, _ = opened(serve, transport_of(serve, max_reread=59), request)
    found, error = read(response)
    assert found == BODY[50:60]
    assert "to read 60 bytes again is more than max_reread=59" in note_of(error)
    response, _ = opened(serve, transport_of(serve, max_reread=60), request)
    assert read(response) == (BODY[50:], None)


def test_the_weak_form_of_an_etag_proves_nothing_where_there_is_no_hash() -> None:
    def serve(request: httpx.Request) -> httpx.Response:
        if "if-range" in request.headers:
            head = {"etag": 'W/"a"', "content-length": "100"}
            return httpx.Response(200, headers=head, stream=Broken([BODY]))
        head = {"etag": '"a"', "content-length": "100"}
        parts = [BODY[:10], BODY[10:20]]
        broken = Broken(parts, httpx.ReadError("cut"))
        return httpx.Response(200, headers=head, stream=broken)

    response, io = opened(serve)
    found, error = read(response)
    assert (found, len(io.sent)) == (BODY[:20], 2)
    assert "nothing proves that it is the same version" in note_of(error)


def test_a_get_with_a_body_of_its_own_is_not_sent_again() -> None:
    serve = cutting(file(), 7)
    request = httpx.Request("GET", "https://a.example/", content=iter([b"once"]))
    response, io = opened(serve, None, request)
    found, error = read(response)
    assert (found, len(io.sent)) == (BODY[:30], 1)
    assert "its request has a body that may not be sent again" in note_of(error)


def test_an_error_that_leaks_through_the_library_is_named_as_its_own() -> None:
    leaked = ssl.SSLError("bad record")
    answer = httpx.Response(200, stream=Broken([b"a"], leaked))
    response, _ = opened(
        lambda _: answer, transport_of(lambda _: answer, max_resumes=0)
    )
    found, error = read(response)
    assert found == b"a"
    assert isinstance(error, httpx.ReadError)
    assert error.__cause__ is leaked


def test_a_body_of_unknown_length_that_ends_after_a_part_is_asked_for_once_more() -> (
    None
):
    def serve(request: httpx.Request) -> httpx.Response:
        head = {"etag": '"a"'}
        asked = request.headers.get("range")
        if asked is None:
            broken = Broken([BODY[:10]], httpx.ReadError("cut"))
            return httpx.Response(200, headers=head, stream=broken)
        if asked == "bytes=10-":
            head |= {"content-range": "bytes 10-19/*"}
            return httpx.Response(206, headers=head, stream=Broken([BODY[10:20]]))
        assert asked == "bytes=20-"
        head |= {"content-range": "bytes */20"}
        return httpx.Response(416, headers=head, stream=Broken([]))

    response, io = opened(serve)
    assert read(response) == (BODY[:20], None)
    assert len(io.sent) == 3


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
