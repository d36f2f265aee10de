"""The simulated server: its description, and what it does with each request."""

from __future__ import annotations

import random
from statistics import mean
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from httpx_resilient.simulation import Outage, Server
from httpx_resilient.simulation._serving import BROKEN, REFUSED, ServerState

FAST = 1e6
"""Requests per second, so that no request waits for another one."""


def state_of(*outages: Outage, **settings: Any) -> ServerState:
    settings = {"capacity": FAST, "latency": 0.0, **settings}
    return ServerState(Server(outages=outages, **settings), random.Random(1))


class TestDescription:
    def test_outages_are_sorted_and_the_last_one_ends_them(self) -> None:
        server = Server(outages=[Outage(60, 70), Outage(10, 20)])
        assert [each.start for each in server.outages] == [10, 60]
        assert server.recovers_from == 70
        assert Server().recovers_from is None

    @pytest.mark.parametrize(
        ("kind", "value"), [("slow", 10.0), ("429", 1.0), ("errors", 1.0)]
    )
    def test_a_kind_with_a_value_has_a_default(self, kind: str, value: float) -> None:
        assert Outage(1, 2, kind).amount == value
        assert Outage(1, 2).amount == 0

    @pytest.mark.parametrize(
        ("build", "message"),
        [
            (lambda: Outage(5, 5), "ends after its start; got 5 to 5 s"),
            (lambda: Outage(-1, 5), "start is a number of seconds, 0 or more"),
            (lambda: Outage(1, 2, "late"), "dead, slow, 429, errors, restart; got"),
            (lambda: Outage(1, 2, "dead", 3), "the kind dead has no value"),
            (
                lambda: Outage(1, 2, "errors", 2),
                "the value of errors is a number, 0 or more, at most 1; got 2",
            ),
            (
                lambda: Outage(1, 2, "slow", 0.5),
                "the value of slow is a number, 1 or more; got 0.5",
            ),
            (lambda: Server(0), "capacity is a number of requests per second"),
            (lambda: Server(latency=-1), "latency is a number of seconds"),
            (lambda: Server(queue=-1), "queue is a whole number of requests"),
            (
                lambda: Server(outages=[Outage(1, 5), Outage(4, 6)]),
                "do not overlap; got 1 to 5 s and 4 to 6 s",
            ),
        ],
    )
    def test_a_description_that_makes_no_sense_is_refused(
        self, build: Any, message: str
    ) -> None:
        with pytest.raises(ValueError, match=message):
            build()

    def test_an_outage_is_an_object(self) -> None:
        wrong: Any = [(60, 90)]
        with pytest.raises(TypeError, match=r"as Outage\(60, 90\); got \(60, 90\)"):
            Server(outages=wrong)


class TestReplies:
    def test_requests_are_served_one_after_the_other(self) -> None:
        state = state_of(capacity=1)
        arrivals = [state.receive(0.0).seconds for _ in range(1000)]
        assert arrivals == sorted(arrivals)
        assert arrivals[-1] == pytest.approx(1000, rel=0.1)

    def test_the_latency_is_added_with_its_median(self) -> None:
        state = state_of(latency=0.05)
        seconds = sorted(state.receive(float(each)).seconds for each in range(1001))
        assert seconds[500] == pytest.approx(0.05, rel=0.1)
        assert seconds[991] == pytest.approx(0.05 * 2.3, rel=0.2)

    def test_a_server_that_stands_still_answers_when_it_is_back(self) -> None:
        state = state_of(Outage(10, 20))
        assert state.receive(9.0).seconds < 0.01
        assert state.receive(12.0).seconds == pytest.approx(8, abs=0.01)
        assert state.receive(20.0).seconds < 0.01

    def test_work_and_answers_pause_while_a_server_stands_still(self) -> None:
        state = state_of(Outage(10, 20), latency=1.0)
        replies = [state.receive(9.99) for _ in range(100)]
        assert min(each.seconds for each in replies) > 10

    def test_a_slow_server_takes_a_multiple_of_the_time(self) -> None:
        state = state_of(Outage(10, 20, "slow", 100), latency=0.01)
        before, during = (
            mean(state.receive(at).seconds for _ in range(200)) for at in (9.0, 11.0)
        )
        assert during / before == pytest.approx(100, rel=0.2)

    def test_a_server_that_refuses_says_when_to_return(self) -> None:
        state = state_of(Outage(10, 20, "429", 5))
        assert state.receive(10.0)[1:] == (429, 5)
        assert state.receive(20.0)[1:] == (200, None)

    def test_a_share_of_the_requests_has_an_error(self) -> None:
        state = state_of(Outage(0, 20, "errors", 0.3))
        statuses = [state.receive(1.0).status for _ in range(2000)]
        assert statuses.count(503) / 2000 == pytest.approx(0.3, abs=0.05)
        assert statuses.count(200) + statuses.count(503) == 2000

    def test_a_restart_breaks_what_is_in_flight_and_refuses_connections(self) -> None:
        state = state_of(Outage(10, 20, "restart"), capacity=1)
        replies = [state.receive(9.0) for _ in range(100)]
        broken = [each for each in replies if each.status == BROKEN]
        assert len(broken) > 90
        assert {each.seconds for each in broken} == {1.0}
        assert state.receive(15.0).status == REFUSED
        assert state.receive(20.0).status == 200

    def test_a_restart_forgets_the_queue(self) -> None:
        state = state_of(Outage(10, 20, "restart"), capacity=1, queue=100)
        for _ in range(100):
            state.receive(9.0)
        assert state.receive(20.0).seconds < 10

    def test_a_full_queue_is_answered_503_at_once(self) -> None:
        state = state_of(capacity=1, queue=2)
        statuses = [state.receive(0.0).status for _ in range(10)]
        assert statuses[:3] == [200] * 3  # one is worked on, two wait
        assert statuses[4:] == [503] * 6
        assert state.receive(1000.0).status == 200

    @given(
        arrivals=st.lists(st.floats(0, 100), min_size=1, max_size=60),
        outages=st.lists(
            st.tuples(
                st.integers(0, 9),
                st.sampled_from(["dead", "slow", "429", "errors", "restart"]),
            ),
            max_size=5,
            unique_by=lambda each: each[0],
        ),
        queue=st.none() | st.integers(0, 3),
        capacity=st.sampled_from([0.5, 5, 500]),
    )
    def test_each_request_has_one_reply_later_and_outside_of_a_standstill(
        self,
        arrivals: list[float],
        outages: list[tuple[int, str]],
        queue: int | None,
        capacity: float,
    ) -> None:
        times = [Outage(10 * at, 10 * at + 7, kind) for at, kind in outages]
        state = state_of(*times, capacity=capacity, latency=0.01, queue=queue)
        dead = [each for each in times if each.kind == "dead"]
        for now in sorted(arrivals):
            reply = state.receive(now)
            assert reply.seconds >= 0
            assert reply.status in {200, 429, 503, REFUSED, BROKEN}
            if reply.status == 200:
                moment = now + reply.seconds
                assert not any(each.start < moment < each.end - 1e-6 for each in dead)
