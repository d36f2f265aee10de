"""The throttling layer: the requests that it sends, counts and rejects."""

from __future__ import annotations

import random
import threading
from typing import Any

import anyio
import httpx
import pytest
from support.fake_io import FakeIO, Scripted, flow_of, outcomes_of
from support.gates import until
from support.outcomes import NOT_OF_THE_SERVER
from support.server import Server, reply, stall
from support.world import LIBRARIES, World, in_async

from httpx_resilient import (
    AdaptiveThrottle,
    DeadlineExceeded,
    RequestThrottled,
    RetryingTransport,
    ThrottlingTransport,
    attempts_of,
)
from httpx_resilient._core.io.protocol import run_sync
from httpx_resilient._core.state.sliding_window import Window
from httpx_resilient._layers.throttle.load import Load, Strained

pytestmark = pytest.mark.anyio


GET = httpx.Request("GET", "https://example.org/?secret")
ORIGIN = "https://example.org"


@pytest.fixture(autouse=True)
def a_seed_for_each_test() -> None:
    random.seed(7)


def flow(io: FakeIO, throttle: AdaptiveThrottle, times: int = 1) -> list[Any]:
    """Send requests one after the other, and return their outcomes."""
    return outcomes_of(ThrottlingTransport(None, throttle), io, GET, times)


def counts_of(throttle: AdaptiveThrottle) -> tuple[int, int, int]:
    """Return requests, accepted and rejected ones of the only origin at any time."""
    (load,) = throttle._loads.states().values()
    window = load.window if isinstance(load, Strained) else load
    return window.first, window.second, window.third


def load_of(throttle: AdaptiveThrottle, host: str) -> Load:
    return throttle._loads.peek(("http", host, None))


def test_all_requests_are_sent_while_all_are_accepted() -> None:
    io, throttle = FakeIO(*[200] * 1000), AdaptiveThrottle()
    flow(io, throttle, 1000)
    assert len(io.sent) == 1000
    assert counts_of(throttle) == (1000, 1000, 0)


def test_about_a_tenth_is_sent_while_all_requests_are_rejected() -> None:
    io = FakeIO(*[503] * 1000)
    outcomes = flow(io, AdaptiveThrottle(), 1000)
    refused = [each for each in outcomes if isinstance(each, RequestThrottled)]
    assert len(refused) == 1000 - len(io.sent)
    assert 80 < len(io.sent) < 200
    assert str(refused[-1]) == (
        "adaptive throttle: 90% of requests to https://example.org are rejected "
        "locally because it rejects most of them; reduce load or retry later"
    )


REJECTED: list[Scripted] = [
    429,
    502,
    503,
    504,
    529,
    httpx.ConnectError(""),
    httpx.ConnectTimeout(""),
    httpx.ReadTimeout(""),
    httpx.RemoteProtocolError(""),
    DeadlineExceeded(""),
]


@pytest.mark.parametrize("outcome", REJECTED, ids=repr)
def test_an_outcome_of_an_overloaded_server_counts_as_rejected(
    outcome: Scripted,
) -> None:
    throttle = AdaptiveThrottle()
    flow(FakeIO(outcome), throttle)
    assert counts_of(throttle) == (1, 0, 1)


@pytest.mark.parametrize("outcome", [200, 302, 404, 408, 500, 501])
def test_an_answer_of_a_server_that_did_the_work_counts_as_accepted(
    outcome: Scripted,
) -> None:
    throttle = AdaptiveThrottle()
    flow(FakeIO(outcome), throttle)
    assert counts_of(throttle) == (1, 1, 0)


@pytest.mark.parametrize("outcome", NOT_OF_THE_SERVER, ids=repr)
@pytest.mark.parametrize("strained", [False, True])
def test_an_outcome_that_says_nothing_about_the_server_does_not_count(
    outcome: Scripted, strained: bool
) -> None:
    throttle = AdaptiveThrottle()
    # One rejection of four requests is few enough for the next one to be sent.
    flow(FakeIO(*[200] * 3, *[503] * strained), throttle, 3 + strained)
    before = counts_of(throttle)
    assert flow(FakeIO(outcome), throttle) == [outcome]
    assert counts_of(throttle) == before


def test_a_throttle_of_another_type_is_rejected() -> None:
    with pytest.raises(
        TypeError, match=r"throttle must be an AdaptiveThrottle, .*; got 2"
    ):
        ThrottlingTransport(None, 2)


def test_a_local_rejection_is_not_retried_by_default() -> None:
    with pytest.raises(RequestThrottled) as caught:
        run_sync(flow_of(RetryingTransport(), GET, FakeIO(RequestThrottled(""))))
    assert len(attempts_of(caught.value)) == 1


async def test_a_burst_loses_no_request_after_the_first_answer_of_a_server_was_503(
    world: World, server: Server
) -> None:
    server.play(reply(503), reply(200))
    refused = 0
    async with world.client(world.ours.ThrottlingTransport()) as client:
        await client.get(server.url)

        async def get() -> None:
            nonlocal refused
            try:
                assert (await client.get(server.url)).status_code == 200
            except world.ours.RequestThrottled:
                refused += 1

        await world.together(*[get] * 100)
    assert refused == 0


async def test_an_overloaded_server_gets_less_than_60_of_100_requests(
    world: World, server: Server
) -> None:
    server.play(reply(503))
    throttle = AdaptiveThrottle(k=1)
    refused = 0
    async with world.client(world.ours.ThrottlingTransport(None, throttle)) as client:
        for _ in range(100):
            try:
                assert (await client.get(server.url)).status_code == 503
            except world.ours.RequestThrottled:
                refused += 1
    assert server.requests == 100 - refused < 60


async def test_a_response_body_is_left_alone(world: World, server: Server) -> None:
    server.play(reply(200, b"body"))
    async with world.client(world.ours.ThrottlingTransport()) as client:
        assert (await client.get(server.url)).content == b"body"


@in_async
async def test_cancelled_requests_are_subtracted_from_the_counts(
    world: World, server: Server
) -> None:
    throttle = AdaptiveThrottle()
    async with world.client(world.ours.ThrottlingTransport(None, throttle)) as client:
        server.play(reply(200), reply(503), stall())
        for _ in range(2):
            await client.get(server.url)
        async with anyio.create_task_group() as tasks:
            for _ in range(30):
                tasks.start_soon(client.get, server.url)
            await until(world, lambda: server.requests == 32)
            assert counts_of(throttle) == (32, 1, 1)
            tasks.cancel_scope.cancel()
        assert counts_of(throttle) == (2, 1, 1)
        server.play(reply(200))
        assert (await client.get(server.url)).status_code == 200


def test_requests_of_all_threads_count_in_one_load() -> None:
    throttle = AdaptiveThrottle(k=10**6, window=10**6)

    def work() -> None:
        transport = ThrottlingTransport(
            httpx.MockTransport(
                lambda request: httpx.Response(int(request.url.path[1:]))
            ),
            throttle,
        )
        with httpx.Client(transport=transport) as client:
            for number in range(300):
                client.get(f"http://any/{503 if number % 3 == 2 else 200}")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts_of(throttle) == (1200, 800, 400)


def test_transports_of_both_libraries_can_share_a_throttle() -> None:
    throttle = AdaptiveThrottle()
    for library, ours in LIBRARIES.values():
        mock: Any = library.MockTransport(lambda _: library.Response(503))
        with library.Client(
            transport=ours.ThrottlingTransport(mock, throttle)
        ) as client:
            refused = []
            for _ in range(100):
                try:
                    client.get("http://any/")
                except library.TransportError as error:
                    refused.append(type(error))
        assert set(refused) == {ours.RequestThrottled}
    assert isinstance(load_of(throttle, "any"), Strained)
    assert load_of(throttle, "other") == Window()
