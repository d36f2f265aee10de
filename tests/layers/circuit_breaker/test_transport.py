"""The circuit-breaking layer: the requests that it sends, counts and refuses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import tenacity
from support.fake_io import FakeIO, Scripted, flow_of, outcomes_of
from support.gates import Gate, stream
from support.outcomes import NOT_OF_THE_SERVER
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
    """A breaker that opens at the second failure, for 50 ms."""
    return CircuitBreaker(
        **{"minimum_calls": 2, "open_for": 0.05, "max_open_for": 0.05, **options}
    )


def flow(io: FakeIO, breaker: CircuitBreaker, times: int = 1) -> list[Any]:
    """Send requests one after the other, and return their outcomes."""
    return outcomes_of(CircuitBreakingTransport(None, breaker), io, GET, times)


def retried(io: FakeIO, **policy: Any) -> Any:
    """Send one request with retries."""
    return run_sync(flow_of(RetryingTransport(**policy), GET, io))


def counts_of(breaker: CircuitBreaker) -> tuple[int, int, int]:
    """Return calls, failures and slow calls of a closed circuit at any time."""
    # `breaker.states()` reads the real clock, but these tests run on a fake one.
    (window,) = breaker.circuits.states().values()
    assert isinstance(window, Window)
    return window.first, window.second, window.third


def breaking(world: World, breaker: CircuitBreaker, inner: Any = None) -> Any:
    return world.client(world.ours.CircuitBreakingTransport(inner, breaker))


# Refusing.


def test_an_open_circuit_sends_nothing() -> None:
    io = FakeIO(*[503] * 20)
    *sent, refused = flow(io, CircuitBreaker(), 21)
    assert [response.status_code for response in sent] == [503] * 20
    assert isinstance(refused, CircuitOpen)
    assert len(io.sent) == 20


def test_a_refusal_says_why_the_circuit_opened_and_when_to_retry() -> None:
    *_, refused = flow(FakeIO(*[500] * 20), CircuitBreaker(), 21)
    assert str(refused) == (
        "the circuit to https://example.org is open: 20 of 20 requests failed; "
        f"retry in {refused.retry_after:.1f} s"
    )
    assert 4 <= refused.retry_after <= 6


def test_the_circuit_to_another_origin_stays_closed() -> None:
    breaker = CircuitBreaker()
    breaker.force_open("https://example.org:8443")
    (sent,) = flow(FakeIO(200), breaker)
    assert sent.status_code == 200


def test_a_probe_is_sent_when_the_open_time_is_over() -> None:
    io = FakeIO(*[500] * 20, 200)
    breaker = CircuitBreaker()
    flow(io, breaker, 21)
    io.time = 6.1
    (probe,) = flow(io, breaker)
    assert probe.status_code == 200
    assert breaker.states()[ORIGIN].phase == "half-open"


def test_metrics_only_sends_all_requests_and_counts_refusals() -> None:
    breaker = CircuitBreaker(metrics_only=True)
    sent = flow(FakeIO(*[500] * 30), breaker, 30)
    assert [response.status_code for response in sent] == [500] * 30
    assert breaker.states()[ORIGIN][:5] == ("open", 20, 20, 0, 10)


# Events.


def test_opening_half_opening_and_closing_are_logged(
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


# Counting.

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
def test_a_failure_of_the_server_or_the_network_counts_as_a_failure(
    outcome: Scripted,
) -> None:
    breaker = CircuitBreaker()
    flow(FakeIO(outcome), breaker)
    assert counts_of(breaker) == (1, 1, 0)


@pytest.mark.parametrize("outcome", SUCCESSES)
def test_an_answer_of_a_working_server_counts_as_a_success(outcome: Scripted) -> None:
    breaker = CircuitBreaker()
    flow(FakeIO(outcome), breaker)
    assert counts_of(breaker) == (1, 0, 0)


@pytest.mark.parametrize("outcome", NOT_OF_THE_SERVER, ids=repr)
def test_an_outcome_that_says_nothing_about_the_server_does_not_count(
    outcome: Scripted,
) -> None:
    breaker = CircuitBreaker()
    (error,) = flow(FakeIO(outcome), breaker)
    assert error is outcome
    assert counts_of(breaker) == (0, 0, 0)


@pytest.mark.parametrize("outcome", [200, 503, httpx.ReadTimeout("")], ids=repr)
@pytest.mark.parametrize(("takes", "slow"), [(1.9, 0), (2.0, 1)])
def test_a_request_that_takes_two_seconds_counts_as_slow(
    outcome: Any, takes: float, slow: int
) -> None:
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


def test_a_request_counts_when_its_body_is_closed() -> None:
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
def test_a_body_that_raises_counts_by_its_exception(
    error: BaseException, counts: tuple[int, int, int]
) -> None:
    breaker = CircuitBreaker()
    response = body_of(breaker, Body(error))
    with pytest.raises(type(error)):
        response.read()
    response.close()
    assert counts_of(breaker) == counts


def test_a_body_that_is_closed_early_counts_as_a_success() -> None:
    breaker = CircuitBreaker()
    response = body_of(breaker, Body())
    next(response.iter_raw())
    response.close()
    assert counts_of(breaker) == (1, 0, 0)


def test_the_time_of_a_body_does_not_count_as_slow() -> None:
    breaker, io = CircuitBreaker(slow_after=2), FakeIO(takes=1)
    response = body_of(breaker, Body(), io)
    io.time += 1000
    response.read()
    assert counts_of(breaker) == (1, 0, 0)


def test_slow_headers_count_as_slow_when_the_body_ends() -> None:
    breaker, io = CircuitBreaker(slow_after=2), FakeIO(takes=3)
    body_of(breaker, Body(), io).read()
    assert counts_of(breaker) == (1, 0, 1)


def test_a_body_that_is_never_closed_does_not_count() -> None:
    breaker = CircuitBreaker()
    response = body_of(breaker, Body())
    with pytest.warns(ResourceWarning):
        response.stream = None
    assert not breaker.states()


def test_the_stream_of_an_upgraded_connection_is_left_alone() -> None:
    upgraded = httpx.Response(101, stream=Body())
    before = upgraded.stream
    (response,) = flow(FakeIO(upgraded), CircuitBreaker())
    assert response is upgraded
    assert response.stream is before


# States, and circuits that are forced.


def test_states_are_listed_by_origin() -> None:
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


@pytest.mark.parametrize(
    "url", ["https://EXAMPLE.org:443/any?thing", httpx.URL("https://example.org")]
)
def test_a_circuit_can_be_forced_open_reset_and_forced_closed(
    url: str | httpx.URL,
) -> None:
    breaker, io = CircuitBreaker(), FakeIO(*[200] * 2, *[500] * 30)
    breaker.force_open(url)
    assert breaker.states() == {ORIGIN: CircuitState("forced open")}
    (refused,) = flow(io, breaker)
    assert str(refused) == (
        "the circuit to https://example.org is forced open: "
        "call breaker.reset(url) to close it"
    )
    assert refused.retry_after == 5
    breaker.reset(url)
    assert [response.status_code for response in flow(io, breaker, 2)] == [200] * 2
    breaker.force_closed(url)
    assert [response.status_code for response in flow(io, breaker, 30)] == [500] * 30
    assert breaker.states() == {ORIGIN: CircuitState("forced closed")}


def test_a_breaker_of_another_type_is_rejected() -> None:
    with pytest.raises(
        TypeError, match=r"breaker must be a CircuitBreaker, .*; got <class"
    ):
        CircuitBreakingTransport(None, CircuitBreaker)


# Retries.


def test_a_refusal_is_not_retried_by_default() -> None:
    breaker = CircuitBreaker()
    breaker.force_open(ORIGIN)
    io = FakeIO(*flow(FakeIO(), breaker))
    with pytest.raises(CircuitOpen) as caught:
        retried(io)
    assert len(attempts_of(caught.value)) == 1


@pytest.mark.parametrize("wait", [{}, {"wait": httpx_resilient.wait_retry_after()}])
def test_a_retry_of_a_refusal_waits_for_retry_after(wait: Any) -> None:
    io = FakeIO(CircuitOpen("", retry_after=4.2), 200)
    retry = tenacity.retry_if_exception_type(CircuitOpen)
    response = retried(io, retry=retry, **wait)
    (slept,) = io.slept
    assert 4.2 <= slept <= 4.2 * 1.1
    assert attempts_of(response)[0].reason == "CircuitOpen, retry after 4.2 s"


def test_a_retry_of_a_refusal_without_retry_after_waits_as_the_strategy_says() -> None:
    io = FakeIO(CircuitOpen(""), 200)
    retry = tenacity.retry_if_exception_type(CircuitOpen)
    retried(io, retry=retry)
    assert io.slept[0] <= 0.1


# Real sockets, in all worlds.


async def test_a_server_that_answers_500_gets_no_further_requests(
    world: World, server: Server
) -> None:
    server.play(reply(500))
    breaker = quick(open_for=5, max_open_for=5)
    async with breaking(world, breaker) as client:
        for _ in range(2):
            assert (await client.get(server.url)).status_code == 500
        with pytest.raises(world.ours.CircuitOpen) as caught:
            await client.get(server.url)
    assert isinstance(caught.value, world.library.TransportError)
    assert server.requests == 2


async def test_bodies_that_break_open_the_circuit(world: World, server: Server) -> None:
    server.play(close(HALF))
    async with breaking(world, quick(open_for=5, max_open_for=5)) as client:
        for _ in range(2):
            with pytest.raises(world.library.RemoteProtocolError):
                await client.get(server.url)
        with pytest.raises(world.ours.CircuitOpen):
            await client.get(server.url)


async def test_connect_errors_open_the_circuit(world: World) -> None:
    with Server() as gone:
        url = gone.url
    async with breaking(world, quick(open_for=5, max_open_for=5)) as client:
        for _ in range(2):
            with pytest.raises(world.library.ConnectError):
                await client.get(url)
        with pytest.raises(world.ours.CircuitOpen):
            await client.get(url)


async def test_a_circuit_closes_after_its_probes_succeed(
    world: World, server: Server
) -> None:
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
    """Open the circuit, and wait until it admits a probe."""
    server.play(reply(500))
    for _ in range(2):
        await client.get(server.url)
    await world.sleep(0.1)
    server.received.clear()


async def test_without_a_wait_one_of_twenty_concurrent_requests_is_sent_as_a_probe(
    world: World, server: Server
) -> None:
    gate = Gate()
    refused: list[Any] = []
    async with breaking(world, quick(half_open_wait=0)) as client:
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


async def test_a_body_that_breaks_after_good_headers_opens_the_circuit_again(
    world: World, server: Server
) -> None:
    async with breaking(world, quick()) as client:
        await opened(world, client, server)
        server.play(close(HALF))
        with pytest.raises(world.library.RemoteProtocolError):
            await client.get(server.url)
        with pytest.raises(world.ours.CircuitOpen, match="1 of 1 requests failed"):
            await client.get(server.url)


async def test_a_slow_probe_opens_the_circuit_before_its_body_has_ended(
    world: World, server: Server
) -> None:
    breaker = quick(slow_after=1e-6, slow_rate=1)
    async with breaking(world, breaker) as client:
        await opened(world, client, server)
        server.play(reply(200, b"body"))
        probe = await stream(client, server.url)
        with pytest.raises(world.ours.CircuitOpen, match="1 of 1 requests were slow"):
            await client.get(server.url)
        await world.close(probe)


async def test_each_attempt_of_a_retry_around_the_breaker_counts(
    world: World, server: Server
) -> None:
    server.play(reply(503))
    breaking = world.ours.CircuitBreakingTransport(
        None, quick(open_for=5, max_open_for=5)
    )
    async with world.client(world.transport(breaking)) as client:
        response = await client.get(server.url)
    outcomes = [attempt.outcome for attempt in attempts_of(response)]
    assert outcomes == [503, 503, world.ours.CircuitOpen]
    assert server.requests == 2


async def test_an_exceeded_deadline_inside_the_breaker_counts_as_a_failure(
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


async def test_a_failover_sends_a_refused_request_to_the_next_origin(
    world: World,
) -> None:
    breaker = CircuitBreaker()
    breaker.force_open("http://first")
    mock = world.mock(
        lambda request: world.library.Response(200, text=request.url.host)
    )
    breaking = world.ours.CircuitBreakingTransport(mock, breaker)
    failover = world.ours.FailoverTransport(breaking, ["http://first", "http://second"])
    async with world.client(failover) as client:
        assert (await client.post("http://first/")).text == "second"


def test_transports_of_both_libraries_can_share_a_breaker() -> None:
    breaker = CircuitBreaker()
    breaker.force_open("http://any")
    for library, ours in LIBRARIES.values():
        transport: Any = ours.CircuitBreakingTransport(None, breaker)
        with library.Client(transport=transport) as client:
            with pytest.raises(library.TransportError) as caught:
                client.get("http://any/")
        assert type(caught.value) is ours.CircuitOpen
    assert breaker.states()["http://any"].refused == 2
