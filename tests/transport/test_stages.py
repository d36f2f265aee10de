"""The flow of stages: order, joining, and that each request ends once in each stage."""

from __future__ import annotations

import contextlib
import copy
import gc
import pickle
import sys
import warnings
import weakref
from collections.abc import Iterator
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import pytest
import tenacity
from support.server import Server, reply, stall
from support.world import World, in_async

from httpx_resilient import (
    CircuitBreaker,
    CircuitBreakingTransport,
    ConcurrencyLimit,
    HedgePolicy,
    RateLimit,
    RateLimitingTransport,
    RetryingTransport,
    Stage,
    attempts_of,
)
from httpx_resilient._transport.stage import OVER
from httpx_resilient._transport.unwinding import end_each
from httpx_resilient.events import CircuitOpened

pytestmark = pytest.mark.anyio

URL = "https://a.example/"


class Interruption(BaseException):
    """Like `KeyboardInterrupt`, but pytest and trio do not handle it."""


class Recording(Stage):
    """A stage that records its calls, and raises in one of them."""

    def __init__(self, did: list[str], name: str, **raises: BaseException) -> None:
        self.did, self.name, self.raises = did, name, raises

    def _do(self, what: str, *said: object) -> None:
        self.did.append(" ".join([what, self.name, *map(str, said)]))
        if what in self.raises:
            raise self.raises[what]

    def before(self, context: Any) -> str:
        self._do("before")
        return self.name

    def after(self, context: Any, visit: str, outcome: Any) -> str:
        assert visit == self.name
        self._do("after", getattr(outcome, "status_code", type(outcome).__name__))
        return visit

    def ended(self, context: Any, visit: str, error: Any) -> None:
        assert visit == self.name
        self._do("ended", type(error).__name__)

    def leaked(self, context: Any, visit: str) -> None:
        self._do("leaked")


def streaming(world: World, status: int = 200) -> Any:
    """A mock whose responses are open, as those of a network."""

    def handle(_: object) -> Any:
        stream = world.library.ByteStream(b"body")
        return world.library.Response(status, stream=stream)

    return world.mock(handle)


def nest(world: World, inner: Any, *stages: Stage) -> Any:
    """Nest transports of stages; the first one is the outermost."""
    for stage in reversed(stages):
        inner = world.ours.StageTransport(stage, inner)
    return inner


def foreign(world: World, inner: Any) -> Any:
    """A subclass of a user, which is a transport of another make."""

    class Mine(world.ours.StageTransport):  # type: ignore[name-defined, misc]  # a class of either binding
        def handle_request(self, request: Any) -> Any:
            return super().handle_request(request)

        def handle_async_request(self, request: Any) -> Any:
            return super().handle_async_request(request)

    return Mine(Stage(), inner)


class TestFlow:
    async def test_runs_all_stages_outside_in_and_back(self, world: World) -> None:
        did: list[str] = []
        stages = [Recording(did, name) for name in "abc"]
        async with world.client(nest(world, streaming(world), *stages)) as client:
            await client.get(URL)
        assert did == [
            *("before a", "before b", "before c"),
            *("after c 200", "after b 200", "after a 200"),
            *("ended c NoneType", "ended b NoneType", "ended a NoneType"),
        ]

    async def test_is_the_same_with_a_transport_of_another_make_in_between(
        self, world: World
    ) -> None:
        did: list[str] = []
        inner = nest(world, streaming(world), Recording(did, "b"))
        outer = nest(world, foreign(world, inner), Recording(did, "a"))
        async with world.client(outer) as client:
            await client.get(URL)
        assert did == [
            *("before a", "before b", "after b 200", "after a 200"),
            *("ended b NoneType", "ended a NoneType"),
        ]

    async def test_joined_stages_of_a_transport_that_is_used_alone_too(
        self, world: World
    ) -> None:
        did: list[str] = []
        inner = nest(world, streaming(world), Recording(did, "b"))
        outer = nest(world, inner, Recording(did, "a"))
        async with world.client(outer) as first, world.client(inner) as second:
            await first.get(URL)
            did.clear()
            await second.get(URL)
        assert did == ["before b", "after b 200", "ended b NoneType"]

    async def test_a_stage_may_be_shared_and_nested_in_itself(
        self, world: World
    ) -> None:
        did: list[str] = []
        stage = Recording(did, "a")
        async with world.client(nest(world, streaming(world), stage, stage)) as client:
            await client.get(URL)
        assert did.count("before a") == did.count("ended a NoneType") == 2

    async def test_a_refusal_ends_the_stages_around_it(self, world: World) -> None:
        did: list[str] = []
        refusal = world.library.ConnectError("no")
        stages = Recording(did, "a"), Recording(did, "b", before=refusal)
        async with world.client(nest(world, streaming(world), *stages)) as client:
            with pytest.raises(world.library.ConnectError) as caught:
                await client.get(URL)
        assert caught.value is refusal
        expected = ["before a", "before b", "after a ConnectError"]
        assert did == [*expected, "ended a ConnectError"]

    async def test_a_stage_may_replace_an_exception_for_those_around_it(
        self, world: World
    ) -> None:
        def fail(_: object) -> None:
            raise world.library.ReadError("reset")

        did: list[str] = []
        replaced = Recording(did, "b", after=world.library.WriteError("other"))
        stages = Recording(did, "a"), replaced
        async with world.client(nest(world, world.mock(fail), *stages)) as client:
            with pytest.raises(world.library.WriteError):
                await client.get(URL)
        assert did[2:] == [
            *("after b ReadError", "ended b WriteError"),
            *("after a WriteError", "ended a WriteError"),
        ]

    async def test_a_stage_that_refuses_a_response_is_seen_by_those_around_it(
        self, world: World
    ) -> None:
        did: list[str] = []
        refusing = Recording(did, "b", after=world.library.ReadError("bad content"))
        stages = Recording(did, "a"), refusing, Recording(did, "c")
        async with world.client(nest(world, streaming(world), *stages)) as client:
            with pytest.raises(world.library.ReadError):
                await client.get(URL)
        assert did[3:] == [
            *("after c 200", "after b 200"),
            *("ended c ReadError", "ended b ReadError"),
            *("after a ReadError", "ended a ReadError"),
        ]

    async def test_a_stage_around_may_replace_that_too(self, world: World) -> None:
        did: list[str] = []
        stages = (
            Recording(did, "a", after=world.library.WriteError("replaced")),
            Recording(did, "b", after=world.library.ReadError("bad content")),
        )
        async with world.client(nest(world, streaming(world), *stages)) as client:
            with pytest.raises(world.library.WriteError, match="replaced"):
                await client.get(URL)

    async def test_a_response_that_was_read_when_it_was_made_ends_at_once(
        self, world: World
    ) -> None:
        did: list[str] = []
        mock = world.mock(lambda _: world.library.Response(200, content=b"read"))
        transport = nest(world, mock, Recording(did, "a"))
        async with world.client(transport) as client:
            request = client.build_request("GET", URL)
            response = await client.send(request, stream=True)
            assert did[-1] == "ended a NoneType"
            await world.close(response)
        assert did == ["before a", "after a 200", "ended a NoneType"]

    async def test_an_exception_of_a_body_reaches_a_stage_that_observes_it(
        self, world: World, server: Server
    ) -> None:
        did: list[str] = []
        server.play(reply(200, b"ok"), stall())
        transport = nest(world, world.http(), Recording(did, "a"))

        class Broken(Exception):
            pass

        async with world.client(transport) as client:
            request = client.build_request("GET", server.url)
            response = await client.send(request, stream=True)
            with contextlib.suppress(world.library.ReadError):
                tracked = response.stream._stream
                tracked.stream = _breaking(world, tracked.stream)
                await world.read(response)
            await world.close(response)
        assert did[-1] == "ended a ReadError"

    async def test_a_visit_that_is_over_is_not_ended(self, world: World) -> None:
        did: list[str] = []

        class Done(Recording):
            def after(self, context: Any, visit: str, outcome: Any) -> Any:
                super().after(context, visit, outcome)
                return OVER

        stages = Recording(did, "a"), Done(did, "b")
        async with world.client(nest(world, streaming(world), *stages)) as client:
            await client.get(URL)
        assert did == [
            *("before a", "before b", "after b 200", "after a 200"),
            "ended a NoneType",
        ]

    async def test_a_response_is_left_alone_if_all_visits_are_over(
        self, world: World
    ) -> None:
        class Done(Recording):
            def after(self, context: Any, visit: str, outcome: Any) -> Any:
                return OVER

        responses: list[Any] = []

        def handle(_: object) -> Any:
            stream = world.library.ByteStream(b"body")
            responses.append((world.library.Response(200, stream=stream), stream))
            return responses[0][0]

        transport = nest(world, world.mock(handle), Done([], "a"))
        request = world.library.Request("GET", URL)
        if world.sync:
            response = transport.handle_request(request)
        else:
            response = await transport.handle_async_request(request)
        assert response.stream is responses[0][1]

    async def test_a_stage_must_be_one(self, world: World) -> None:
        with pytest.raises(TypeError, match=r"instance of a subclass of Stage"):
            world.ours.StageTransport(Recording)


def _breaking(world: World, stream: Any) -> Any:
    class Breaking(world.library.AsyncByteStream, world.library.SyncByteStream):  # type: ignore[name-defined, misc]  # a class of either library
        def __iter__(self) -> Iterator[bytes]:
            yield b"o"
            raise world.library.ReadError("reset")

        async def __aiter__(self) -> Any:
            yield b"o"
            raise world.library.ReadError("reset")

        def close(self) -> None:
            stream.close()

        async def aclose(self) -> None:
            await stream.aclose()

    return Breaking()


class TestUnwinding:
    def test_ends_each_stage_even_if_another_raises(self) -> None:
        did: list[str] = []
        stages = [
            Recording(did, "a"),
            Recording(did, "b", ended=RuntimeError("b")),
            Recording(did, "c"),
            Recording(did, "d", ended=RuntimeError("d")),
        ]
        visits: list[Any] = ["a", "b", OVER, "d"]
        context: Any = None
        with pytest.raises(RuntimeError):
            end_each(stages, visits, 0, context, None)
        assert did == ["ended d NoneType", "ended b NoneType", "ended a NoneType"]
        assert visits == [OVER] * 4


WHERE = ["before", "after", "ended", "leaked"]


class TestNothingIsLost:
    @pytest.mark.parametrize("error", [RuntimeError("a bug"), Interruption()], ids=repr)
    @pytest.mark.parametrize("where", WHERE)
    @pytest.mark.parametrize("place", ["outside", "inside"])
    async def test_whatever_a_stage_raises_anywhere(
        self, world: World, where: str, place: str, error: BaseException
    ) -> None:
        limit, did = ConcurrencyLimit(1), list[str]()
        raising = Recording(did, "r", **{where: error})
        inner: Any = streaming(world)
        if place == "inside":
            inner = nest(world, inner, Recording(did, "b"), raising)
        inner = world.ours.ConcurrencyLimitingTransport(inner, limit)
        if place == "outside":
            inner = nest(world, inner, raising, Recording(did, "b"))
        async with world.client(inner) as client:
            with contextlib.suppress(RuntimeError, Interruption):
                if where == "leaked":
                    await leak(client)
                else:
                    await client.get(URL)
        assert limit.states()[URL[:-1]].in_flight == 0 if limit.states() else True
        begun = sum(each.startswith("before b") for each in did)
        ended = sum(each.startswith(("ended b", "leaked b")) for each in did)
        assert begun == ended

    @in_async
    async def test_if_the_release_of_a_refused_response_is_cancelled(
        self, world: World
    ) -> None:
        limit = ConcurrencyLimit(1)

        class Slow(world.library.AsyncByteStream):  # type: ignore[name-defined, misc]  # a class of either library
            async def __aiter__(self) -> Any:
                yield b""

            async def aclose(self) -> None:
                await anyio.sleep(5)

        def handle(_: object) -> Any:
            return world.library.Response(200, stream=Slow())

        refusing = Recording([], "r", after=world.library.ReadError("bad"))
        inner = nest(world, world.mock(handle), refusing)
        transport = world.ours.ConcurrencyLimitingTransport(inner, limit)
        async with world.client(transport) as client:
            with anyio.move_on_after(0.05):
                await client.get(URL)
        assert limit.states()[URL[:-1]].in_flight == 0

    @in_async
    async def test_a_cancellation_passes_though_a_stage_raises(
        self, world: World, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def hang(_: object) -> None:
            await anyio.sleep(5)

        bug = Recording([], "r", ended=RuntimeError("a bug"))
        async with world.client(nest(world, world.mock(hang), bug)) as client:
            with anyio.move_on_after(0.05) as scope:
                await client.get(URL)
        assert scope.cancelled_caught
        assert "a stage raised an exception" in caplog.text


async def leak(client: Any) -> None:
    """Drop a response unread."""
    request = client.build_request("GET", URL)
    response = await client.send(request, stream=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        raised: list[BaseException | None] = []
        hook, sys.unraisablehook = (
            sys.unraisablehook,
            lambda unraisable: raised.append(unraisable.exc_value),
        )
        try:
            del response
            gc.collect()
        finally:
            sys.unraisablehook = hook


class TestStagesAroundFlows:
    @pytest.mark.parametrize("kind", ["retry", "failover", "pool"])
    async def test_serve_every_request_and_not_only_the_first(
        self, world: World, kind: str, server: Server
    ) -> None:
        server.play(*[reply(200)] * 3)
        inner = {
            "retry": lambda: world.transport(),
            "failover": lambda: world.ours.FailoverTransport(None, [server.url[:-1]]),
            "pool": lambda: world.ours.PoolingTransport(),
        }[kind]()
        transport = world.ours.CircuitBreakingTransport(
            world.ours.RateLimitingTransport(inner), CircuitBreaker()
        )
        async with world.client(transport) as client:
            for _ in range(3):
                assert (await client.get(server.url)).status_code == 200

    @in_async
    async def test_a_hedge_has_the_whole_time_of_an_attempt(self, world: World) -> None:
        sent: list[object] = []

        async def handle(request: Any) -> Any:
            sent.append(request)
            await anyio.sleep(5 if len(sent) == 1 else 0.3)
            return world.library.Response(200)

        attempt = world.ours.DeadlineTransport(world.mock(handle), 0.4, body=False)
        hedging = world.ours.HedgingTransport(attempt, HedgePolicy(0.2))
        outer = world.ours.DeadlineTransport(hedging, 5)
        async with world.client(outer) as client:
            assert (await client.get(URL)).status_code == 200

    @in_async
    async def test_a_winner_is_closed_if_the_release_of_the_loser_is_cancelled(
        self, world: World
    ) -> None:
        opened: set[int] = set()

        class Slow(world.library.AsyncByteStream):  # type: ignore[name-defined, misc]  # a class of either library
            def __init__(self, number: int) -> None:
                self.number = number
                opened.add(number)

            async def __aiter__(self) -> Any:
                yield b""

            async def aclose(self) -> None:
                opened.discard(self.number)
                await anyio.sleep(0.2)

        numbers = iter([1, 2])

        async def handle(_: object) -> Any:
            number = next(numbers)
            await anyio.sleep(0.1)
            status = 503 if number == 1 else 200
            return world.library.Response(status, stream=Slow(number))

        transport = world.ours.HedgingTransport(world.mock(handle), HedgePolicy(0.05))
        async with world.client(transport) as client:
            with anyio.move_on_after(0.25) as scope:
                await client.get(URL)
        assert scope.cancelled_caught
        assert opened == set()

    @in_async
    async def test_a_deadline_tells_of_a_request_and_its_hedge(
        self, world: World
    ) -> None:
        async def handle(_: object) -> None:
            await anyio.sleep(5)

        hedging = world.ours.HedgingTransport(world.mock(handle), HedgePolicy(0.01))
        outer = world.ours.DeadlineTransport(hedging, 0.1)
        async with world.client(outer) as client:
            with pytest.raises(world.ours.DeadlineExceeded) as caught:
                await client.get(URL)
        attempts = attempts_of(caught.value)
        assert sorted(each.hedge for each in attempts) == [False, True]

    @pytest.mark.parametrize("options", [{"retry": False}, {"failover": False}])
    async def test_an_extension_that_a_transport_in_between_adds_is_read(
        self, world: World, options: dict[str, Any]
    ) -> None:
        sent: list[object] = []

        def handle(request: Any) -> Any:
            sent.append(request)
            return world.library.Response(503)

        inner: Any = world.mock(handle)
        if "retry" in options:
            inner = world.transport(inner)
        else:
            inner = world.ours.FailoverTransport(inner, [URL[:-1], "https://b.example"])
        library = world.library

        class Adding(library.AsyncBaseTransport, library.BaseTransport):  # type: ignore[name-defined, misc]  # classes of either library
            def __init__(self) -> None:
                self.inner = inner

            def handle_request(self, request: Any) -> Any:
                request.extensions.update(options)
                return inner.handle_request(request)

            async def handle_async_request(self, request: Any) -> Any:
                request.extensions.update(options)
                return await inner.handle_async_request(request)

        outer = world.ours.CircuitBreakingTransport(Adding())
        async with world.client(outer) as client:
            await client.get(URL)
        assert len(sent) == 1

    async def test_a_wait_leaves_no_trace_in_exceptions(self, world: World) -> None:
        limit = RateLimit(1, per=60, max_wait=0)
        transport = world.ours.RateLimitingTransport(streaming(world), limit)
        async with world.client(transport) as client:
            await client.get(URL)
            with pytest.raises(world.ours.RateLimitExceeded) as caught:
                await client.get(URL)
        assert caught.value.__context__ is None

    async def test_a_limit_of_a_stage_after_another_that_waits(
        self, world: World
    ) -> None:
        rate, permits = RateLimit(20), ConcurrencyLimit(1)
        inner = world.ours.ConcurrencyLimitingTransport(streaming(world), permits)
        transport = world.ours.RateLimitingTransport(inner, rate)
        async with world.client(transport) as client:

            async def get() -> None:
                await client.get(URL)

            await world.together(get, get, get)
        assert permits.states()[URL[:-1]].in_flight == 0

    async def test_the_extensions_of_a_carried_request_can_be_copied(
        self, world: World
    ) -> None:
        seen: list[Any] = []

        def handle(request: Any) -> Any:
            seen.append(request.extensions)
            return world.library.Response(200)

        transport = world.ours.DeadlineTransport(world.mock(handle), 5)
        async with world.client(transport) as client:
            await client.get(URL)
        (extensions,) = seen
        copied = copy.deepcopy(extensions)
        assert copied["httpx_resilient"] is extensions["httpx_resilient"]
        assert pickle.loads(pickle.dumps(extensions))["httpx_resilient"] is None

    async def test_a_handler_that_is_put_in_place_of_one_inside_is_called(
        self, world: World
    ) -> None:
        inner = world.ours.CircuitBreakingTransport(streaming(world))
        transport = world.ours.RateLimitingTransport(inner)
        teapot = world.library.Response(418)

        async def answer(_: object) -> Any:
            return teapot

        inner.handle_request = lambda _: teapot
        inner.handle_async_request = answer
        async with world.client(transport) as client:
            assert (await client.get(URL)).status_code == 418


@in_async
async def test_an_asynchronous_listener_inside_hears_of_a_body_with_the_next_request(
    world: World,
) -> None:
    heard: list[str] = []

    async def listen(event: object) -> None:
        await anyio.lowlevel.checkpoint()
        if isinstance(event, CircuitOpened):
            heard.append(event.reason)

    def handle(_: object) -> Any:
        stream = _breaking(world, world.library.ByteStream(b""))
        return world.library.Response(200, stream=stream)

    breaker = CircuitBreaker(minimum_calls=1)
    inner = world.ours.CircuitBreakingTransport(
        world.mock(handle), breaker, on_event=listen
    )
    once = {"stop": tenacity.stop_after_attempt(1)}
    async with world.client(world.transport(inner, **once)) as client:
        with pytest.raises(world.library.ReadError):
            await client.get(URL)
        with pytest.raises(world.ours.CircuitOpen):
            await client.get(URL)
        assert heard == ["1 of 1 requests failed"]


async def test_a_transport_that_is_dropped_is_freed_at_once(world: World) -> None:
    """So that its connections are closed then, and not when cycles are collected."""
    transport: Any = world.transport(
        world.ours.CircuitBreakingTransport(
            world.ours.RateLimitingTransport(streaming(world)), on_event=print
        ),
        on_event=lambda event: None,
    )
    gc.collect()
    gc.disable()
    try:
        async with world.client(transport) as client:
            await client.get(URL, extensions={"retry": {"budget": False}})
        del client
        alive = weakref.ref(transport)
        del transport
        assert alive() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("between", ["nothing", "retry"])
def test_a_synchronous_client_refuses_an_asynchronous_listener_of_a_layer_inside(
    between: str,
) -> None:
    async def listen(event: object) -> None: ...

    mock = httpx.MockTransport(lambda request: httpx.Response(200))
    inner: Any = RateLimitingTransport(mock, on_event=listen)
    if between == "retry":
        inner = RetryingTransport(inner)
    with httpx.Client(transport=CircuitBreakingTransport(inner)) as client:
        for _ in range(2):
            with pytest.raises(TypeError, match="on_event is asynchronous"):
                client.get(URL)
