"""Keys by which a server recognizes a repeated request, and the layers that ask."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from support.server import Server, close, reply, stall
from support.world import LIBRARIES, World, in_async

from httpx_resilient import (
    FailoverTransport,
    HedgePolicy,
    RetryingTransport,
    attempts_of,
    standard_transport,
)

pytestmark = pytest.mark.anyio

KNOWN = [
    "Idempotency-Key",
    "X-Idempotency-Key",
    "PayPal-Request-Id",
    "Repeatability-Request-ID",
]


@pytest.fixture
def second() -> Iterator[Server]:
    with Server() as server:
        yield server


def keys_at(server: Server, header: str = "idempotency-key") -> list[str | None]:
    return [received.headers.get(header) for received in server.received]


class TestNames:
    @pytest.mark.parametrize("header", KNOWN)
    async def test_a_post_with_a_known_header_is_repeated_after_a_lost_answer(
        self, world: World, server: Server, header: str
    ) -> None:
        server.play(close(), reply())
        async with world.client() as client:
            response = await client.post(server.url, headers={header: "k"})
        assert len(attempts_of(response)) == 2
        assert keys_at(server, header.lower()) == ["k", "k"]

    async def test_a_post_with_another_header_is_sent_once(
        self, world: World, server: Server
    ) -> None:
        server.play(reply(503))
        async with world.client() as client:
            await client.post(server.url, headers={"X-Request-Id": "k"})
        assert server.requests == 1

    @pytest.mark.parametrize(
        "names", ["x-request-ID", ["Idempotency-Key", "X-Request-Id"]]
    )
    async def test_a_post_with_a_named_header_is_repeated(
        self, world: World, server: Server, names: Any
    ) -> None:
        server.play(reply(503), reply())
        transport = world.transport(idempotency_header=names)
        async with world.client(transport) as client:
            await client.post(server.url, headers={"X-Request-Id": "k"})
        assert server.requests == 2

    async def test_the_names_that_are_given_replace_the_known_ones(
        self, world: World, server: Server
    ) -> None:
        server.play(reply(503))
        transport = world.transport(idempotency_header="X-Request-Id")
        async with world.client(transport) as client:
            await client.post(server.url, headers={"Idempotency-Key": "k"})
        assert server.requests == 1

    async def test_failover_asks_for_a_header_that_was_named_at_the_retry_around(
        self, world: World, server: Server, second: Server
    ) -> None:
        server.play(reply(503))
        second.play(reply(200))
        group = world.ours.FailoverTransport(origins=[server.url, second.url])
        transport = world.transport(group, idempotency_header="X-Request-Id")
        async with world.client(transport) as client:
            response = await client.post(server.url, headers={"X-Request-Id": "k"})
        assert response.status_code == 200
        assert (server.requests, second.requests) == (1, 1)

    async def test_failover_alone_takes_the_name_too(
        self, world: World, server: Server, second: Server
    ) -> None:
        server.play(reply(503), reply(503))
        second.play(reply(200))
        for option, times in (({}, 0), ({"idempotency_header": "X-Request-Id"}, 1)):
            origins = [server.url, second.url]
            transport = world.ours.FailoverTransport(None, origins, **option)
            async with world.client(transport) as client:
                await client.post(server.url, headers={"X-Request-Id": "k"})
            assert second.requests == times

    async def test_a_strategy_sees_a_key_of_a_named_header(
        self, world: World, server: Server
    ) -> None:
        server.play(reply(503), reply())
        seen: list[bool] = []

        def retry(state: Any) -> bool:
            seen.append(state.has_idempotency_key)
            return state.attempt_number == 1

        transport = world.transport(idempotency_header="X-Id", retry=retry)
        async with world.client(transport) as client:
            await client.post(server.url, headers={"x-id": "1"})
        assert seen == [True, True]


class TestNewKeys:
    @pytest.mark.parametrize("method", ["POST", "PATCH"])
    async def test_all_attempts_of_a_request_have_the_same_new_key(
        self, world: World, server: Server, method: str
    ) -> None:
        server.play(reply(503), close(), reply())
        async with world.client(world.transport(idempotency_key=True)) as client:
            request = client.build_request(method, server.url, content=b"data")
            before = dict(request.headers)
            response = await client.send(request)
        assert response.status_code == 200
        (key,) = set(keys_at(server))
        assert uuid.UUID(key).version == 4
        assert server.bodies == [b"data"] * 3
        assert dict(request.headers) == before

    async def test_two_requests_have_different_keys(
        self, world: World, server: Server
    ) -> None:
        async with world.client(world.transport(idempotency_key=True)) as client:
            await client.post(server.url)
            await client.post(server.url)
        assert len(set(keys_at(server))) == 2

    async def test_the_key_is_in_the_header_that_is_named_first(
        self, world: World, server: Server
    ) -> None:
        names = ["PayPal-Request-Id", "Idempotency-Key"]
        transport = world.transport(idempotency_header=names, idempotency_key=True)
        async with world.client(transport) as client:
            await client.post(server.url)
        assert keys_at(server) == [None]
        assert keys_at(server, "paypal-request-id") != [None]

    async def test_a_key_of_the_caller_stays(
        self, world: World, server: Server
    ) -> None:
        server.play(reply(503), reply())
        async with world.client(world.transport(idempotency_key=True)) as client:
            await client.post(server.url, headers={"X-Idempotency-Key": "mine"})
        assert keys_at(server) == [None] * 2
        assert keys_at(server, "x-idempotency-key") == ["mine"] * 2

    @pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
    async def test_a_method_that_is_idempotent_gets_none(
        self, world: World, server: Server, method: str
    ) -> None:
        async with world.client(world.transport(idempotency_key=True)) as client:
            await client.request(method, server.url)
        assert keys_at(server) == [None]

    async def test_a_body_that_is_buffered_has_the_key_in_each_attempt(
        self, world: World, server: Server
    ) -> None:
        server.play(reply(503), reply())
        retry = {"buffer_request_body": 100}
        transport = world.transport(idempotency_key=True)
        async with world.client(transport) as client:
            content = iter([b"x"]) if world.sync else chunks()
            extensions = {"retry": retry}
            await client.post(server.url, content=content, extensions=extensions)
        assert server.bodies == [b"x"] * 2
        assert len(set(keys_at(server))) == 1
        assert keys_at(server) != [None] * 2

    async def test_all_origins_get_the_same_key(
        self, world: World, server: Server, second: Server
    ) -> None:
        server.play(reply(503))
        second.play(reply(200))
        transport = world.ours.FailoverTransport(
            origins=[server.url, second.url], idempotency_key=True
        )
        async with world.client(transport) as client:
            response = await client.post(server.url)
        assert response.status_code == 200
        assert None not in keys_at(server)
        assert keys_at(server) == keys_at(second)

    async def test_failover_inside_makes_its_key_in_the_header_named_around(
        self, world: World, server: Server
    ) -> None:
        group = world.ours.FailoverTransport(origins=[server.url], idempotency_key=True)
        transport = world.transport(group, idempotency_header="X-Id")
        async with world.client(transport) as client:
            await client.post(server.url)
        assert keys_at(server, "x-id") != [None]

    @in_async
    async def test_a_hedge_has_the_key_of_the_first_request(
        self, library: str, server: Server
    ) -> None:
        world = World(*LIBRARIES[library], sync=False)
        server.play(stall(), reply())
        hedging = world.ours.HedgingTransport(None, HedgePolicy(0.02, methods=["POST"]))
        transport = world.transport(hedging, idempotency_key=True)
        async with world.client(transport) as client:
            await client.post(server.url)
        assert server.requests == 2
        assert len(set(keys_at(server))) == 1
        assert keys_at(server) != [None] * 2

    async def test_a_standard_transport_names_the_header_once(
        self, world: World, server: Server, second: Server
    ) -> None:
        server.play(reply(503))
        second.play(reply(503), reply())
        transport = world.ours.standard_transport(
            failover=[server.url, second.url],
            idempotency_header="X-Id",
            idempotency_key=True,
            retry={"wait": lambda state: 0.0},
        )
        async with world.client(transport) as client:
            response = await client.post(server.url)
        assert response.status_code == 200
        keys = keys_at(server, "x-id") + keys_at(second, "x-id")
        assert len(keys) == len(attempts_of(response)) > 2
        assert len(set(keys)) == 1
        assert None not in keys


async def chunks() -> Any:
    yield b"x"


class TestMistakes:
    @pytest.mark.parametrize(
        ("option", "error", "message"),
        [
            ({"idempotency_header": 1}, TypeError, "the name of a header such as"),
            ({"idempotency_header": [1]}, TypeError, "got 1 in it"),
            ({"idempotency_header": "a b"}, ValueError, "'a b' is not a header name"),
            ({"idempotency_header": []}, ValueError, "got an empty list"),
            ({"idempotency_key": "k"}, TypeError, "got str. A key of your own"),
        ],
    )
    @pytest.mark.parametrize(
        "make",
        [
            RetryingTransport,
            standard_transport,
            lambda **given: FailoverTransport(origins=["http://a"], **given),
        ],
    )
    def test_is_refused_when_it_is_given(
        self, option: Any, error: type[Exception], message: str, make: Any
    ) -> None:
        with pytest.raises(error, match=message):
            make(**option)

    def test_a_standard_transport_without_retry_gives_them_to_failover(self) -> None:
        mock = httpx.MockTransport(lambda request: httpx.Response(200))
        transport = standard_transport(
            mock,
            deadline=None,
            retry=False,
            failover=["http://a"],
            idempotency_key=True,
        )
        assert isinstance(transport, FailoverTransport)
        assert transport._settings.idempotency is not None
