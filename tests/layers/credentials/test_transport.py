"""The credentials layer: who gets which credential, and how often one is fetched."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import anyio
import httpx
import pytest
import tenacity
from support.gates import until
from support.server import Connection, Server, reply, reset
from support.world import LIBRARIES, World, in_async

from httpx_resilient import (
    Credentials,
    CredentialsTransport,
    CredentialsUnavailable,
    RateLimit,
    RetryingTransport,
    attempts_of,
    explain,
    standard_transport,
)
from httpx_resilient.events import (
    Admitted,
    CredentialsFailed,
    CredentialsRefreshed,
    CredentialsRenewed,
    Queued,
)

pytestmark = pytest.mark.anyio

SECRET = "s3cret"


class Tokens:
    """
    A function that returns one token after the other, and the server that checks them.

    Args:
        valid: The number of the first token that the server accepts.
    """

    def __init__(self, valid: int = 1) -> None:
        self.valid = valid
        self.fetched = 0
        self.started = 0
        self.error: BaseException | None = None
        self.gate: threading.Semaphore | None = None
        """What each call waits for, if there is one."""

    def __call__(self) -> str:
        self.started += 1
        if self.gate is not None:
            assert self.gate.acquire(timeout=10)
        return self._next()

    async def later(self) -> str:
        self.started += 1
        while self.gate is not None and not self.gate.acquire(blocking=False):  # noqa: ASYNC110 - a thread may let it through
            await anyio.sleep(0.001)
        return self._next()

    def _next(self) -> str:
        if self.error is not None:
            raise self.error
        self.fetched += 1
        return f"{SECRET}{self.fetched}"

    def of(self, world: World) -> Callable[[], Any]:
        return self if world.sync else self.later

    def check(self, connection: Connection) -> bool:
        """A step of a server: 200 for a valid token, 401 for any other one."""
        given = connection.request.headers.get("authorization", "")
        number = given.removeprefix(f"Bearer {SECRET}")
        valid = number.isdigit() and int(number) >= self.valid
        return reply(200 if valid else 401, b"answer")(connection)


@pytest.fixture
def tokens() -> Tokens:
    return Tokens()


@pytest.fixture
def second() -> Iterator[Server]:
    with Server() as server:
        yield server


def authorizations(server: Server) -> list[str | None]:
    return [each.headers.get("authorization") for each in server.received]


def bearer(*numbers: int) -> list[str]:
    return [f"Bearer {SECRET}{number}" for number in numbers]


def layer(
    world: World, tokens: Any, server: Server, inner: Any = None, **more: Any
) -> Any:
    fetch = tokens.of(world) if isinstance(tokens, Tokens) else tokens
    credentials = Credentials(fetch, server.url, **more)
    return world.ours.CredentialsTransport(inner, credentials)


class TestWhatIsSent:
    async def test_a_token_is_fetched_once_and_sent_with_each_request(
        self, world: World, server: Server, tokens: Tokens
    ) -> None:
        async with world.client(layer(world, tokens, server)) as client:
            await client.get(server.url)
            await client.get(server.url)
        assert authorizations(server) == bearer(1, 1)
        assert tokens.fetched == 1

    async def test_headers_that_are_returned_replace_those_of_the_same_name(
        self, world: World, server: Server
    ) -> None:
        def fetch() -> dict[str, str]:
            return {"X-API-Key": "key", "authorization": "Custom one"}

        given = {"x-api-key": "placeholder", "Authorization": "Bearer placeholder"}
        async with world.client(layer(world, fetch, server)) as client:
            await client.get(server.url, headers=given)
        received = server.received[0].headers
        assert (received["x-api-key"], received["authorization"]) == (
            "key",
            "Custom one",
        )

    async def test_the_request_of_the_caller_has_no_credential(
        self, world: World, server: Server, tokens: Tokens
    ) -> None:
        async with world.client(layer(world, tokens, server)) as client:
            response = await client.get(server.url)
        assert "authorization" not in response.request.headers

    async def test_each_attempt_of_a_retry_around_asks(
        self, world: World, server: Server, tokens: Tokens
    ) -> None:
        def expire(_: Any) -> None:
            transport.credentials.forget()

        transport = layer(world, tokens, server)
        server.play(reply(503), reply())
        retrying = world.transport(transport, before_sleep=expire)
        async with world.client(retrying) as client:
            await client.get(server.url)
        assert authorizations(server) == bearer(1, 2)

    async def test_forgetting_a_credential_that_was_never_fetched_does_nothing(
        self, world: World, server: Server, tokens: Tokens
    ) -> None:
        transport = layer(world, tokens, server)
        transport.credentials.forget()
        async with world.client(transport) as client:
            await client.get(server.url)
        assert authorizations(server) == bearer(1)

    async def test_a_client_that_an_sdk_has_made_can_be_wrapped(
        self, world: World, server: Server, tokens: Tokens
    ) -> None:
        kind = world.library.Client if world.sync else world.library.AsyncClient
        credentials = Credentials(tokens.of(world), server.url)
        layer = partial(world.ours.CredentialsTransport, credentials=credentials)
        async with world.awaited(world.ours.wrap(kind(), layer)) as client:
            await client.get(server.url)
        assert authorizations(server) == bearer(1)

    async def test_a_credential_is_fetched_anew_when_it_is_too_old(
        self, world: World, server: Server, tokens: Tokens
    ) -> None:
        transport = layer(world, tokens, server, max_age=100)
        async with world.client(transport) as client:
            await client.get(server.url)
            await client.get(server.url)
            transport.credentials._latest.fetched -= 101
            await client.get(server.url)
        assert authorizations(server) == bearer(1, 1, 2)


class TestOrigins:
    async def test_another_origin_gets_none_also_by_a_redirect(
        self, world: World, server: Server, second: Server, tokens: Tokens
    ) -> None:
        server.play(reply(302, location=second.url))
        async with world.client(layer(world, tokens, server)) as client:
            response = await client.get(server.url, follow_redirects=True)
            await client.get(second.url)
        assert response.status_code == 200
        assert authorizations(server) == bearer(1)
        assert authorizations(second) == [None, None]

    async def test_a_401_of_another_origin_is_final(
        self, world: World, server: Server, second: Server, tokens: Tokens
    ) -> None:
        second.play(reply(401))
        async with world.client(layer(world, tokens, server)) as client:
            response = await client.get(second.url)
        assert (response.status_code, second.requests, tokens.started) == (401, 1, 0)

    @pytest.mark.parametrize("shares", [False, True])
    async def test_a_failover_inside_sends_them_to_no_other_origin(
        self, world: World, server: Server, second: Server, shares: bool
    ) -> None:
        server.play(reply(503))
        group = world.ours.FailoverTransport(
            origins=[server.url, second.url], share_credentials=shares
        )
        fetch = lambda: {"X-API-Key": SECRET, "Authorization": SECRET}  # noqa: E731
        async with world.client(layer(world, fetch, server, group)) as client:
            response = await client.get(server.url)
        assert response.status_code == 200
        assert SECRET in server.received[0].headers.values()
        assert SECRET not in second.received[0].headers.values()

    async def test_a_failover_around_gives_each_origin_its_own(
        self, world: World, server: Server, second: Server, tokens: Tokens
    ) -> None:
        server.play(reply(503))
        group = world.ours.FailoverTransport(
            layer(world, tokens, second), [server.url, second.url]
        )
        async with world.client(group) as client:
            await client.get(server.url)
        assert authorizations(server) == [None]
        assert authorizations(second) == bearer(1)

    async def test_the_function_may_send_with_the_same_client(
        self, world: World, server: Server
    ) -> None:
        async def later() -> str:
            first = await client.post(f"{server.url}/token")
            second = await client.post(f"{server.url}/token")
            return first.text + second.text

        def fetch() -> Any:
            if not world.sync:
                return later()
            url = f"{server.url}/token"
            return blocking.post(url).text + blocking.post(url).text

        server.play(reply(200, b"to"), reply(200, b"ken"), reply())
        transport = layer(world, fetch, server)
        async with world.client(world.transport(transport)) as client:
            blocking = getattr(client, "_client", None)
            await client.get(server.url)
        assert authorizations(server) == [None, None, "Bearer token"]


class TestRenewal:
    async def test_after_a_401_a_new_token_is_fetched_and_the_request_sent_again(
        self, world: World, server: Server
    ) -> None:
        tokens = Tokens(valid=2)
        server.play(tokens.check)
        transport = world.transport(layer(world, tokens, server))
        async with world.client(transport) as client:
            response = await client.put(server.url, content=b"data")
        assert response.status_code == 200
        assert response.content == b"answer"
        assert authorizations(server) == bearer(1, 2)
        assert server.bodies == [b"data"] * 2
        attempts = attempts_of(response)
        assert [(each.number, each.outcome) for each in attempts] == [
            (1, 401),
            (1, 200),
        ]
        assert attempts[1].at > 0

    async def test_without_a_retry_around_the_history_is_the_same(
        self, world: World, server: Server
    ) -> None:
        tokens = Tokens(valid=2)
        server.play(tokens.check)
        async with world.client(layer(world, tokens, server)) as client:
            response = await client.get(server.url)
        assert [each.outcome for each in attempts_of(response)] == [401, 200]
        assert SECRET not in explain(response)

    async def test_a_second_401_is_final(self, world: World, server: Server) -> None:
        tokens = Tokens(valid=9)
        server.play(tokens.check)
        transport = world.transport(layer(world, tokens, server))
        async with world.client(transport) as client:
            response = await client.get(server.url)
        assert response.status_code == 401
        assert response.content == b"answer"
        assert authorizations(server) == bearer(1, 2)
        assert [each.reason for each in attempts_of(response)] == ["401", "401"]

    @pytest.mark.parametrize("status", [403, 407])
    async def test_another_refusal_is_final(
        self, world: World, server: Server, tokens: Tokens, status: int
    ) -> None:
        server.play(reply(status))
        async with world.client(layer(world, tokens, server)) as client:
            response = await client.get(server.url)
        assert (response.status_code, server.requests) == (status, 1)

    async def test_a_body_that_cannot_be_sent_again_gets_its_401(
        self, world: World, server: Server
    ) -> None:
        """The next request has a new credential."""
        tokens = Tokens(valid=2)
        server.play(tokens.check)
        async with world.client(layer(world, tokens, server)) as client:
            response = await client.put(server.url, content=chunks(world))
            assert response.status_code == 401
            response = await client.get(server.url)
            assert response.status_code == 200
        assert authorizations(server) == bearer(1, 2)

    async def test_a_body_that_a_retry_around_has_buffered_is_sent_again(
        self, world: World, server: Server
    ) -> None:
        tokens = Tokens(valid=2)
        server.play(tokens.check)
        transport = layer(world, tokens, server)
        retrying = world.transport(transport, buffer_request_body=100)
        async with world.client(retrying) as client:
            response = await client.put(server.url, content=chunks(world))
        assert response.status_code == 200
        assert server.bodies == [b"data"] * 2

    async def test_an_exception_of_the_second_request_has_both_in_its_history(
        self, world: World, server: Server
    ) -> None:
        server.play(reply(401), reset())
        async with world.client(layer(world, Tokens(), server)) as client:
            with pytest.raises(world.library.TransportError) as caught:
                await client.get(server.url)
        assert [each.outcome for each in attempts_of(caught.value)] == [
            401,
            type(caught.value),
        ]

    async def test_if_a_layer_inside_refuses_the_second_the_401_is_returned(
        self, world: World, server: Server
    ) -> None:
        server.play(reply(401, b"expired"))
        limit = RateLimit(1, per=3600, burst=1, max_wait=0)
        inner = world.ours.RateLimitingTransport(None, limit)
        async with world.client(layer(world, Tokens(), server, inner)) as client:
            response = await client.get(server.url)
        assert (response.status_code, response.content) == (401, b"expired")
        last = attempts_of(response)[-1]
        assert last.reason.endswith(", so the 401 before it is returned")

    async def test_each_send_passes_the_layers_inside(
        self, world: World, server: Server
    ) -> None:
        tokens = Tokens(valid=2)
        server.play(tokens.check)
        events: list[Any] = []
        transport = world.ours.standard_transport(
            credentials=Credentials(tokens.of(world), server.url),
            on_event=events.append,
        )
        async with world.client(transport) as client:
            response = await client.get(server.url)
        assert [each.outcome for each in attempts_of(response)] == [401, 200]
        kinds = [type(each) for each in events]
        assert kinds.count(CredentialsRefreshed) == 2
        (renewed,) = (each for each in events if type(each) is CredentialsRenewed)
        assert renewed.waited >= 0
        assert SECRET not in "".join(map(repr, events)) + "".join(map(str, events))


def chunks(world: World) -> Any:
    async def later() -> Any:
        yield b"data"

    return iter([b"data"]) if world.sync else later()


class TestSingleFlight:
    async def test_a_hundred_401s_at_a_time_make_one_refresh(
        self, world: World, server: Server
    ) -> None:
        tokens = Tokens()
        server.play(tokens.check)
        transport = layer(world, tokens, server)
        statuses: list[int] = []

        async def get() -> None:
            statuses.append((await client.get(server.url, timeout=30)).status_code)

        async with world.client(transport) as client:
            await get()
            tokens.valid = 2
            tokens.gate = threading.Semaphore(0)

            async def let() -> None:
                await until(world, lambda: waiting(transport) == count - 1)
                tokens.gate.release(100)

            count = 30 if world.sync else 100  # threads of the pool of anyio
            await world.together(*[get] * count, let)
        assert statuses == [200] * (count + 1)
        assert tokens.fetched == 2

    async def test_a_401_to_an_older_credential_needs_no_refresh(
        self, world: World, server: Server
    ) -> None:
        tokens = Tokens(valid=2)

        def renew_meanwhile(connection: Connection) -> bool:
            credentials.forget()
            fresh = Credentials(lambda: f"{SECRET}2", server.url)
            with httpx.Client(transport=CredentialsTransport(None, fresh)) as other:
                other.get(server.url)
            credentials.store(fresh.current(0.0))
            return tokens.check(connection)

        server.play(renew_meanwhile, tokens.check)
        transport = layer(world, tokens, server)
        credentials = transport.credentials
        async with world.client(transport) as client:
            response = await client.get(server.url)
        assert response.status_code == 200
        assert tokens.fetched == 1

    async def test_a_failure_reaches_all_who_wait_and_is_not_cached(
        self, world: World, server: Server, tokens: Tokens
    ) -> None:
        tokens.error = world.library.ConnectError(SECRET)
        tokens.gate = gate = threading.Semaphore(0)
        transport = layer(world, tokens, server)
        errors: list[Exception] = []

        async def get() -> None:
            try:
                await client.get(server.url)
            except world.ours.CredentialsUnavailable as error:
                errors.append(error)

        async def let() -> None:
            await until(world, lambda: waiting(transport) == 4)
            gate.release()

        async with world.client(transport) as client:
            await world.together(*[get] * 5, let)
            assert len(set(map(id, errors))) == 5
            name = "the function" if world.sync else "later"
            shown = (
                f"no credential for {server.url[:-1]}: {name} has raised ConnectError"
            )
            assert {str(each) for each in errors} == {shown}
            assert {each.__cause__ for each in errors} == {tokens.error}
            assert tokens.started == 1
            tokens.error = tokens.gate = None
            assert (await client.get(server.url)).status_code == 200
        assert server.requests == 1

    @in_async
    async def test_if_the_one_who_fetches_is_cancelled_the_next_one_does_it(
        self, library: str, server: Server, tokens: Tokens
    ) -> None:
        world = World(*LIBRARIES[library], sync=False)
        tokens.gate = threading.Semaphore(0)
        transport = layer(world, tokens, server)
        statuses: list[int] = []

        async def get() -> None:
            statuses.append((await client.get(server.url)).status_code)

        async with (
            world.client(transport) as client,
            anyio.create_task_group() as tasks,
        ):
            async with anyio.create_task_group() as first:
                first.start_soon(get)
                await until(world, lambda: tokens.started == 1)
                for _ in range(3):
                    tasks.start_soon(get)
                await until(world, lambda: waiting(transport) == 3)
                first.cancel_scope.cancel()
            await until(world, lambda: tokens.started == 2)
            tokens.gate.release(9)
        assert statuses == [200] * 3
        assert tokens.fetched == 1

    @in_async
    async def test_one_who_waits_and_is_cancelled_leaves_the_queue(
        self, library: str, server: Server, tokens: Tokens
    ) -> None:
        world = World(*LIBRARIES[library], sync=False)
        tokens.gate = threading.Semaphore(0)
        transport = layer(world, tokens, server)

        async def get() -> None:
            await client.get(server.url)

        async with (
            world.client(transport) as client,
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(get)
            await until(world, lambda: tokens.started == 1)
            async with anyio.create_task_group() as waiters:
                waiters.start_soon(get)
                await until(world, lambda: waiting(transport) == 1)
                waiters.cancel_scope.cancel()
            assert waiting(transport) == 0
            tokens.gate.release(9)

    async def test_the_wait_is_told_in_events_and_in_the_history(
        self, world: World, server: Server, tokens: Tokens
    ) -> None:
        tokens.gate = threading.Semaphore(0)
        events: list[Any] = []
        credentials = Credentials(tokens.of(world), server.url)
        transport = world.ours.CredentialsTransport(
            None, credentials, on_event=events.append
        )
        retrying = world.transport(transport)
        queued: list[float] = []

        async def get() -> None:
            queued.append(attempts_of(await client.get(server.url))[0].queued)

        async def let() -> None:
            await until(world, lambda: waiting(transport) == 1)
            tokens.gate.release(9)

        async with world.client(retrying) as client:
            await world.together(get, get, let)
        assert [each.limit for each in events if type(each) is Queued] == [
            "credentials"
        ]
        assert [type(each) for each in events].count(Admitted) == 1
        assert min(queued) == 0 < max(queued)

    async def test_a_wait_ends_with_the_deadline_of_the_request(
        self, world: World, server: Server, tokens: Tokens
    ) -> None:
        tokens.gate = threading.Semaphore(0)
        transport = layer(world, tokens, server)
        limited = world.ours.DeadlineTransport(transport)
        ended: list[Exception] = []

        async def wait() -> None:
            await until(world, lambda: tokens.started == 1)
            extensions = {"deadline": 0.02}
            try:
                await client.get(server.url, extensions=extensions)
            except world.ours.DeadlineExceeded as error:
                ended.append(error)
            tokens.gate.release(9)

        async def get() -> None:
            await client.get(server.url)

        async with world.client(limited) as client:
            await world.together(get, wait)
        (error,) = ended
        assert "queued on this side" in str(error)
        assert "not sent" in str(error)

    def test_event_loops_and_threads_share_one_refresh(self, server: Server) -> None:
        tokens = Tokens()
        tokens.gate = threading.Semaphore(0)
        credentials = Credentials(tokens, server.url)
        transport = CredentialsTransport(None, credentials)
        statuses: list[int] = []

        async def get() -> None:
            inner = CredentialsTransport(None, credentials)
            async with httpx.AsyncClient(transport=inner) as client:
                statuses.append((await client.get(server.url)).status_code)

        def block() -> None:
            with httpx.Client(transport=transport) as client:
                statuses.append(client.get(server.url).status_code)

        threads = [threading.Thread(target=block)]
        threads[0].start()
        blocking = World(*LIBRARIES["httpx"], sync=True)
        for target in (
            block,
            lambda: asyncio.run(get()),
            lambda: anyio.run(get, backend="trio"),
        ):
            threads.append(threading.Thread(target=target))
            threads[-1].start()
        with contextlib.suppress(StopIteration):
            until(blocking, lambda: waiting(transport) == 3).send(None)
        tokens.gate.release()
        for thread in threads:
            thread.join(10)
        assert statuses == [200] * 4
        assert tokens.fetched == 1


def waiting(transport: Any) -> int:
    flight = transport.credentials.flight
    return 0 if flight is None else len(flight.waiters)


class TestFailures:
    @pytest.mark.parametrize(
        ("answer", "kind"),
        [(None, "TypeError"), (3, "TypeError"), ("", "ValueError"), ({}, "ValueError"),
         ("a\nb", "ValueError"), ({"a b": "c"}, "ValueError"), ({"a": 1}, "TypeError")],
    )  # fmt: skip
    async def test_an_answer_that_is_no_credential_is_named_without_its_value(
        self, world: World, server: Server, answer: Any, kind: str
    ) -> None:
        async with world.client(layer(world, lambda: answer, server)) as client:
            with pytest.raises(world.ours.CredentialsUnavailable, match=kind) as caught:
                await client.get(server.url)
        assert "a\nb" not in str(caught.value.__cause__)
        assert server.requests == 0

    async def test_a_retry_around_repeats_what_may_be_over_soon(
        self, world: World, server: Server
    ) -> None:
        request = world.library.Request("POST", "http://token.example/")
        failures: list[Any] = [
            world.library.ConnectError("down"),
            world.library.HTTPStatusError(
                "busy", request=request, response=world.library.Response(503)
            ),
        ]

        def fetch() -> str:
            if failures:
                raise failures.pop(0)
            return "token"

        transport = world.transport(layer(world, fetch, server))
        async with world.client(transport) as client:
            response = await client.post(server.url)
        unavailable = world.ours.CredentialsUnavailable
        outcomes = [each.outcome for each in attempts_of(response)]
        assert outcomes == [unavailable, unavailable, 200]
        assert server.requests == 1

    async def test_a_retry_around_does_not_repeat_what_stays(
        self, world: World, server: Server
    ) -> None:
        calls: list[None] = []

        def fetch() -> str:
            calls.append(None)
            raise KeyError(SECRET)

        events: list[Any] = []
        credentials = Credentials(fetch, server.url)
        transport = world.ours.CredentialsTransport(
            None, credentials, on_event=events.append
        )
        async with world.client(world.transport(transport)) as client:
            with pytest.raises(world.ours.CredentialsUnavailable) as caught:
                await client.get(server.url)
        assert len(calls) == 1
        assert [type(each) for each in events] == [CredentialsFailed]
        assert SECRET not in str(caught.value) + str(events)

    async def test_a_failure_after_a_401_is_raised_and_has_the_401_in_its_history(
        self, world: World, server: Server
    ) -> None:
        answers = iter(["token"])
        server.play(reply(401))

        def fetch() -> str:
            return next(answers, "")

        async with world.client(layer(world, fetch, server)) as client:
            with pytest.raises(world.ours.CredentialsUnavailable) as caught:
                await client.get(server.url)
        outcomes = [each.outcome for each in attempts_of(caught.value)]
        assert outcomes == [401, world.ours.CredentialsUnavailable]

    @in_async
    async def test_a_request_that_is_cancelled_in_a_renewal_leaves_its_history(
        self, library: str, server: Server, tokens: Tokens
    ) -> None:
        world = World(*LIBRARIES[library], sync=False)
        tokens.valid = 2
        server.play(tokens.check)

        def fetch() -> Any:
            if tokens.fetched:
                tokens.gate = threading.Semaphore(0)
            return tokens.later()

        transport = world.ours.DeadlineTransport(layer(world, fetch, server), 0.3)
        async with world.client(transport) as client:
            with pytest.raises(world.ours.DeadlineExceeded) as caught:
                await client.get(server.url)
        assert [each.outcome for each in attempts_of(caught.value)] == [401, None]

    @in_async
    async def test_the_function_sees_a_cancellation(
        self, library: str, server: Server
    ) -> None:
        world = World(*LIBRARIES[library], sync=False)
        ended: list[str] = []

        async def fetch() -> str:
            try:
                await anyio.sleep(60)
            finally:
                ended.append("cancelled")
            return ""

        async with world.client(layer(world, fetch, server)) as client:
            with anyio.move_on_after(0.02):
                await client.get(server.url)
        assert ended == ["cancelled"]

    def test_a_request_that_is_lost_with_its_event_loop_gives_its_turn_back(
        self, server: Server
    ) -> None:
        async def fetch() -> str:
            await asyncio.sleep(60)
            return ""

        credentials = Credentials(fetch, server.url)
        transport = CredentialsTransport(None, credentials)
        request = httpx.Request("GET", server.url)
        handled = transport.handle_async_request(request)
        loop = asyncio.new_event_loop()
        loop.run_until_complete(begun(handled))
        assert credentials.flight is not None
        handled.close()
        loop.close()
        assert credentials.flight is None


async def begun(handled: Any) -> None:
    handled.send(None)


class TestMistakes:
    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [
            (("token", "http://a"), TypeError, "fetch must be a function"),
            ((str, 3), TypeError, "origins must be a list of origins"),
            ((str, [3]), TypeError, "origins must be a list of origins"),
            ((str, []), ValueError, "got none"),
            (
                (str, "a.example"),
                ValueError,
                "origins: give a URL with scheme and host",
            ),
            (
                (str, "http://a/v1"),
                ValueError,
                "for all of http://a: leave the path out",
            ),
        ],
    )
    def test_are_refused_when_they_are_given(
        self, arguments: Any, error: type[Exception], message: str
    ) -> None:
        with pytest.raises(error, match=message):
            Credentials(*arguments)

    def test_an_age_must_be_above_zero(self) -> None:
        with pytest.raises(ValueError, match="max_age"):
            Credentials(str, "http://a", max_age=0)

    @pytest.mark.parametrize("given", [None, "token", str])
    def test_the_layer_takes_credentials_only(self, given: Any) -> None:
        with pytest.raises(TypeError, match="credentials must be Credentials"):
            CredentialsTransport(None, given)
        if given is not None:
            with pytest.raises(TypeError, match="credentials must be Credentials"):
                standard_transport(credentials=given)

    def test_a_synchronous_client_takes_no_asynchronous_function(self) -> None:
        async def fetch() -> str:
            return ""

        transport = CredentialsTransport(None, Credentials(fetch, "http://a"))
        with (
            httpx.Client(transport=RetryingTransport(transport)) as client,
            pytest.raises(TypeError, match="is asynchronous and cannot be awaited"),
        ):
            client.get("http://a")

    def test_a_plain_function_that_returns_an_awaitable_is_refused_there(self) -> None:
        async def fetch() -> str:
            return ""

        credentials = Credentials(lambda: fetch(), "http://a")
        with (
            httpx.Client(transport=CredentialsTransport(None, credentials)) as client,
            pytest.raises(CredentialsUnavailable, match="TypeError"),
        ):
            client.get("http://a")


def test_nothing_shows_a_credential(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    tokens = Tokens(valid=2)
    server.play(tokens.check)
    credentials = Credentials(tokens, [server.url, "https://b.example"])
    transport = CredentialsTransport(None, credentials)
    retrying = RetryingTransport(transport, wait=tenacity.wait_none())
    with httpx.Client(transport=retrying) as client:
        response = client.get(server.url)
    shown = [repr(each) for each in (credentials, transport, credentials._latest)]
    shown += [repr(attempts_of(response)), explain(response), caplog.text]
    assert SECRET not in "".join(shown)
    assert f"['{server.url[:-1]}', 'https://b.example'])" in repr(credentials)


def test_a_forked_child_does_not_wait_for_a_refresh_of_its_parent() -> None:
    from httpx_resilient._core import lock
    from httpx_resilient._layers.credentials.flight import Turn

    credentials = Credentials(str, "http://a")
    turn = Turn(credentials.flights)
    assert turn.take() is turn.flight is credentials.flight
    lock.in_child()
    assert credentials.flight is None
