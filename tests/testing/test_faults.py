"""What faults decide, whom a transport plays them to, and what it refuses to be given."""

from __future__ import annotations

import math
import threading
from collections import Counter
from http import HTTPStatus
from random import Random
from typing import Any

import httpx
import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.fake_io import FakeIO

from httpx_resilient._core.io.protocol import run_sync
from httpx_resilient.testing import (
    Answer,
    Chance,
    FaultInjectingTransport,
    Latency,
    Outage,
    Reset,
    SlowBody,
    Together,
    Truncated,
)
from httpx_resilient.testing._faults import Fault
from httpx_resilient.testing._plan import Plan

GET = httpx.Request("GET", "https://example.org/")


def plan_of(fault: Fault, seconds: float = 0.0, seed: str = "0") -> Plan:
    plan = Plan(seconds, seed)
    fault.decide(plan)
    return plan


def flow(faulty: FaultInjectingTransport, io: FakeIO, request: Any = GET) -> Any:
    """Send one request. Returns the status, or the exception."""
    try:
        return run_sync(faulty._handle(request, io)).status_code
    except Exception as error:
        return error


def outcomes(faulty: FaultInjectingTransport, times: int) -> list[Any]:
    io = FakeIO(*[200] * times)
    ended = [flow(faulty, io) for _ in range(times)]
    return [each if isinstance(each, int) else type(each) for each in ended]


def test_a_script_has_one_entry_for_each_request_and_then_all_pass() -> None:
    faulty = FaultInjectingTransport(None, [503, httpx.ReadTimeout, None, 429])
    assert outcomes(faulty, 6) == [503, httpx.ReadTimeout, 200, 429, 200, 200]
    assert faulty.requests == 6
    assert faulty.injected == {"503": 1, "ReadTimeout": 1, "429": 1}


def test_what_is_answered_or_raised_here_is_not_sent() -> None:
    io = FakeIO()
    faulty = FaultInjectingTransport(None, [200, httpx.ConnectError])
    flow(faulty, io)
    flow(faulty, io)
    assert io.did == []


def test_one_fault_is_for_every_request() -> None:
    assert outcomes(FaultInjectingTransport(None, 503), 3) == [503] * 3
    assert outcomes(FaultInjectingTransport(None, None), 3) == [200] * 3


def test_an_answer_has_headers_and_a_body() -> None:
    faulty = FaultInjectingTransport(None, Answer(429, {"Retry-After": "2"}, b"slow"))
    response = run_sync(faulty._handle(GET, FakeIO()))
    assert response.headers == {"retry-after": "2", "content-length": "4"}
    assert response.extensions["fault"] == "429"
    assert not response.is_stream_consumed  # as one from a wire
    assert (response.read(), response.text) == (b"slow", "slow")


@pytest.mark.parametrize(
    ("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)]
)
def test_what_has_no_body_on_a_wire_has_none_here(method: str, status: int) -> None:
    faulty = FaultInjectingTransport(None, Answer(status, body=b"body"))
    with httpx.Client(transport=faulty) as client:
        response = client.request(method, "https://example.org/")
    assert response.content == b""
    assert response.headers["content-length"] == "4"


def test_headers_are_as_they_were_given() -> None:
    lying = Answer(200, {"Content-Length": "9"}, b"short")
    faulty = FaultInjectingTransport(None, lying)
    response = run_sync(faulty._handle(GET, FakeIO()))
    assert response.headers == {"content-length": "9"}


def test_a_status_may_be_of_an_enumeration() -> None:
    faulty = FaultInjectingTransport(None, [HTTPStatus.BAD_GATEWAY, httpx.codes.OK])
    assert outcomes(faulty, 2) == [502, 200]
    assert faulty.injected == {"502": 1, "200": 1}


def test_what_passes_is_not_marked() -> None:
    passed = httpx.Response(200)
    faulty = FaultInjectingTransport(None, [None])
    assert run_sync(faulty._handle(GET, FakeIO(passed))) is passed
    assert passed.extensions == {}


def test_a_class_is_raised_with_a_message_that_says_what_it_is() -> None:
    error = flow(FaultInjectingTransport(None, httpx.ConnectError), FakeIO())
    assert str(error) == "injected: ConnectError"
    assert error.__notes__ == ["injected by a FaultInjectingTransport: ConnectError"]


def test_of_an_instance_each_request_gets_a_copy() -> None:
    class Odd(httpx.ReadError):
        def __init__(self, one: int, two: int) -> None:
            super().__init__(f"{one} {two}")
            self.two = two

    mine = Odd(1, 2)
    mine.__cause__ = OSError("refused")
    mine.add_note("mine")
    faulty = FaultInjectingTransport(None, mine)
    first, second = flow(faulty, FakeIO()), flow(faulty, FakeIO())
    assert first is not second
    assert mine.__traceback__ is None
    for error in (first, second):
        assert (type(error), str(error), error.two) == (Odd, "1 2", 2)
        assert error.__cause__ is mine.__cause__
        assert len(error.__notes__) == 2
    assert mine.__notes__ == ["mine"]


def test_an_instance_needs_no_note_of_its_own() -> None:
    error = flow(FaultInjectingTransport(None, httpx.ReadError("mine")), FakeIO())
    assert (str(error), len(error.__notes__)) == ("mine", 1)


def test_a_reset_is_sent_and_its_answer_released() -> None:
    io = FakeIO(200)
    faulty = FaultInjectingTransport(None, Reset())
    assert isinstance(flow(faulty, io), httpx.ReadError)
    assert io.did == ["send", "close"]
    assert faulty.injected == {"Reset": 1}


def test_an_outage_is_told_by_the_clock_since_the_first_request() -> None:
    io = FakeIO(*[200] * 5)
    io.time = 1000.0
    faulty = FaultInjectingTransport(None, Outage(10, 40, httpx.ConnectError))
    seen = []
    for at in (0, 9.9, 10, 39.9, 40, 100):
        io.time = 1000.0 + at
        seen.append(flow(faulty, io))
    assert [isinstance(each, httpx.ConnectError) for each in seen] == [
        False, False, True, True, False, False,
    ]  # fmt: skip


def test_an_outage_answers_503_and_does_not_end_unless_told() -> None:
    assert plan_of(Outage(10), 1e9).name == "503"
    assert plan_of(Outage(10), 9).name == ""


@settings(deadline=None, max_examples=30)
@given(st.floats(0, 1), st.text(max_size=5), st.integers(1, 12))
def test_the_same_seed_makes_the_same_faults(p: float, seed: str, times: int) -> None:
    plan = Together(Chance(p, 503, Latency.normal(1, 0.5)), Chance(p, 500))
    io = [FakeIO(*[200] * times) for _ in range(2)]
    played = [
        [flow(faulty, each) for _ in range(times)]
        for each in io
        for faulty in [FaultInjectingTransport(None, plan, seed=seed)]
    ]
    assert played[0] == played[1]
    assert io[0].slept == io[1].slept


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 20))
def test_what_happens_to_one_request_changes_nothing_for_another(down: int) -> None:
    """An outage that begins earlier takes no dice from those that come after it."""
    chance = Chance(0.5, 500)
    alone = FaultInjectingTransport(None, chance, seed=3)
    beside = FaultInjectingTransport(
        None, Together(chance, Outage(0, down + 0.5, Chance(0.5, 502))), seed=3
    )
    io = FakeIO(*[200] * 60)
    for at in range(30):
        io.time = float(at)
        expected, was = flow(alone, io), flow(beside, io)
        assert was == expected or (was == 502 and at <= down)


def test_a_seed_that_nobody_gave_can_be_given_again() -> None:
    first = FaultInjectingTransport(None, Chance(0.5, 503))
    again = FaultInjectingTransport(None, Chance(0.5, 503), seed=first.seed)
    assert outcomes(first, 50) == outcomes(again, 50)
    assert FaultInjectingTransport(None, []).seed != first.seed


def test_a_chance_is_as_likely_as_it_says() -> None:
    counts = Counter(
        outcomes(FaultInjectingTransport(None, Chance(0.2, 500, 503), seed=1), 5000)
    )
    assert 400 < counts[500] < 600
    assert 400 < counts[503] < 600
    assert set(outcomes(FaultInjectingTransport(None, Chance(0, 503)), 50)) == {200}
    assert set(outcomes(FaultInjectingTransport(None, Chance(1, 503)), 50)) == {503}


def test_together_latencies_add_up_and_the_first_end_counts() -> None:
    plan = plan_of(
        Together(
            Latency(1),
            Latency(2),
            httpx.ReadError,
            503,
            Reset(),
            Latency(4),
            Truncated(3),
        )
    )
    assert plan.wait == 3
    assert plan.error is httpx.ReadError
    assert plan.answer is None
    assert not plan.is_lost
    assert [fault.name for fault in plan.body] == ["Truncated"]


def test_latencies_are_distributed_as_they_say() -> None:
    def drawn(latency: Latency) -> list[float]:
        return sorted(plan_of(latency, seed=str(n)).wait for n in range(2000))

    uniform = drawn(Latency.uniform(1, 3))
    assert 1 <= uniform[0] < 1.1
    assert 1.9 < uniform[1000] < 2.1
    assert 2.9 < uniform[-1] <= 3
    normal = drawn(Latency.normal(1, 0.5))
    assert normal[0] == 0  # none is negative
    assert 0.95 < normal[1000] < 1.05
    assert 1.4 < normal[1682] < 1.6  # a deviation above the mean
    lognormal = drawn(Latency.lognormal(median=1, p99=10))
    assert 0.9 < lognormal[1000] < 1.1
    assert 8 < lognormal[1980] < 13
    assert drawn(Latency(Random.random))[1000] == pytest.approx(0.5, abs=0.05)
    assert drawn(Latency(0.2))[0] == 0.2
    assert drawn(Latency(lambda _: math.inf))[0] == 86_400


def test_a_distribution_that_gives_no_number_is_named() -> None:
    faulty = FaultInjectingTransport(None, Latency(lambda _: math.nan))
    assert "seconds is a number of seconds" in str(flow(faulty, FakeIO()))


def test_latency_passes_before_a_request_is_sent() -> None:
    io = FakeIO(200)
    faulty = FaultInjectingTransport(None, Latency(1.5))
    assert flow(faulty, io) == 200
    assert (io.did, io.slept) == (["sleep", "send"], [1.5])
    assert faulty.injected == {"Latency": 1}


def test_latency_beyond_the_read_timeout_is_a_read_timeout() -> None:
    io = FakeIO()
    timeout = {"timeout": {"read": 1.0}}
    request = httpx.Request("GET", "https://example.org/", extensions=timeout)
    faulty = FaultInjectingTransport(None, Together(Latency(5), 503))
    assert isinstance(flow(faulty, io, request), httpx.ReadTimeout)
    assert io.slept == [1.0]
    assert faulty.injected == {"Latency": 1}


def test_it_is_turned_off_and_on_while_it_runs() -> None:
    io = FakeIO(200)
    faulty = FaultInjectingTransport(None, [503])
    faulty.enabled = False
    assert flow(faulty, io) == 200
    assert faulty.requests == 0
    faulty.enabled = True
    assert flow(faulty, io) == 503


@pytest.mark.parametrize(
    "only",
    [
        "https://EXAMPLE.org",
        "https://example.org:443/",
        lambda request: request.url.host == "example.org",
    ],
)
def test_only_some_requests_are_played_to(only: Any) -> None:
    io = FakeIO(200, 200)
    faulty = FaultInjectingTransport(None, [503, 502], only=only)
    other = httpx.Request("GET", "http://example.org/")
    if callable(only):
        other = httpx.Request("GET", "https://example.com/")
    ended = [flow(faulty, io, request) for request in (other, GET, other, GET)]
    assert ended == [200, 503, 200, 502]
    assert faulty.requests == 2


def test_two_of_them_nest_and_both_are_told() -> None:
    inner = FaultInjectingTransport(None, 503)
    io = FakeIO(run_sync(inner._handle(GET, FakeIO())))
    outer = FaultInjectingTransport(None, Latency(1))
    assert run_sync(outer._handle(GET, io)).extensions["fault"] == "503, Latency"


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(400, 599), max_size=40), st.integers(1, 8))
def test_whatever_the_threads_do_each_entry_is_played_once(
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
    played = script[: 8 * threads]
    assert Counter(seen) == Counter([*played, *[200] * (8 * threads - len(played))])
    assert faulty.injected == Counter(map(str, played))


MISTAKES: list[tuple[Any, type[Exception], str]] = [
    (lambda: FaultInjectingTransport(None, [httpx2.ReadTimeout]), TypeError,
     "ReadTimeout is an exception of httpx2, and this transport is for httpx: give"),
    (lambda: FaultInjectingTransport(None, Chance(0.1, Outage(0, 1, httpx2.ReadError("")))),
     TypeError, "ReadError is an exception of httpx2"),
    (lambda: FaultInjectingTransport(None, ["503"]), TypeError, "a fault is a status .*'503'"),
    (lambda: FaultInjectingTransport(None, "503"), TypeError, "a fault is a status .*'503'"),
    (lambda: FaultInjectingTransport(None, {"https://a": 503}), TypeError, "a fault is a status"),
    (lambda: FaultInjectingTransport(None, [True]), TypeError, "a fault is a status .*True"),
    (lambda: FaultInjectingTransport(None, [KeyboardInterrupt]), TypeError, "a fault is a status"),
    (lambda: FaultInjectingTransport(None, [Reset]), TypeError, r"an instance: Reset\(...\)"),
    (lambda: FaultInjectingTransport(None, [httpx.HTTPStatusError]), TypeError,
     "HTTPStatusError needs more than a message: give an instance"),
    (lambda: FaultInjectingTransport(None, [99]), ValueError, "status is a whole number, 200"),
    (lambda: FaultInjectingTransport(None, 503, seed=0.5), TypeError, "seed is a whole number"),
    (lambda: FaultInjectingTransport(None, 503, only=5), TypeError, "only is an origin .*got 5"),
    (lambda: FaultInjectingTransport(None, 503, only="example.org"), ValueError, "only is an origin"),
    (lambda: FaultInjectingTransport(None, 503, only="https://a/b"), ValueError, "without a path"),
    (lambda: FaultInjectingTransport(None, 503, retries=3), TypeError, "unknown option retries"),
    (lambda: FaultInjectingTransport(3, 503), TypeError, "inner must be a transport"),
    (lambda: Answer("503"), TypeError, "status is a whole number"),
    (lambda: Answer(503, body="text"), TypeError, "body is bytes"),
    (lambda: Answer(503, {"retry-after": 2}), TypeError, "headers is a mapping"),
    (lambda: Answer(503, [("a", "b")]), TypeError, "headers is a mapping"),
    (lambda: Answer(503, {"a": "\u00e9"}), ValueError, "a header is ASCII on one line, got"),
    (lambda: Answer(503, {"a": "b\r\nc"}), ValueError, "a header is ASCII on one line, got"),
    (lambda: Chance(-0.1, 503), ValueError, "probability is a number, 0 or more, at most 1"),
    (lambda: Chance(0.1), TypeError, "give at least one fault"),
    (lambda: Chance(0.1, "503"), TypeError, "a fault is a status"),
    (lambda: Together(), TypeError, "give at least one fault"),
    (lambda: Outage(40, 10), ValueError, "end is a number of seconds, above 40; got 10"),
    (lambda: Outage(-1, 10), ValueError, "start is a number of seconds, 0 or more"),
    (lambda: Outage(0, 10, "x"), TypeError, "a fault is a status"),
    (lambda: Latency(-1), ValueError, "seconds is a number of seconds, 0 or more"),
    (lambda: Latency("1"), TypeError, "seconds is a number of seconds"),
    (lambda: Latency.uniform(2, 1), ValueError, "high is a number of seconds, 2 or more"),
    (lambda: Latency.normal(1, -1), ValueError, "deviation is a number of seconds"),
    (lambda: Latency.lognormal(0, 1), ValueError, "median is a number of seconds, above 0"),
    (lambda: Latency.lognormal(2, 1), ValueError, "p99 is a number of seconds, 2 or more"),
    (lambda: Reset(-1), ValueError, "after is a whole number of bytes, 0 or more"),
    (lambda: Truncated(1.5), TypeError, "after is a whole number of bytes"),
    (lambda: SlowBody(0), ValueError, "every is a number of seconds, above 0"),
    (lambda: SlowBody(1, 0), ValueError, "size is a whole number of bytes, 1 or more"),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(MISTAKES)))
def test_a_mistake_is_told_when_it_is_made(number: int) -> None:
    mistake, kind, message = MISTAKES[number]
    with pytest.raises(kind, match=message):
        mistake()


def test_an_asynchronous_predicate_is_refused() -> None:
    async def only(request: httpx.Request) -> bool:
        raise AssertionError

    with pytest.raises(TypeError, match="is not asynchronous; got"):
        FaultInjectingTransport(None, 503, only=only)


def test_faults_tell_what_they_are() -> None:
    shown = [Answer(503), Reset(), Latency(1), Together(503)]
    assert list(map(repr, shown)) == ["<503>", "<Reset>", "<Latency>", "<Together>"]
