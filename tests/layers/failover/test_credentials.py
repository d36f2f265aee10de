"""Each origin gets its own credentials, and none of another one."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from support.server import Server, reply
from support.world import World

from httpx_resilient import FailoverTransport, attempts_of, explain
from httpx_resilient.events import CredentialsWithheld

pytestmark = pytest.mark.anyio

A, B, C = "https://a.example", "https://b.example", "https://c.example"


@pytest.fixture
def second() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture
def third() -> Iterator[Server]:
    with Server() as server:
        yield server


def own(server: Server) -> str:
    return server.url.rstrip("/")


def header_of(server: Server, name: str) -> str | None:
    return server.received[-1].headers.get(name)


class TestGiven:
    async def test_go_to_their_origin_only(
        self, world: World, server: Server, second: Server
    ) -> None:
        server.play(reply(503))
        transport = world.ours.FailoverTransport(
            None,
            [server.url, second.url],
            credentials={second.url: {"Authorization": "two"}},
        )
        headers = {"authorization": "one", "x-trace": "1"}
        async with world.client(transport, headers=headers) as client:
            assert (await client.get(server.url)).status_code == 200
        assert header_of(server, "authorization") == "one"
        assert header_of(second, "authorization") == "two"
        assert header_of(second, "x-trace") == "1"

    async def test_in_a_header_of_an_api_are_withheld_from_all_others(
        self, world: World, server: Server, second: Server, third: Server
    ) -> None:
        server.play(reply(503))
        second.play(reply(503))
        transport = world.ours.FailoverTransport(
            None,
            [server.url, second.url, third.url],
            credentials={second.url: {"X-API-Key": "two"}},
        )
        async with world.client(transport, headers={"x-api-key": "one"}) as client:
            await client.get(server.url)
        assert header_of(second, "x-api-key") == "two"
        assert header_of(third, "x-api-key") is None

    async def test_may_come_from_a_function_that_is_called_for_each_request(
        self, world: World, server: Server, second: Server
    ) -> None:
        server.play(reply(503))
        tokens = iter(["two", "three"])
        transport = world.ours.FailoverTransport(
            None,
            [server.url, second.url],
            credentials={second.url: lambda: {"X-API-Key": next(tokens)}},
        )
        async with world.client(transport, headers={"x-api-key": "one"}) as client:
            await client.get(server.url)
            await client.get(server.url)
        keys = [each.headers["x-api-key"] for each in second.received]
        assert keys == ["two", "three"]

    async def test_by_a_function_are_checked(
        self, world: World, server: Server, second: Server
    ) -> None:
        server.play(reply(503))
        transport = world.ours.FailoverTransport(
            None,
            [server.url, second.url],
            credentials={second.url: lambda: "Bearer secret"},
        )
        async with world.client(transport) as client:
            with pytest.raises(TypeError, match="must return headers") as caught:
                await client.get(server.url)
        assert "secret" not in str(caught.value)
        assert second.requests == 0

    async def test_that_are_refused_are_not_called_withheld(
        self, world: World, server: Server, second: Server
    ) -> None:
        server.play(reply(503))
        second.play(reply(401))
        transport = world.ours.FailoverTransport(
            None,
            [server.url, second.url],
            credentials={second.url: {"Authorization": "two"}},
        )
        async with world.client(transport, headers={"authorization": "1"}) as client:
            response = await client.get(server.url)
        assert attempts_of(response)[-1].reason == ""

    def test_are_in_no_representation(self) -> None:
        transport = FailoverTransport(
            None, [A, B], credentials={B: {"Authorization": "secret"}}
        )
        assert "secret" not in repr(transport)
        assert "secret" not in repr(transport._settings)
        assert repr(transport._settings.credentials) == "<Credentials of 1 origins>"


class TestWithheld:
    @pytest.mark.parametrize("status", [401, 403, 407])
    @pytest.mark.parametrize("retried", [False, True])
    async def test_are_named_where_an_origin_asks_for_them(
        self, world: World, server: Server, second: Server, status: int, retried: bool
    ) -> None:
        server.play(reply(503))
        second.play(reply(status))
        transport = world.ours.FailoverTransport(None, [server.url, second.url])
        if retried:
            transport = world.transport(transport)
        headers = {"authorization": "secret", "x-trace": "1"}
        async with world.client(transport, headers=headers) as client:
            response = await client.get(server.url)
        reason = attempts_of(response)[-1].reason
        assert reason.lower() == f"{status} without credentials: authorization withheld"
        assert reason in explain(response)
        assert "secret" not in explain(response)

    async def test_are_named_in_the_event_and_in_the_log(
        self,
        world: World,
        server: Server,
        second: Server,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        server.play(reply(503))
        second.play(reply(401))
        seen: list[Any] = []
        transport = world.ours.FailoverTransport(
            None, [server.url, second.url], on_event=seen.append
        )
        url = server.url.replace("http://", "http://user:secret@")
        async with world.client(transport, cookies={"session": "secret"}) as client:
            with caplog.at_level(logging.WARNING):
                await client.get(url)
        (event,) = [each for each in seen if isinstance(each, CredentialsWithheld)]
        assert (event.target, event.status) == (own(second), 401)
        assert {name.lower() for name in event.names} >= {"cookie", "authorization"}
        assert f"401 from {own(second)}, which did not get" in caplog.text
        assert "secret" not in caplog.text

    async def test_are_named_where_they_stand_in_the_url_only(
        self, world: World, server: Server, second: Server
    ) -> None:
        server.play(reply(503))
        second.play(reply(401))
        transport = world.ours.FailoverTransport(None, [server.url, second.url])
        url = server.url.replace("http://", "http://user:secret@")
        async with world.client(transport):
            request = world.library.Request("GET", url)
            response = await send(world, transport, request)
            await world.close(response)
        assert "user and password of the URL" in attempts_of(response)[-1].reason

    async def test_are_not_named_if_there_are_none(
        self, world: World, server: Server, second: Server
    ) -> None:
        server.play(reply(503))
        second.play(reply(401))
        transport = world.ours.FailoverTransport(None, [server.url, second.url])
        async with world.client(transport) as client:
            response = await client.get(server.url)
        assert attempts_of(response)[-1].reason == ""

    async def test_are_not_named_at_the_first_origin(
        self, world: World, server: Server, second: Server
    ) -> None:
        server.play(reply(401))
        transport = world.ours.FailoverTransport(None, [server.url, second.url])
        async with world.client(transport, headers={"authorization": "1"}) as client:
            response = await client.get(server.url)
        assert attempts_of(response)[-1].reason == ""


async def send(world: World, transport: Any, request: Any) -> Any:
    """Send a request past the client, which makes a header of user and password."""
    if world.sync:
        return transport.handle_request(request)
    return await transport.handle_async_request(request)


class TestConstruction:
    @pytest.mark.parametrize(
        ("credentials", "message"),
        [
            ([], "credentials must map origins to headers"),
            ({7: {}}, "each key of credentials must be a string"),
            ({B: "Bearer secret"}, "a dictionary such as"),
            ({B: {"Authorization": 7}}, "got str: int in it"),
            ({B: {7: "secret"}}, "got int: str in it"),
        ],
    )
    def test_of_a_wrong_kind_is_refused(self, credentials: Any, message: str) -> None:
        with pytest.raises(TypeError, match=message) as caught:
            FailoverTransport(None, [A, B], credentials=credentials)
        assert "secret" not in str(caught.value)

    @pytest.mark.parametrize(
        ("credentials", "message"),
        [
            ({C: {"Authorization": "secret"}}, "https://c.example, which is not an"),
            (
                {A: {"Authorization": "secret"}},
                "the first origin: give its credentials",
            ),
            ({B: {"a b": "secret"}}, "a name that is not one of a header"),
            ({B: {"Authorization": "secret\n"}}, "a character that no header can have"),
            ({B: {"Authorization": "secrét"}}, "a character that no header can have"),
        ],
    )
    def test_with_a_mistake_is_refused(self, credentials: Any, message: str) -> None:
        with pytest.raises(ValueError, match=message) as caught:
            FailoverTransport(None, [A, B], credentials=credentials)
        assert "secr" not in str(caught.value)

    def test_with_credentials_that_are_both_given_and_shared_is_refused(self) -> None:
        with pytest.raises(ValueError, match="leave it out, or leave credentials out"):
            FailoverTransport(
                None,
                [A, B],
                credentials={B: {"Authorization": "b"}},
                share_credentials=True,
            )

    def test_takes_an_origin_in_any_of_its_forms(self) -> None:
        FailoverTransport(
            None, [A, B], credentials={"HTTPS://B.example:443/": {"X-Key": "b"}}
        )
