"""What can be copied and pickled, and what refuses to be, with a reason."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import tenacity
from support.server import Server, reply, stall
from support.world import World

import httpx_resilient
from httpx_resilient import (
    AdaptiveConcurrencyLimit,
    AdaptiveThrottle,
    CircuitBreaker,
    ConcurrencyLimit,
    Credentials,
    Failover,
    HedgePolicy,
    RateLimit,
    RetryBudget,
    Stage,
    attempts_of,
    explain,
    otel,
    prometheus,
    retry_if_idempotent,
    retry_if_status,
    retry_if_transient,
    wait_retry_after,
    wait_transient,
)
from httpx_resilient._core.public import Uncopyable
from httpx_resilient.testing import (
    Answer,
    Chance,
    Latency,
    Outage,
    Reset,
    SlowBody,
    Together,
    Truncated,
)

pytestmark = pytest.mark.anyio

A = "https://a.example/"


def pickled(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))


def pickled_for_old(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value, 0))


again = pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, pickled])
refused = pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, pickled, pickled_for_old]
)


STATES: list[Any] = [
    AdaptiveConcurrencyLimit(),
    AdaptiveThrottle(),
    CircuitBreaker(),
    ConcurrencyLimit(5),
    Credentials(str, "https://a.example"),
    Failover(["https://a.example"]),
    HedgePolicy(),
    RateLimit(10, per=1),
    RetryBudget(),
]

TRANSPORTS: dict[str, Callable[[World], Any]] = {
    "CircuitBreakingTransport": lambda world: world.ours.CircuitBreakingTransport(),
    "ConcurrencyLimitingTransport": (
        lambda world: world.ours.ConcurrencyLimitingTransport()
    ),
    "CredentialsTransport": lambda world: world.ours.CredentialsTransport(
        None, Credentials(str, "https://a.example")
    ),
    "DeadlineTransport": lambda world: world.ours.DeadlineTransport(),
    "FailoverTransport": lambda world: world.ours.FailoverTransport(None, [A]),
    "FaultInjectingTransport": (
        lambda world: world.testing.FaultInjectingTransport(None, [503])
    ),
    "HedgingTransport": lambda world: world.ours.HedgingTransport(),
    "PoolingTransport": lambda world: world.ours.PoolingTransport(),
    "RateLimitingTransport": lambda world: world.ours.RateLimitingTransport(),
    "RetryingTransport": lambda world: world.ours.RetryingTransport(),
    "StageTransport": lambda world: world.ours.StageTransport(Stage()),
    "ThrottlingTransport": lambda world: world.ours.ThrottlingTransport(),
}


class TestState:
    @refused
    @pytest.mark.parametrize("state", STATES, ids=lambda state: type(state).__name__)
    def test_is_shared_and_not_copied(self, state: Any, again: Any) -> None:
        name = type(state).__name__
        with pytest.raises(TypeError) as caught:
            again(state)
        assert str(caught.value) == (
            f"{name} holds state that transports share and cannot be copied or "
            "pickled: pass the same object on, or make a new one with the same "
            "arguments"
        )

    @refused
    def test_of_metrics_is_not_copied(self, again: Any) -> None:
        registry = prometheus.CollectorRegistry()
        for metrics in (otel.Metrics(), prometheus.Metrics(registry)):
            with pytest.raises(TypeError, match="Metrics holds instruments and"):
                again(metrics)


class TestTransport:
    @refused
    @pytest.mark.parametrize("name", TRANSPORTS)
    def test_is_not_copied(self, world: World, name: str, again: Any) -> None:
        with pytest.raises(TypeError) as caught:
            again(TRANSPORTS[name](world))
        assert str(caught.value) == (
            f"{name} holds connections and cannot be copied or pickled: make a new one "
            "with the same arguments"
        )

    @refused
    def test_is_not_copied_with_the_settings_that_hold_it(
        self, world: World, again: Any
    ) -> None:
        settings = {"transport": world.transport(), "base_url": A}
        if again is copy.copy:
            assert again(settings)["transport"] is settings["transport"]
            return
        with pytest.raises(TypeError, match="RetryingTransport holds connections"):
            again(settings)

    async def test_sends_as_before_after_a_copy_was_refused(
        self, world: World, server: Server
    ) -> None:
        transport = world.transport()
        async with world.client(transport) as client:
            await client.get(server.url)
            with pytest.raises(TypeError, match="cannot be copied"):
                copy.copy(transport)
            await client.get(server.url)
        assert server.connections == 1

    def test_is_refused_by_name_in_a_dataclass_as_a_dictionary(
        self, world: World
    ) -> None:
        @dataclasses.dataclass
        class Settings:
            transport: Any

        with pytest.raises(TypeError, match="RetryingTransport holds connections"):
            dataclasses.asdict(Settings(world.transport()))

    def test_of_a_subclass_may_be_copied_as_that_says(self, world: World) -> None:
        class Mine(world.ours.RetryingTransport):  # type: ignore[name-defined,misc]
            def __reduce__(self) -> Any:
                return Mine, ()

        mine = Mine()
        for other in (copy.copy(mine), copy.deepcopy(mine)):
            assert type(other) is Mine
            assert other is not mine


def test_every_public_class_is_a_value_or_refuses_to_be_copied() -> None:
    known = {type(state).__name__ for state in STATES}
    classes = {
        name: getattr(httpx_resilient, name)
        for name in httpx_resilient.__all__
        if isinstance(getattr(httpx_resilient, name), type)
    }
    shared = {name for name, kind in classes.items() if issubclass(kind, Uncopyable)}
    transports = {name for name in classes if name.endswith("Transport")}
    assert shared == known | transports


VALUES: list[Any] = [
    retry_if_idempotent(),
    retry_if_status(418),
    retry_if_transient("POST"),
    retry_if_transient("POST") | retry_if_status(418),
    wait_retry_after(),
    wait_transient(),
    wait_transient() + tenacity.wait_fixed(1),
    Answer(503, body=b"busy"),
    Chance(0.5, 503),
    Latency(1),
    Outage(1, 2, 503),
    Reset(),
    SlowBody(10),
    Together(Latency(1), 503),
    Truncated(3),
]


@again
@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_setting_is_copied(value: Any, again: Any) -> None:
    other = again({"retry": value})["retry"]
    assert type(other) is type(value)
    assert repr(other) == repr(value) or vars(other).keys() == vars(value).keys()


class TestOutcome:
    """A response or an exception, which travels to a queue or to another process."""

    async def outcome(self, world: World, transport: Any, url: str = A) -> Any:
        async with world.client(transport, timeout=None) as client:
            try:
                return await client.get(url)
            except world.library.TransportError as error:
                return error

    def same(self, outcome: Any, again: Any, name: str) -> None:
        other = again(outcome)
        assert type(other) is type(outcome)
        assert type(other).__name__ == name
        assert str(other) == str(outcome)
        assert attempts_of(other) == attempts_of(outcome) != ()
        assert explain(other) == explain(outcome)

    @again
    async def test_of_a_response_has_the_body_and_no_history(
        self, world: World, server: Server, again: Any
    ) -> None:
        server.play(reply(503), reply(200, b"done"))
        response = await self.outcome(world, world.transport(), server.url)
        other = again(response)
        assert (other.status_code, other.content) == (200, b"done")
        # Both libraries leave out the extensions of a response that is copied.
        assert attempts_of(other) == ()
        assert explain(other)

    @again
    async def test_of_an_error_has_the_history(self, world: World, again: Any) -> None:
        def fail(_: object) -> None:
            raise world.library.ConnectError("refused")

        error = await self.outcome(world, world.transport(world.mock(fail)))
        self.same(error, again, "ConnectError")
        assert again(error).__notes__ == error.__notes__

    @again
    async def test_of_an_open_circuit_has_the_history(
        self, world: World, again: Any
    ) -> None:
        breaker = CircuitBreaker()
        breaker.force_open(A)
        inner = world.ours.CircuitBreakingTransport(None, breaker)
        error = await self.outcome(world, world.transport(inner))
        self.same(error, again, "CircuitOpen")
        assert again(error).retry_after == error.retry_after

    @again
    async def test_of_a_rate_limit_has_the_history(
        self, world: World, again: Any
    ) -> None:
        limit = RateLimit(1, per=1000, max_wait=0)
        mock = world.mock(lambda _: world.library.Response(200))
        stack = world.transport(world.ours.RateLimitingTransport(mock, limit))
        assert (await self.outcome(world, stack)).status_code == 200
        error = await self.outcome(world, stack)
        self.same(error, again, "RateLimitExceeded")
        assert again(error).retry_after == error.retry_after

    @again
    async def test_of_a_full_pool_has_the_history(
        self, world: World, server: Server, again: Any
    ) -> None:
        one = world.library.Limits(max_connections=1)
        transport = world.transport(limits=one)
        async with world.client(transport) as client:
            request = client.build_request("GET", server.url)
            held = await client.send(request, stream=True)
            short = world.library.Timeout(5, pool=0.01)
            with pytest.raises(world.library.PoolTimeout) as caught:
                await client.get(server.url, timeout=short)
            await world.close(held)
        self.same(caught.value, again, "PoolTimeout")

    @again
    async def test_of_a_body_that_broke_has_the_history(
        self, world: World, server: Server, again: Any
    ) -> None:
        server.play(stall(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", 0.01))
        error = await self.outcome(world, world.transport(), server.url)
        self.same(error, again, type(error).__name__)
