"""Simulations: what is conserved, what is known from theory, what a policy does."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from statistics import mean
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.world import LIBRARIES
from tenacity import stop_after_attempt, wait_fixed, wait_none

import httpx_resilient.httpx2
from httpx_resilient import (
    CircuitBreaker,
    HedgePolicy,
    RetryingTransport,
    standard_transport,
)
from httpx_resilient._core.events.log import logger
from httpx_resilient.simulation import Outage, Server, Traffic, simulate
from httpx_resilient.testing import virtual_time

DEAD = Server(capacity=12, outages=[Outage(10, 20)])
TEN = Traffic(clients=10)


def plain(server: Any) -> Any:
    return server


def careless(server: Any) -> RetryingTransport:
    return RetryingTransport(server, stop=stop_after_attempt(8), budget=False)


class TestTheory:
    @pytest.mark.parametrize("load", [0.5, 0.8])
    def test_the_time_in_an_m_m_1_queue_is_that_of_the_formula(
        self, load: float
    ) -> None:
        traffic = Traffic(clients=10, rate=load * 100 / 10)
        result = simulate(plain, Server(100, latency=0), traffic, seconds=600)
        expected = 1 / (100 - load * 100)  # W = 1 / (mu - lambda)
        assert mean(result.latencies) == pytest.approx(expected, rel=0.1)

    def test_a_closed_loop_obeys_littles_law(self) -> None:
        traffic = Traffic(clients=20, think=1.0)
        result = simulate(plain, Server(10, latency=0), traffic, seconds=600)
        throughput = result.calls / 600
        in_system = throughput * (mean(result.latencies) + 1.0)
        assert in_system == pytest.approx(20, rel=0.05)
        assert throughput == pytest.approx(10, rel=0.05)

    def test_calls_arrive_at_the_rate_of_all_clients(self) -> None:
        result = simulate(plain, traffic=Traffic(50, 0.5), seconds=200)
        assert result.calls == pytest.approx(50 * 0.5 * 200, rel=0.05)


class TestConservation:
    @given(
        policy=st.sampled_from(
            [
                RetryingTransport,
                careless,
                standard_transport,
                lambda server: standard_transport(server, throttle=True, breaker=True),
                httpx_resilient.httpx2.RetryingTransport,
            ]
        ),
        kind=st.sampled_from(["dead", "slow", "429", "errors", "restart"]),
        queue=st.none() | st.integers(0, 5),
        think=st.none() | st.just(0.5),
        capacity=st.sampled_from([3, 12]),
        seed=st.integers(0, 5),
    )
    @settings(
        max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    def test_each_call_has_one_outcome_and_each_attempt_is_one_request(
        self,
        policy: Any,
        kind: str,
        queue: int | None,
        think: float | None,
        capacity: float,
        seed: int,
    ) -> None:
        sent: list[Any] = []

        def counting(server: Any) -> Any:
            send = server.handle_async_request

            class Counting(httpx.AsyncBaseTransport):
                async def handle_async_request(self, request: Any) -> Any:
                    sent.append(request)
                    return await send(request)

            inner = Counting() if "httpx2" not in policy.__module__ else server
            return policy(inner)

        server = Server(capacity, 0.02, queue, [Outage(5, 10, kind)])
        traffic = Traffic(5, think=think)
        result = simulate(counting, server, traffic, seconds=15, timeout=2, seed=seed)
        assert sum(result.outcomes.values()) == result.calls
        assert result.calls == sum(each.calls for each in result.by_second)
        assert result.succeeded == sum(each.succeeded for each in result.by_second)
        assert result.calls - result.succeeded == sum(
            count for outcome, count in result.outcomes.items() if outcome != "200"
        )
        ended = result.calls - result.outcomes.get("unfinished", 0)
        assert len(result.latencies) == ended
        assert result.requests == len(sent) or "httpx2" in policy.__module__
        assert result.requests >= sum(each.requests for each in result.by_second)

    def test_without_retries_there_is_one_request_per_call(self) -> None:
        result = simulate(plain, DEAD, TEN, seconds=60)
        assert result.amplification == 1.0

    def test_the_attempts_of_a_policy_reach_the_server(self) -> None:
        down = Server(100, outages=[Outage(0, 59, "errors")])
        three = simulate(
            lambda server: RetryingTransport(server, wait=wait_none(), budget=False),
            down,
            TEN,
            seconds=60,
        )
        assert three.amplification == pytest.approx(3, abs=0.05)

    def test_a_call_that_never_ends_is_unfinished(self) -> None:
        def patient(server: Any) -> RetryingTransport:
            return RetryingTransport(server, wait=wait_fixed(1e6), budget=False)

        failing = Server(outages=[Outage(0, 1, "errors")])
        result = simulate(patient, failing, TEN, seconds=30)
        unfinished = result.by_second[0].calls
        assert result.outcomes["unfinished"] == unfinished > 0
        assert result.calls == result.succeeded + unfinished


class TestPolicies:
    def test_retries_without_a_budget_keep_a_server_overloaded(self) -> None:
        default, storm = (
            simulate(policy, DEAD, TEN, seconds=120)
            for policy in (RetryingTransport, careless)
        )
        assert default.recovery is not None
        assert default.recovery < 40
        assert default.amplification < 1.1
        assert default.refused > 0
        assert storm.recovery is None
        assert storm.amplification > 3
        assert storm.peak > 3 * default.peak
        assert storm.refused == 0

    def test_a_breaker_sends_nothing_to_a_server_that_fails(self) -> None:
        failing = Server(outages=[Outage(10, 40, "errors")])
        result = simulate(
            lambda server: standard_transport(server, breaker=CircuitBreaker()),
            failing,
            Traffic(2, 10),
            seconds=60,
        )
        assert result.outcomes["CircuitOpen"] > 100
        in_outage = result.by_second[20:40]
        calls = sum(each.calls for each in in_outage)
        assert sum(each.requests for each in in_outage) < 0.2 * calls

    def test_a_hedge_is_a_second_request_in_simulated_time(self) -> None:
        slow = Server(capacity=1000, latency=0.1)
        result = simulate(
            lambda server: standard_transport(
                server, hedging=HedgePolicy(0.1, extra=1.0), budget=False
            ),
            slow,
            TEN,
            seconds=60,
        )
        assert 1.3 < result.amplification < 1.7
        assert result.success == 1.0

    def test_a_hint_of_the_server_is_followed(self) -> None:
        refusing = Server(capacity=100, outages=[Outage(10, 14, "429", 5)])
        result = simulate(RetryingTransport, refusing, TEN, seconds=60)
        assert result.success == 1.0
        assert result.recovery == 0

    def test_a_restart_is_survived_by_retries(self) -> None:
        restarting = Server(capacity=100, outages=[Outage(10, 11, "restart")])
        bare, retrying = (
            simulate(policy, restarting, TEN, seconds=30)
            for policy in (plain, RetryingTransport)
        )
        assert bare.outcomes["ConnectError"] > 0
        assert retrying.succeeded > bare.succeeded

    @pytest.mark.parametrize("library", LIBRARIES)
    def test_both_libraries_have_the_same_result(self, library: str) -> None:
        _, ours = LIBRARIES[library]
        result = simulate(ours.RetryingTransport, DEAD, TEN, seconds=40)
        expected = simulate(RetryingTransport, DEAD, TEN, seconds=40)
        assert result == expected

    def test_a_transport_of_no_library_gets_responses_of_httpx(self) -> None:
        assert simulate(plain, traffic=TEN, seconds=5).success == 1.0


class TestReproducibility:
    def test_the_same_seed_gives_the_same_result(self) -> None:
        one, other, different = (
            simulate(RetryingTransport, DEAD, TEN, seconds=40, seed=seed)
            for seed in (1, 1, 2)
        )
        assert one == other != different

    def test_each_policy_gets_the_same_calls(self) -> None:
        one, other = (
            simulate(policy, DEAD, TEN, seconds=40) for policy in (plain, careless)
        )
        assert [each.calls for each in one.by_second] == [
            each.calls for each in other.by_second
        ]

    def test_a_result_does_not_depend_on_the_hashes_of_a_process(self) -> None:
        code = (
            "from httpx_resilient import *; from httpx_resilient.simulation import *;"
            "from httpx_resilient import standard_transport as policy;"
            "s = Server(12, outages=[Outage(5, 10)]);"
            "print(simulate(policy, s, Traffic(10), seconds=30))"
        )
        printed = {
            subprocess.run(
                [sys.executable, "-c", code],
                env={**os.environ, "PYTHONHASHSEED": seed},
                check=True,
                capture_output=True,
                text=True,
            ).stdout
            for seed in ("1", "2")
        }
        assert len(printed) == 1


class TestArguments:
    def test_each_second_is_reported(self) -> None:
        seen: list[int] = []
        simulate(plain, traffic=TEN, seconds=4.5, on_second=seen.append)
        assert seen == [1, 2, 3, 4, 5]

    def test_a_timeout_of_none_waits_for_the_end_of_an_outage(self) -> None:
        result = simulate(plain, DEAD, TEN, seconds=40, timeout=None)
        assert result.success == 1.0
        assert result.latency(1.0) > 10

    def test_the_method_decides_what_is_retried(self) -> None:
        failing = Server(outages=[Outage(5, 10, "errors")])
        result = simulate(RetryingTransport, failing, TEN, seconds=20, method="POST")
        assert result.amplification == 1.0

    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [
            ({"server": 300}, TypeError, r"such as Server\(capacity=300\); got 300"),
            ({"traffic": 200}, TypeError, r"such as Traffic\(clients=200\); got 200"),
            ({"seed": None}, TypeError, "seed is a whole number; got None"),
            ({"seconds": 0}, ValueError, "seconds is a number of seconds, 1 or more"),
            ({"timeout": 0}, ValueError, "timeout is a number of seconds, above 0"),
            ({"server": DEAD, "seconds": 20}, ValueError, "ends at 20 s, and the traf"),
            ({"policy": lambda _: None}, TypeError, "returns a transport for asynch"),
            ({"policy": lambda _: httpx.HTTPTransport()}, TypeError, "got <httpx"),
        ],
    )
    def test_an_argument_that_makes_no_sense_is_refused(
        self, arguments: dict[str, Any], error: type[Exception], message: str
    ) -> None:
        with pytest.raises(error, match=message):
            simulate(**{"policy": plain, **arguments})

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"clients": 0}, "clients is a whole number, 1 or more"),
            ({"rate": 0}, "rate is a number of calls per second, above 0"),
            ({"think": 0}, "think is a number of seconds, above 0"),
        ],
    )
    def test_traffic_that_makes_no_sense_is_refused(
        self, arguments: dict[str, Any], message: str
    ) -> None:
        with pytest.raises(ValueError, match=message):
            Traffic(**arguments)

    def test_an_error_of_a_policy_is_raised(self) -> None:
        def broken(server: Any) -> Any:
            class Broken(httpx.AsyncBaseTransport):
                async def handle_async_request(self, request: Any) -> Any:
                    raise ZeroDivisionError

            return Broken()

        with pytest.raises(ZeroDivisionError):
            simulate(broken, traffic=TEN, seconds=5)

    def test_a_policy_that_ignores_the_server_is_refused(self) -> None:
        with pytest.raises(RuntimeError, match="around the transport that it is given"):
            simulate(lambda _: RetryingTransport(), traffic=TEN, seconds=5)

    def test_nothing_is_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        simulate(RetryingTransport, DEAD, TEN, seconds=30)
        assert not caplog.records
        assert not logger.disabled

    def test_it_is_refused_in_virtual_time_and_in_an_event_loop(self) -> None:
        with virtual_time(), pytest.raises(RuntimeError, match="already active"):
            simulate(plain)

        async def runs() -> None:
            with pytest.raises(RuntimeError, match=r"asyncio\.to_thread"):
                simulate(plain, traffic=TEN, seconds=5)
            in_thread = await asyncio.to_thread(simulate, plain, traffic=TEN, seconds=5)
            assert in_thread.success == 1.0

        asyncio.run(runs())
