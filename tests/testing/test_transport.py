"""Which requests a `FaultInjectingTransport` applies faults to, and how they end."""

from __future__ import annotations

import threading
from collections import Counter
from http import HTTPStatus
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.fake_io import FakeIO
from support.faults import GET, outcome_of, outcomes_of, respond

from httpx_resilient import RetryingTransport
from httpx_resilient.testing import (
    Answer,
    FaultInjectingTransport,
    Latency,
    Reset,
    Together,
    Truncated,
)


def test_a_script_has_one_entry_for_each_request_and_later_requests_pass() -> None:
    script = [503, httpx.ReadTimeout, None, 429]
    passed = httpx.MockTransport(lambda request: httpx.Response(200))
    faulty = FaultInjectingTransport(passed, script)
    assert outcomes_of(faulty, 6) == [503, httpx.ReadTimeout, 200, 429, 200, 200]
    assert faulty.requests == 6
    assert faulty.injected == {"503": 1, "ReadTimeout": 1, "429": 1}


def test_a_script_without_an_inner_transport_ends_before_the_network() -> None:
    faulty = FaultInjectingTransport(None, [503, 200])
    with httpx.Client(transport=faulty) as client:
        for status in (503, 200):
            assert client.get("http://any").status_code == status
        with pytest.raises(RuntimeError, match=r"request 3, and the script .* has 2"):
            client.get("http://any")


def test_a_script_that_has_run_out_is_not_retried() -> None:
    faulty = FaultInjectingTransport(None, [503])
    with httpx.Client(transport=RetryingTransport(faulty)) as client:
        with pytest.raises(RuntimeError, match="give an inner transport"):
            client.get("http://any")
    assert faulty.requests == 2


def test_a_script_with_options_of_the_network_is_followed_by_the_network() -> None:
    faulty = FaultInjectingTransport(None, [503], http1=True)
    assert outcomes_of(faulty, 2) == [503, 200]


def test_a_single_fault_applies_to_every_request() -> None:
    assert outcomes_of(FaultInjectingTransport(None, 503), 3) == [503] * 3
    assert outcomes_of(FaultInjectingTransport(None, None), 3) == [200] * 3


def test_a_request_that_is_answered_or_fails_locally_is_not_sent() -> None:
    io = FakeIO()
    faulty = FaultInjectingTransport(None, [200, httpx.ConnectError])
    outcome_of(faulty, io)
    outcome_of(faulty, io)
    assert io.did == []


class TestAnswer:
    def test_has_headers_and_an_unread_body_as_from_a_server(self) -> None:
        answer = Answer(429, {"Retry-After": "2"}, b"slow")
        response = respond(FaultInjectingTransport(None, answer), FakeIO())
        assert response.headers == {"retry-after": "2", "content-length": "4"}
        assert response.extensions["fault"] == "429"
        assert not response.is_stream_consumed
        assert (response.read(), response.text) == (b"slow", "slow")

    @pytest.mark.parametrize(
        ("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)]
    )
    def test_has_no_body_where_http_allows_none(self, method: str, status: int) -> None:
        faulty = FaultInjectingTransport(None, Answer(status, body=b"body"))
        with httpx.Client(transport=faulty) as client:
            response = client.request(method, "https://example.org/")
        assert response.content == b""
        assert response.headers["content-length"] == "4"

    def test_has_the_content_length_that_is_given_even_a_wrong_one(self) -> None:
        answer = Answer(200, {"Content-Length": "9"}, b"short")
        response = respond(FaultInjectingTransport(None, answer), FakeIO())
        assert response.headers == {"content-length": "9"}

    def test_accepts_a_status_of_an_enumeration(self) -> None:
        faulty = FaultInjectingTransport(None, [HTTPStatus.BAD_GATEWAY, httpx.codes.OK])
        assert outcomes_of(faulty, 2) == [502, 200]
        assert faulty.injected == {"502": 1, "200": 1}


class TestException:
    def test_from_a_class_has_a_message_and_a_note_that_it_is_injected(self) -> None:
        faulty = FaultInjectingTransport(None, httpx.ConnectError)
        error = outcome_of(faulty, FakeIO())
        assert isinstance(error, httpx.ConnectError)
        assert str(error) == "injected: ConnectError"
        assert error.__notes__ == [
            "injected by a FaultInjectingTransport: ConnectError"
        ]

    def test_from_an_instance_is_a_copy_for_each_request(self) -> None:
        class TwoArguments(httpx.ReadError):
            def __init__(self, one: int, two: int) -> None:
                super().__init__(f"{one} {two}")
                self.two = two

        given = TwoArguments(1, 2)
        given.__cause__ = OSError("refused")
        given.add_note("mine")
        faulty = FaultInjectingTransport(None, given)
        first, second = outcome_of(faulty, FakeIO()), outcome_of(faulty, FakeIO())
        assert first is not second
        assert given.__traceback__ is None
        for error in (first, second):
            assert (type(error), str(error), error.two) == (TwoArguments, "1 2", 2)
            assert error.__cause__ is given.__cause__
            assert len(error.__notes__) == 2
        assert given.__notes__ == ["mine"]

    def test_from_an_instance_without_notes_has_only_the_note_of_the_fault(
        self,
    ) -> None:
        faulty = FaultInjectingTransport(None, httpx.ReadError("mine"))
        error = outcome_of(faulty, FakeIO())
        assert (str(error), len(error.__notes__)) == ("mine", 1)


def test_a_reset_sends_the_request_and_releases_the_response() -> None:
    io = FakeIO(200)
    faulty = FaultInjectingTransport(None, Reset())
    assert isinstance(outcome_of(faulty, io), httpx.ReadError)
    assert io.did == ["send", "close"]
    assert faulty.injected == {"Reset": 1}


def test_a_latency_passes_before_the_request_is_sent() -> None:
    io = FakeIO(200)
    faulty = FaultInjectingTransport(None, Latency(1.5))
    assert outcome_of(faulty, io) == 200
    assert (io.did, io.slept) == (["sleep", "send"], [1.5])
    assert faulty.injected == {"Latency": 1}


def test_a_latency_beyond_the_read_timeout_is_a_read_timeout() -> None:
    io = FakeIO()
    timeout = {"timeout": {"read": 1.0}}
    request = httpx.Request("GET", "https://example.org/", extensions=timeout)
    faulty = FaultInjectingTransport(None, Together(Latency(5), 503))
    assert isinstance(outcome_of(faulty, io, request), httpx.ReadTimeout)
    assert io.slept == [1.0]
    assert faulty.injected == {"Latency": 1}


def test_a_response_that_passes_has_no_label() -> None:
    passed = httpx.Response(200)
    faulty = FaultInjectingTransport(None, [None])
    assert respond(faulty, FakeIO(passed)) is passed
    assert passed.extensions == {}


def test_nested_transports_each_add_their_faults_to_the_label() -> None:
    inner = FaultInjectingTransport(None, 503)
    outer = FaultInjectingTransport(None, Latency(1))
    response = respond(outer, FakeIO(respond(inner, FakeIO())))
    assert response.extensions["fault"] == "503, Latency"


def test_an_upgraded_connection_has_no_body_to_break() -> None:
    upgraded = httpx.Response(101)
    stream = upgraded.stream
    faulty = FaultInjectingTransport(None, Truncated(0))
    response = respond(faulty, FakeIO(upgraded), httpx.Request("GET", "ws://any"))
    assert response.stream is stream
    assert response.extensions == {}


def test_a_disabled_transport_lets_requests_pass_and_does_not_count_them() -> None:
    io = FakeIO(200)
    faulty = FaultInjectingTransport(None, [503])
    faulty.enabled = False
    assert outcome_of(faulty, io) == 200
    assert faulty.requests == 0
    faulty.enabled = True
    assert outcome_of(faulty, io) == 503


@pytest.mark.parametrize(
    ("only", "other"),
    [
        ("https://EXAMPLE.org", "http://example.org/"),
        ("https://example.org:443/", "http://example.org/"),
        (lambda request: request.url.host == "example.org", "https://example.com/"),
    ],
)
def test_requests_that_only_does_not_select_pass_and_use_no_entry(
    only: Any, other: str
) -> None:
    io = FakeIO(200, 200)
    faulty = FaultInjectingTransport(None, [503, 502], only=only)
    passing = httpx.Request("GET", other)
    ended = [outcome_of(faulty, io, each) for each in (passing, GET, passing, GET)]
    assert ended == [200, 503, 200, 502]
    assert faulty.requests == 2


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(400, 599), max_size=40), st.integers(1, 8))
def test_concurrent_threads_use_each_entry_of_a_script_once(
    script: list[int], threads: int
) -> None:
    mock = httpx.MockTransport(lambda request: httpx.Response(200))
    faulty = FaultInjectingTransport(mock, script)
    seen: list[int] = []
    start = threading.Barrier(threads)

    def work() -> None:
        start.wait()
        seen.extend(faulty.handle_request(GET).status_code for _ in range(8))

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    used = script[: 8 * threads]
    assert Counter(seen) == Counter([*used, *[200] * (8 * threads - len(used))])
    assert faulty.injected == Counter(map(str, used))
