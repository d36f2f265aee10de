"""What follows each end of a connection, and each answer, without sockets."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from support.event_streams import TYPE

from httpx_resilient import (
    CircuitBreaker,
    CircuitBreakingTransport,
    EventStreamTransport,
    RetryingTransport,
    attempts_of,
    events,
    explain,
)
from httpx_resilient.testing import no_waits

ONE, TWO = b"id: 1\ndata: a\n\n", b"id: 2\ndata: b\n\n"


class Parts(httpx.SyncByteStream):
    """Chunks, and exceptions that are raised between them."""

    def __init__(self, *parts: bytes | BaseException) -> None:
        self.parts = parts
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        for part in self.parts:
            if isinstance(part, BaseException):
                raise part
            yield part

    def close(self) -> None:
        self.closed += 1


BROKEN = httpx.ReadError("cut")


def stream(*parts: bytes | BaseException, **headers: str) -> httpx.Response:
    return httpx.Response(200, headers={**TYPE, **headers}, stream=Parts(*parts))


class Script:
    """A handler for a mock: answers in turn, the last one again and again."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answers = self.answers
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer) if isinstance(answer, int) else answer


class Read:
    """What a reader gets: its chunks, and the exception at their end."""

    def __init__(self, script: Script, inner: Any = None, **options: Any) -> None:
        self.seen: list[events.Event] = []
        self.chunks: list[bytes] = []
        self.error: Exception | None = None
        transport = EventStreamTransport(
            inner or httpx.MockTransport(script),
            **{"wait": 0, "on_event": self.seen.append, **options},
        )
        method = options.get("methods", ["GET"])[0]
        with no_waits() as self.clock, httpx.Client(transport=transport) as client:
            body = None if method == "GET" else iter([b"x"])
            with client.stream(method, "http://localhost/", content=body) as response:
                self.response = response
                try:
                    self.chunks.extend(response.iter_bytes())
                except httpx.TransportError as error:
                    self.error = error

    @property
    def waits(self) -> list[float]:
        again = events.EventStreamReconnecting
        return [each.wait for each in self.seen if isinstance(each, again)]

    @property
    def end(self) -> events.EventStreamEnded:
        assert isinstance(self.seen[-1], events.EventStreamEnded)
        return self.seen[-1]


def test_the_events_tell_what_happens_and_nothing_of_the_stream() -> None:
    found = Read(Script(stream(ONE, BROKEN), 503, stream(TWO), 204))
    texts = [str(each) for each in found.seen]
    assert texts == [
        f"GET http://localhost/: event stream{text}"
        for text in (
            ", connection 1",
            ": ReadError; reconnecting in 0.00 s",
            ": 503; reconnecting in 0.00 s",
            ", connection 2",
            ": clean end; reconnecting in 0.00 s",
            " ended after 2 connections: 204",
        )
    ]
    assert str(
        events.EventStreamEnded(found.response.request, "x", 1, failed=True)
    ) == ("GET http://localhost/: event stream ended after 1 connection: x")


def test_an_answer_that_a_mock_holds_in_memory_is_read_as_a_stream() -> None:
    script = Script(httpx.Response(200, headers=TYPE, content=ONE + b"id: 2"), 204)
    assert Read(script).chunks == [ONE]
    assert [each.headers.get("last-event-id") for each in script.requests] == [
        None,
        "1",
    ]


class TestARowOfReconnectionsWithoutAnEvent:
    def test_ends_with_the_last_error(self) -> None:
        script = Script(stream(ONE, BROKEN), httpx.ConnectError("refused"))
        found = Read(script, max_reconnects=3)
        assert isinstance(found.error, httpx.ConnectError)
        assert "3 reconnections in a row" in found.error.__notes__[0]
        assert len(script.requests) == 4
        assert found.end.failed

    def test_ends_with_the_last_status(self) -> None:
        found = Read(Script(stream(ONE, BROKEN), 503), max_reconnects=2)
        assert "got status 503; not reconnected: 2 reconnections" in str(found.error)

    def test_may_be_answered_by_one_response_of_a_mock(self) -> None:
        found = Read(Script(stream(b"da", BROKEN)), max_reconnects=2)
        assert found.error is BROKEN

    def test_grows_its_waits(self) -> None:
        found = Read(Script(stream(b"retry: 0\n\n", BROKEN)), max_reconnects=9)
        least = [0, 0, 1, 2, 4, 8, 16, 30, 30]
        for wait, expected in zip(found.waits, least, strict=True):
            assert expected <= wait <= expected * 1.1
        assert sum(least) <= found.clock.elapsed

    def test_is_ended_by_an_event(self) -> None:
        answers = [stream(BROKEN)] * 3 + [stream(ONE, BROKEN)] + [stream(BROKEN)]
        found = Read(Script(*answers), max_reconnects=4)
        assert [wait >= 1 for wait in found.waits] == [
            *[False, False, True],
            *[False, False, True, True],
        ]

    def test_is_long_if_events_come_again_and_again_without_another_id(self) -> None:
        found = Read(Script(*[stream(b"retry: 0\ndata: x\n\n") for _ in range(5)], 204))
        assert [wait >= 1 for wait in found.waits] == [False, False, True, True, True]


@pytest.mark.parametrize(
    ("status", "headers", "wait"),
    [
        (408, {}, 0.0),
        (429, {"retry-after": "7"}, 7.0),
        (503, {"retry-after": "2"}, 2.0),
        (500, {}, 0.0),
        (409, {"x-should-retry": "true"}, 0.0),
    ],
)
def test_a_status_that_is_soon_over_is_asked_again(
    status: int, headers: dict[str, str], wait: float
) -> None:
    answer = httpx.Response(status, headers=headers)
    found = Read(Script(stream(ONE, BROKEN), answer, stream(TWO), 204))
    assert found.chunks == [ONE, TWO]
    assert wait <= found.waits[1] <= wait * 1.1


@pytest.mark.parametrize("status", [201, 301, 400, 401, 410, 501])
def test_any_other_status_is_the_end(status: int) -> None:
    found = Read(Script(stream(ONE, BROKEN), status))
    assert isinstance(found.error, httpx.RemoteProtocolError)
    assert f"status {status}" in str(found.error)


def test_a_server_may_forbid_another_attempt() -> None:
    answer = httpx.Response(503, headers={"x-should-retry": "false"})
    assert "status 503" in str(Read(Script(stream(ONE, BROKEN), answer)).error)


@pytest.mark.parametrize(
    "error", [httpx.UnsupportedProtocol("no"), httpx.LocalProtocolError("no")]
)
def test_an_error_that_is_not_over_soon_goes_up(error: Exception) -> None:
    found = Read(Script(stream(ONE, BROKEN), error))
    assert found.error is error
    assert "fail in the same way" in found.error.__notes__[0]


def test_a_full_pool_and_an_open_circuit_are_waited_for() -> None:
    script = Script(stream(ONE, BROKEN), httpx.PoolTimeout("full"), stream(TWO), 204)
    assert Read(script).chunks == [ONE, TWO]
    script = Script(stream(ONE, BROKEN), httpx.ConnectError("x"), stream(TWO), 204)
    with no_waits():
        breaker = CircuitBreaker(minimum_calls=1, open_for=5)
    inner = CircuitBreakingTransport(httpx.MockTransport(script), breaker)
    assert Read(script, inner).chunks == [ONE, TWO]


def test_a_clean_end_is_the_end_of_a_finite_stream() -> None:
    script = Script(stream(ONE, TWO))
    found = Read(script, finite=True)
    assert found.chunks == [ONE, TWO]
    assert (len(script.requests), found.end.reason) == (1, "clean end")


def test_a_finite_stream_goes_on_after_a_break() -> None:
    script = Script(stream(ONE, BROKEN), stream(TWO))
    assert Read(script, finite=True).chunks == [ONE, TWO]


def test_a_stream_without_ids_goes_on_if_its_reader_says_so() -> None:
    script = Script(stream(b"data: x\n\n", BROKEN), stream(b"data: y\n\n"))
    assert Read(script, without_ids=True).chunks == [b"data: x\n\n", b"data: y\n\n"]


def test_a_body_that_is_spent_cannot_be_sent_again() -> None:
    found = Read(Script(stream(ONE, BROKEN)), methods=["POST"])
    assert "the body of its request cannot be sent again" in str(found.error)


def test_an_event_that_is_too_large_is_the_end() -> None:
    script = Script(stream(ONE, b"data: " + b"x" * 100, b"x"))
    found = Read(script, max_event_bytes=50)
    assert found.chunks == [ONE]
    assert "more than 50 bytes: give a larger max_event_bytes" in str(found.error)
    assert len(script.requests) == 1


def test_an_interrupted_reader_may_go_on() -> None:
    script = Script(stream(ONE, KeyboardInterrupt()), stream(TWO), 204)
    transport = EventStreamTransport(httpx.MockTransport(script), wait=0)
    response = transport.handle_request(httpx.Request("GET", "http://localhost/"))
    chunks = iter(response.stream)  # type: ignore[arg-type]  # it serves both clients
    assert next(chunks) == ONE
    with pytest.raises(KeyboardInterrupt):
        next(chunks)
    assert next(chunks) == TWO
    assert next(chunks, None) is None
    response.close()
    assert next(iter(response.stream), None) is None  # type: ignore[arg-type]  # as above


def test_a_listener_that_is_interrupted_leaves_no_response_open() -> None:
    def interrupt(event: events.Event) -> None:
        raise KeyboardInterrupt

    answer = stream(ONE)
    mock = httpx.MockTransport(Script(answer))
    transport = EventStreamTransport(mock, on_event=interrupt)
    with pytest.raises(KeyboardInterrupt):
        transport.handle_request(httpx.Request("GET", "http://localhost/"))
    assert answer.is_closed


def test_a_response_that_is_forgotten_is_collected_without_a_cycle() -> None:
    answer = stream(ONE, TWO)
    source = weakref.ref(answer.stream)
    transport = EventStreamTransport(httpx.MockTransport(Script(answer, 204)))
    response = transport.handle_request(httpx.Request("GET", "http://localhost/"))
    own: Any = response.stream
    assert next(iter(own)) == ONE
    assert own.stream is source()
    gc.disable()
    try:
        del transport, response, answer, own
        assert source() is None
    finally:
        gc.enable()


def test_every_connection_is_closed_before_the_next_one() -> None:
    bodies = [stream(ONE, BROKEN), stream(TWO)]
    Read(Script(*bodies, 204))
    assert all(each.stream.closed for each in bodies[1:])  # type: ignore[union-attr]  # they are parts


class TestTheHistory:
    def test_has_what_layers_inside_have_sent(self) -> None:
        script = Script(503, stream(ONE, BROKEN), 503, stream(TWO), 204)
        inner = RetryingTransport(httpx.MockTransport(script))
        found = Read(script, inner)
        attempts = attempts_of(found.response)
        assert [each.outcome for each in attempts] == [503, 200, 503, 200, 204]
        assert [each.number for each in attempts] == [1, 2, 3, 3, 4]
        assert "ReadError, then waited" in explain(found.response)

    def test_remembers_the_first_and_the_latest_connections(self) -> None:
        blocks = [stream(b"id: %d\ndata: x\n\n" % number) for number in range(150)]
        found = Read(Script(*blocks, 204))
        numbers = [each.number for each in attempts_of(found.response)]
        assert numbers == [*range(1, 11), *range(62, 152)]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"finite": 1}, "finite must be True or False; got 1"),
        ({"without_ids": None}, "without_ids must be True or False; got None"),
        ({"methods": "GET"}, "methods must be a collection"),
        ({"methods": ["POSTT"]}, "did you mean 'POST'"),
        ({"wait": -1}, "wait is a number of seconds, 0 or more"),
        ({"max_event_bytes": 0}, "max_event_bytes is a whole number of bytes"),
        ({"max_reconnects": 1.5}, "max_reconnects is a whole number"),
    ],
)
def test_an_option_that_cannot_work_is_refused(
    options: dict[str, Any], text: str
) -> None:
    with pytest.raises((TypeError, ValueError), match=text):
        EventStreamTransport(**options)
