"""The circuit-breaking layer: what it sends, what it counts, what it refuses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import tenacity
from support.fake_io import FakeIO, Scripted, outcomes_of
from support.gates import Gate, stream
from support.outcomes import NEITHER
from support.server import Server, close, head, reply, stall
from support.world import LIBRARIES, World

import httpx_resilient.httpx2
from httpx_resilient import (
    CircuitBreaker,
    CircuitBreakingTransport,
    CircuitOpen,
    CircuitState,
    DeadlineExceeded,
    RetryingTransport,
    attempts_of,
)
from httpx_resilient._core.io.protocol import run_sync
from httpx_resilient._core.state.sliding_window import Window

pytestmark = pytest.mark.anyio

GET = httpx.Request("GET", "https://example.org/?secret")
ORIGIN = "https://example.org"

HALF = head(200, {"content-length": "9"}) + b"half"


def quick(**options: Any) -> CircuitBreaker:
    """One that opens with the second failure, for a moment."""
    return CircuitBreaker(
        **{"minimum_calls": 2, "open_for": 0.05, "max_open_for": 0.05, **options}
    )


def flow(io: FakeIO, breaker: CircuitBreaker, times: int = 1) -> list[Any]:
    """Send so many requests. Returns how they ended."""
    return outcomes_of(CircuitBreakingTransport(None, breaker), io, GET, times)


def counts_of(breaker: CircuitBreaker) -> tuple[int, int, int]:
    # Not at the time of the real clock, in which a fake one is long past.
    (window,) = breaker._circuits.states().values()
    assert isinstance(window, Window)
    return window.first, window.second, window.third


def breaking(world: World, breaker: CircuitBreaker, inner: Any = None) -> Any:
    return world.client(world.ours.CircuitBreakingTransport(inner, breaker))


# What is refused.


def test_when_too_many_have_failed_nothing_is_sent() -> None:
    io = FakeIO(*[503] * 20)
    *sent, refused = flow(io, CircuitBreaker(), 21)
    assert [response.status_code for response in sent] == [503] * 20
    assert isinstance(refused, CircuitOpen)
    assert len(io.sent) == 20


def test_what_is_raised_says_why_and_what_to_do() -> None:
    *_, refused = flow(FakeIO(*[500] * 20), CircuitBreaker(), 21)
    assert str(refused) == (
        "the circuit to https://example.org is open: 20 of 20 requests failed; "
        f"it is tried again in {refused.retry_after:.1f} s"
    )
    assert 4 <= refused.retry_after <= 6


def test_another_origin_is_not_concerned() -> None:
    breaker = CircuitBreaker()
    breaker.force_open("https://example.org:8443")
    (sent,) = flow(FakeIO(200), breaker)
    assert sent.status_code == 200


def test_later_one_is_sent_to_find_out() -> None:
    io = FakeIO(*[500] * 20, 200)
    breaker = CircuitBreaker()
    flow(io, breaker, 21)
    io.time = 6.1
    (probe,) = flow(io, breaker)
    assert probe.status_code == 200
    assert breaker.states()[ORIGIN].phase == "half-open"


def test_metrics_only_refuses_nothing() -> None:
    breaker = CircuitBreaker(metrics_only=True)
    sent = flow(FakeIO(*[500] * 30), breaker, 30)
    assert [response.status_code for response in sent] == [500] * 30
    assert breaker.states()[ORIGIN][:5] == ("open", 20, 20, 0, 10)


# What is told.


def test_the_log_tells_that_it_opens_and_that_it_closes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    io, breaker = FakeIO(500, 500, 200, 200), quick()
    with caplog.at_level("INFO", "httpx_resilient"):
        flow(io, breaker, 2)
        io.time += 1
        flow(io, breaker, 2)
    opened, half_open, closed = caplog.records
    assert opened.levelname == "WARNING"
    assert re.fullmatch(
        r"the circuit to https://example\.org is open for 0\.[01] s: "
        "2 of 2 requests failed",
        opened.getMessage(),
    )
    assert half_open.getMessage() == "the circuit to https://example.org is half-open"
    assert closed.levelname == "INFO"
    assert closed.getMessage() == "the circuit to https://example.org is closed"
    kinds = [vars(record)["kind"] for record in caplog.records]
    assert kinds == ["CircuitOpened", "CircuitHalfOpened", "CircuitClosed"]


# What counts.

FAILURES: list[Scripted] = [
    500,
    502,
    503,
    504,
    599,
    httpx.ConnectError(""),
    httpx.ConnectTimeout(""),
    httpx.ReadTimeout(""),
    httpx.WriteTimeout(""),
    httpx.ReadError(""),
    httpx.WriteError(""),
    httpx.CloseError(""),
    httpx.RemoteProtocolError(""),
    DeadlineExceeded(""),
]

SUCCESSES: list[Scripted] = [101, 200, 304, 404, 408, 425, 429, 501, 505, 511]


@pytest.mark.parametrize("outcome", FAILURES, ids=repr)
def test_a_failure_of_the_server_or_of_the_network(outcome: Scripted) -> None:
    breaker = CircuitBreaker()
    flow(FakeIO(outcome), breaker)
    assert counts_of(breaker) == (1, 1, 0)


@pytest.mark.parametrize("outcome", SUCCESSES)
def test_a_server_that_works(outcome: Scripted) -> None:
    breaker = CircuitBreaker()
    flow(FakeIO(outcome), breaker)
    assert counts_of(breaker) == (1, 0, 0)


@pytest.mark.parametrize("outcome", NEITHER, ids=repr)
def test_what_tells_nothing_of_the_server(outcome: Scripted) -> None:
    breaker = CircuitBreaker()
    (error,) = flow(FakeIO(outcome), breaker)
    assert error is outcome
    assert counts_of(breaker) == (0, 0, 0)


@pytest.mark.parametrize("outcome", [200, 503, httpx.ReadTimeout("")], ids=repr)
@pytest.mark.parametrize(("takes", "slow"), [(1.9, 0), (2.0, 1)])
def test_one_that_takes_long_is_slow(outcome: Any, takes: float, slow: int) -> None:
    breaker = CircuitBreaker(slow_after=2)
    flow(FakeIO(outcome, takes=takes), breaker)
    assert counts_of(breaker)[2] == slow


class Body(httpx.SyncByteStream):
    """A body that may raise."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error

    def __iter__(self) -> Iterator[bytes]:
        yield b"first"
        if self.error:
            raise self.error
        yield b"last"


def body_of(breaker: CircuitBreaker, body: Body, io: FakeIO | None = None) -> Any:
    io = io or FakeIO()
    io.script = [httpx.Response(200, stream=body)]
    (response,) = flow(io, breaker)
    return response


def test_a_body_counts_when_it_is_closed() -> None:
    breaker = CircuitBreaker()
    response = body_of(breaker, Body())
    assert not breaker.states()
    assert response.read() == b"firstlast"
    assert counts_of(breaker) == (1, 0, 0)


@pytest.mark.parametrize(
    ("error", "counts"),
    [
        (httpx.RemoteProtocolError(""), (1, 1, 0)),
        (httpx.ReadTimeout(""), (1, 1, 0)),
        (DeadlineExceeded(""), (1, 1, 0)),
        (ZeroDivisionError(), (0, 0, 0)),
        (KeyboardInterrupt(), (0, 0, 0)),
        (GeneratorExit(), (1, 0, 0)),
    ],
    ids=repr,
)
def test_so_does_one_that_breaks(
    error: BaseException, counts: tuple[int, int, int]
) -> None:
    breaker = CircuitBreaker()
    response = body_of(breaker, Body(error))
    with pytest.raises(type(error)):
        response.read()
    response.close()
    assert counts_of(breaker) == counts


def test_a_reader_who_has_seen_enough_is_no_failure() -> None:
    breaker = CircuitBreaker()
    response = body_of(breaker, Body())
    next(response.iter_raw())
    response.close()
    assert counts_of(breaker) == (1, 0, 0)


def test_a_body_that_takes_long_is_not_slow() -> None:
    breaker, io = CircuitBreaker(slow_after=2), FakeIO(takes=1)
    response = body_of(breaker, Body(), io)
    io.time += 1000
    response.read()
    assert counts_of(breaker) == (1, 0, 0)


def test_but_slow_headers_are() -> None:
    breaker, io = CircuitBreaker(slow_after=2), FakeIO(takes=3)
    body_of(breaker, Body(), io).read()
    assert counts_of(breaker) == (1, 0, 1)


def test_a_body_that_is_forgotten_tells_nothing() -> None:
    breaker = CircuitBreaker()
    response = body_of(breaker, Body())
    with pytest.warns(ResourceWarning):
        response.stream = None
    assert not breaker.states()


def test_what_is_no_stream_of_ours_is_left_as_it_is() -> None:
    upgraded = httpx.Response(101, stream=Body())
    before = upgraded.stream
    (response,) = flow(FakeIO(upgraded), CircuitBreaker())
    assert response is upgraded
    assert response.stream is before


# What is known, and decided by hand.


def test_it_tells_of_each_origin() -> None:
    breaker = CircuitBreaker()
    transport = CircuitBreakingTransport(
        httpx.MockTransport(
            lambda request: httpx.Response(500 if request.url.port else 200)
        ),
        breaker,
    )
    with httpx.Client(transport=transport) as client:
        for _ in range(25):
            client.get("http://good/")
        for _ in range(20):
            client.get("http://bad:8080/")
    states = breaker.states()
    assert states["http://good"] == CircuitState("closed", calls=25)
    assert states["http://bad:8080"][:4] == ("open", 20, 20, 0)
    assert 3 < states["http://bad:8080"].retry_after <= 6
    assert repr(breaker) == "<CircuitBreaker of 2 origins>"


@pytest.mark.parametrize(
    "url", ["https://EXAMPLE.org:443/any?thing", httpx.URL("https://example.org")]
)
def test_it_can_be_forced_and_reset(url: str | httpx.URL) -> None:
    breaker, io = CircuitBreaker(), FakeIO(*[200] * 2, *[500] * 30)
    breaker.force_open(url)
    assert breaker.states() == {ORIGIN: CircuitState("forced open")}
    (refused,) = flow(io, breaker)
    assert str(refused) == (
        "the circuit to https://example.org is held open by hand: "
        "breaker.reset() ends that"
    )
    assert refused.retry_after == 5
    breaker.reset(url)
    assert [response.status_code for response in flow(io, breaker, 2)] == [200] * 2
    breaker.force_closed(url)
    assert [response.status_code for response in flow(io, breaker, 30)] == [500] * 30
    assert breaker.states() == {ORIGIN: CircuitState("forced closed")}


def test_a_breaker_is_a_circuit_breaker() -> None:
    with pytest.raises(
        TypeError, match=r"breaker is made by CircuitBreaker, .*; got <class"
    ):
        CircuitBreakingTransport(None, CircuitBreaker)


# With retries.


def test_it_is_not_retried() -> None:
    breaker = CircuitBreaker()
    breaker.force_open(ORIGIN)
    io = FakeIO(*flow(FakeIO(), breaker))
    with pytest.raises(CircuitOpen) as caught:
        run_sync(RetryingTransport()._handle(GET, io))
    assert len(attempts_of(caught.value)) == 1


@pytest.mark.parametrize("wait", [{}, {"wait": httpx_resilient.wait_retry_after()}])
def test_if_a_strategy_retries_it_the_wait_is_as_long_as_it_says(wait: Any) -> None:
    io = FakeIO(CircuitOpen("", retry_after=4.2), 200)
    retry = tenacity.retry_if_exception_type(CircuitOpen)
    response = run_sync(RetryingTransport(retry=retry, **wait)._handle(GET, io))
    (slept,) = io.slept
    assert 4.2 <= slept <= 4.2 * 1.1
    assert attempts_of(response)[0].reason == "CircuitOpen, retry after 4.2 s"


def test_if_it_says_nothing_the_wait_is_the_strategys() -> None:
    io = FakeIO(CircuitOpen(""), 200)
    retry = tenacity.retry_if_exception_type(CircuitOpen)
    run_sync(RetryingTransport(retry=retry)._handle(GET, io))
    assert io.slept[0] <= 0.1


# On the wire, in all worlds.


async def test_a_server_that_fails_is_left_alone(world: World, server: Server) -> None:
    server.play(reply(500))
    breaker = quick(open_for=5, max_open_for=5)
    async with breaking(world, breaker) as client:
        for _ in range(2):
            assert (await client.get(server.url)).status_code == 500
        with pytest.raises(world.ours.CircuitOpen) as caught:
            await client.get(server.url)
    assert isinstance(caught.value, world.library.TransportError)
    assert server.requests == 2


async def test_bodies_that_break_open_it(world: World, server: Server) -> None:
    server.play(close(HALF))
    async with breaking(world, quick(open_for=5, max_open_for=5)) as client:
        for _ in range(2):
            with pytest.raises(world.library.RemoteProtocolError):
                await client.get(server.url)
        with pytest.raises(world.ours.CircuitOpen):
            await client.get(server.url)


async def test_a_server_that_is_gone_is_not_asked(world: World) -> None:
    with Server() as gone:
        url = gone.url
    async with breaking(world, quick(open_for=5, max_open_for=5)) as client:
        for _ in range(2):
            with pytest.raises(world.library.ConnectError):
                await client.get(url)
        with pytest.raises(world.ours.CircuitOpen):
            await client.get(url)


async def test_it_recovers(world: World, server: Server) -> None:
    server.play(reply(500), reply(500), reply(200))
    breaker = quick()
    async with breaking(world, breaker) as client:
        for _ in range(2):
            await client.get(server.url)
        await world.sleep(0.1)
        for _ in range(2):
            assert (await client.get(server.url)).status_code == 200
    (state,) = breaker.states().values()
    assert state.phase == "closed"


async def opened(world: World, client: Any, server: Server) -> None:
    """Have it opened, and wait until it may be tried again."""
    server.play(reply(500))
    for _ in range(2):
        await client.get(server.url)
    await world.sleep(0.1)
    server.received.clear()


async def test_of_twenty_at_once_one_is_sent_to_find_out(
    world: World, server: Server
) -> None:
    gate = Gate()
    refused: list[Any] = []
    async with breaking(world, quick()) as client:
        await opened(world, client, server)
        server.play(gate)

        async def get() -> None:
            try:
                assert (await client.get(server.url)).status_code == 200
            except world.ours.CircuitOpen as error:
                refused.append(error.retry_after)
                if len(refused) == 19:
                    gate.let(20)

        await world.together(*[get] * 20)
    assert refused == [1.0] * 19
    assert server.requests == 1


async def test_the_next_one_is_sent_when_its_body_has_ended(
    world: World, server: Server
) -> None:
    async with breaking(world, quick()) as client:
        await opened(world, client, server)
        server.play(reply(200, b"body"))
        probe = await stream(client, server.url)
        with pytest.raises(world.ours.CircuitOpen, match="is half-open"):
            await client.get(server.url)
        await world.read(probe)
        assert (await client.get(server.url)).status_code == 200


async def test_with_a_retry_around_it_each_attempt_counts(
    world: World, server: Server
) -> None:
    server.play(reply(503))
    breaking = world.ours.CircuitBreakingTransport(
        None, quick(open_for=5, max_open_for=5)
    )
    async with world.client(world.transport(breaking)) as client:
        with pytest.raises(world.ours.CircuitOpen) as caught:
            await client.get(server.url)
    outcomes = [attempt.outcome for attempt in attempts_of(caught.value)]
    assert outcomes == [503, 503, world.ours.CircuitOpen]
    assert server.requests == 2


async def test_a_deadline_inside_of_it_tells_of_a_server_that_hangs(
    world: World, server: Server
) -> None:
    server.play(stall())
    attempt = world.ours.DeadlineTransport(None, 0.1)
    async with breaking(world, quick(open_for=5, max_open_for=5), attempt) as client:
        for _ in range(2):
            with pytest.raises(world.ours.DeadlineExceeded):
                await client.get(server.url)
        with pytest.raises(world.ours.CircuitOpen):
            await client.get(server.url)


async def test_a_failover_goes_on_to_the_next_origin(world: World) -> None:
    breaker = CircuitBreaker()
    breaker.force_open("http://first")
    mock = world.mock(
        lambda request: world.library.Response(200, text=request.url.host)
    )
    breaking = world.ours.CircuitBreakingTransport(mock, breaker)
    failover = world.ours.FailoverTransport(breaking, ["http://first", "http://second"])
    async with world.client(failover) as client:
        assert (await client.post("http://first/")).text == "second"


def test_both_libraries_can_share_one() -> None:
    breaker = CircuitBreaker()
    breaker.force_open("http://any")
    for library, ours in LIBRARIES.values():
        transport: Any = ours.CircuitBreakingTransport(None, breaker)
        with library.Client(transport=transport) as client:
            with pytest.raises(library.TransportError) as caught:
                client.get("http://any/")
        assert type(caught.value) is ours.CircuitOpen
    assert breaker.states()["http://any"].refused == 2
