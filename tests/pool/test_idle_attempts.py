"""
The attempt that follows the failure of a connection that had been idle.

Such a failure says nothing about the health of the server. So the retry layer sends again
without a wait, where the policy of the request allows another attempt.
"""

from __future__ import annotations

import logging
import math
import time
from typing import Any

import pytest
import tenacity
from support.gates import in_total, until
from support.server import Server, Step, close, head, reply, reset
from support.telemetry import Measurements
from support.world import World

from httpx_resilient import (
    RetryBudget,
    attempts_of,
    events,
    explain,
    otel,
    retry_if_transient,
)

pytestmark = pytest.mark.anyio

AT_ONCE = "httpx_resilient._pool.outcome.AT_ONCE"
IDLE = "on a connection that had been idle"
KEPT = head(200, {"content-length": "0"})


ENDS: dict[str, Step] = {
    "closed": close(),
    "reset": reset(),
    "half a status line": close(b"HTTP/1.1 20"),
}


@pytest.fixture(autouse=True)
def all_is_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave a loaded machine the time for a failure that comes at once."""
    monkeypatch.setattr(AT_ONCE, 60)


class Recorded:
    """A wait strategy that records the failures it was asked about."""

    def __init__(self) -> None:
        self.failures: list[str] = []

    def __call__(self, state: Any) -> float:
        self.failures.append(state.failure)
        return 0.0


class TestAnotherAttempt:
    @pytest.mark.parametrize("end", ["closed", "reset"])
    @pytest.mark.parametrize("method", ["GET", "PUT"])
    async def test_another_attempt_follows_without_a_wait(
        self, world: World, server: Server, method: str, end: str
    ) -> None:
        waits = Recorded()
        server.play(reply(), ENDS[end], reply())
        async with world.client(world.transport(wait=waits)) as client:
            await client.get(server.url)
            response = await client.request(method, server.url, content=b"data")
        first, second = attempts_of(response)
        assert (first.wait, second.outcome) == (0.0, 200)
        assert first.reason.endswith(IDLE)
        assert waits.failures == []
        assert server.bodies[1:] == [b"data"] * 2
        assert [each.connection for each in server.received] == [1, 1, 2]

    async def test_events_log_metrics_and_explain_tell_of_it(
        self, world: World, server: Server, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO, "httpx_resilient")
        told: list[Any] = []
        measured = Measurements()
        metrics = otel.Metrics(measured.provider)

        def listen(event: events.Event) -> None:
            told.append(event)
            metrics(event)

        server.play(reply(), close(), reply())
        async with world.client(world.transport(on_event=listen)) as client:
            await client.get(server.url)
            response = await client.get(server.url)
        (scheduled,) = [each for each in told if type(each) is events.RetryScheduled]
        assert (scheduled.wait, IDLE in scheduled.reason) == (0.0, True)
        assert IDLE in explain(response)
        assert f"{IDLE}; next attempt in 0.00 s" in caplog.text
        labels = ("127.0.0.1", server.port, "GET", "RemoteProtocolError")
        assert measured.points()["retries"] == {labels: 1}

    async def test_a_post_is_not_sent_again(self, world: World, server: Server) -> None:
        server.play(reply(), close(), reply())
        async with world.client(world.transport()) as client:
            await client.get(server.url)
            with pytest.raises(world.library.RemoteProtocolError) as failure:
                await client.post(server.url)
            assert (len(attempts_of(failure.value)), server.requests) == (1, 2)
            assert (await client.post(server.url)).status_code == 200

    async def test_a_post_is_sent_again_if_the_policy_says_so(
        self, world: World, server: Server
    ) -> None:
        server.play(reply(), close(), reply())
        transport = world.transport(retry=retry_if_transient("POST"))
        async with world.client(transport) as client:
            await client.get(server.url)
            response = await client.post(server.url, content=b"data")
        assert len(attempts_of(response)) == 2
        assert server.bodies == [b"", b"data", b"data"]

    @pytest.mark.parametrize("condition", ["If-Match", "If-None-Match"])
    async def test_a_conditional_write_tells_that_it_may_have_been_processed(
        self, world: World, server: Server, condition: str
    ) -> None:
        async with world.client(world.transport()) as client:
            for method, is_told in (("PUT", True), ("DELETE", True), ("GET", False)):
                server.play(reply(), close(), reply(412))
                await client.get(server.url)
                response = await client.request(
                    method, server.url, headers={condition: "*"}
                )
                reason = attempts_of(response)[0].reason
                assert (f"maybe processed: {condition}" in reason) is is_told
                assert IDLE in reason

    async def test_a_write_if_unmodified_tells_that_it_may_have_been_processed(
        self, world: World, server: Server
    ) -> None:
        server.play(reply(), close(), reply(412))
        condition = {"if-unmodified-since": "Wed, 21 Oct 2015 07:28:00 GMT"}
        async with world.client(world.transport()) as client:
            await client.get(server.url)
            response = await client.put(server.url, headers=condition)
        assert "maybe processed: If-Unmodified-Since" in attempts_of(response)[0].reason


class TestBudget:
    """Each idle connection has had a response: there are no more than successes."""

    @pytest.mark.parametrize("balance", [0, 1])
    async def test_it_is_not_charged_and_does_not_refuse(
        self, world: World, server: Server, balance: int
    ) -> None:
        budget = RetryBudget(0.01, least=0, most=1)
        url = world.library.URL(server.url)
        if not balance:
            budget.spend(url, time.monotonic(), 1)
        # The last response is a failure, which would return no charge.
        server.play(reply(), close(), reply(500))
        once = tenacity.stop_after_attempt(2)
        async with world.client(world.transport(budget=budget, stop=once)) as client:
            await client.get(server.url)
            response = await client.get(server.url)
        assert [each.outcome for each in attempts_of(response)][1:] == [500]
        (left,) = budget.states().values()
        assert left == pytest.approx(balance, abs=0.1)


class TestAsUsual:
    """These failures are waited for as any other is."""

    @pytest.mark.parametrize(
        ("end", "at_once"),
        [("half a status line", 60), ("closed", 0)],
        ids=["half a status line", "time"],
    )
    async def test_a_failure_after_a_sign_of_work(
        self,
        world: World,
        server: Server,
        monkeypatch: pytest.MonkeyPatch,
        end: str,
        at_once: float,
    ) -> None:
        monkeypatch.setattr(AT_ONCE, at_once)
        waits = Recorded()
        server.play(reply(), ENDS[end], reply())
        async with world.client(world.transport(wait=waits)) as client:
            await client.get(server.url)
            response = await client.get(server.url)
        assert IDLE not in attempts_of(response)[0].reason
        assert waits.failures == ["RemoteProtocolError"]

    async def test_a_failure_on_a_new_connection(
        self, world: World, server: Server
    ) -> None:
        waits = Recorded()
        server.play(close(), reply())
        async with world.client(world.transport(wait=waits)) as client:
            response = await client.get(server.url)
        assert IDLE not in attempts_of(response)[0].reason
        assert waits.failures == ["RemoteProtocolError"]

    @pytest.mark.usefixtures("connections")
    @pytest.mark.parametrize("looks_after", [0, math.inf], ids=["pool", "connection"])
    async def test_a_failure_on_a_new_connection_in_place_of_one_that_was_closed(
        self,
        world: World,
        server: Server,
        monkeypatch: pytest.MonkeyPatch,
        looks_after: float,
    ) -> None:
        """Whoever notices: the pool, or the connection if the request comes at once."""
        monkeypatch.setattr("httpx_resilient._pool.state.CHECKED_AFTER", looks_after)
        waits = Recorded()
        server.play(close(KEPT), close(), reply())
        pool = world.ours.PoolingTransport()
        async with world.client(world.transport(pool, wait=waits)) as client:
            await client.get(server.url)
            await until(world, lambda: not server.open_connections)
            response = await client.get(server.url)
            assert in_total(pool) == {"idle": 1, "opened": 2, "retired": 1}
        assert IDLE not in attempts_of(response)[0].reason
        assert waits.failures == ["RemoteProtocolError"]
        assert [each.connection for each in server.received] == [1, 2, 3]
