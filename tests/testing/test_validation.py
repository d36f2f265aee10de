"""Wrong arguments raise an error where they are given, which says what to do."""

from __future__ import annotations

from typing import Any

import httpx
import httpx2
import pytest

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
    no_waits,
    virtual_time,
)

MISTAKES: list[tuple[Any, type[Exception], str]] = [
    (lambda: FaultInjectingTransport(None, [httpx2.ReadTimeout]), TypeError,
     "ReadTimeout is an exception of httpx2, but this transport is for httpx: give"),
    (lambda: FaultInjectingTransport(None, Chance(0.1, Outage(0, 1, httpx2.ReadError("")))),
     TypeError, "ReadError is an exception of httpx2"),
    (lambda: FaultInjectingTransport(None, ["503"]), TypeError, "a fault must be a status .*'503'"),
    (lambda: FaultInjectingTransport(None, "503"), TypeError, "a fault must be a status .*'503'"),
    (lambda: FaultInjectingTransport(None, {"https://a": 503}), TypeError, "a fault must be a status"),
    (lambda: FaultInjectingTransport(None, [True]), TypeError, "a fault must be a status .*True"),
    (lambda: FaultInjectingTransport(None, [KeyboardInterrupt]), TypeError, "a fault must be a status"),
    (lambda: FaultInjectingTransport(None, [Reset]), TypeError, r"an instance: give Reset\(...\)"),
    (lambda: FaultInjectingTransport(None, [httpx.HTTPStatusError]), TypeError,
     "HTTPStatusError cannot be made from a message alone: give an instance"),
    (lambda: FaultInjectingTransport(None, [99]), ValueError, "status is a whole number, 200"),
    (lambda: FaultInjectingTransport(None, 503, seed=0.5), TypeError, "seed must be a whole number"),
    (lambda: FaultInjectingTransport(None, 503, only=5), TypeError, "only must be an origin .*got 5"),
    (lambda: FaultInjectingTransport(None, 503, only="example.org"), ValueError, "only must be an origin"),
    (lambda: FaultInjectingTransport(None, 503, only="https://a/b"), ValueError, "without a path"),
    (lambda: FaultInjectingTransport(None, 503, retries=3), TypeError, "unknown option retries"),
    (lambda: FaultInjectingTransport(3, 503), TypeError, "inner must be a transport"),
    (lambda: Answer("503"), TypeError, "status is a whole number"),
    (lambda: Answer(503, body="text"), TypeError, "body must be bytes"),
    (lambda: Answer(503, {"retry-after": 2}), TypeError, "headers must be a mapping"),
    (lambda: Answer(503, [("a", "b")]), TypeError, "headers must be a mapping"),
    (lambda: Answer(503, {"a": "\u00e9"}), ValueError, "a header must be ASCII on one line; got"),
    (lambda: Answer(503, {"a": "b\r\nc"}), ValueError, "a header must be ASCII on one line; got"),
    (lambda: Chance(-0.1, 503), ValueError, "probability is a number, 0 or more, at most 1"),
    (lambda: Chance(0.1), TypeError, "give at least one fault"),
    (lambda: Chance(0.1, "503"), TypeError, "a fault must be a status"),
    (lambda: Together(), TypeError, "give at least one fault"),
    (lambda: Outage(40, 10), ValueError, "end is a number of seconds, above 40; got 10"),
    (lambda: Outage(-1, 10), ValueError, "start is a number of seconds, 0 or more"),
    (lambda: Outage(0, 10, "x"), TypeError, "a fault must be a status"),
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
    (lambda: virtual_time(patience=-1), ValueError, "patience"),
    (lambda: virtual_time(patience="1"), TypeError, "patience"),
    (lambda: virtual_time(seed="one"), TypeError, "seed must be a whole number or None; got 'one'"),
    (lambda: no_waits(seed="one"), TypeError, "seed must be a whole number or None; got 'one'"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "kind", "message"), MISTAKES)
def test_a_wrong_argument_is_refused_where_it_is_given(
    make: Any, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        make()


def test_an_asynchronous_callable_for_only_is_refused() -> None:
    async def only(request: httpx.Request) -> bool:
        raise AssertionError

    with pytest.raises(TypeError, match=r"a synchronous callable that .*; got"):
        FaultInjectingTransport(None, 503, only=only)


def test_a_clock_cannot_go_back() -> None:
    with virtual_time() as clock, pytest.raises(ValueError, match="seconds"):
        clock.advance(-1)
