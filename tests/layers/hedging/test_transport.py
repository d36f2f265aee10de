"""The hedging layer's flow: what is sent, what is returned and what is released."""

from __future__ import annotations

import logging
from typing import Any

import httpx
import pytest
from support.fake_io import FakeIO, Scripted
from support.race import GET, URL, Race, finish, handled, hedging
from support.world import LIBRARIES

from httpx_resilient import (
    DeadlineTransport,
    HedgePolicy,
    HedgingTransport,
    RetryBudget,
    RetryingTransport,
    wrap,
)
from httpx_resilient._core.io.race import Runner, Second
from httpx_resilient._layers.hedging.policy import HedgeState

KEY = ("https", b"example.org", None)


def is_discarded(response: Any) -> bool:
    return getattr(response, "is_discarded", False)


class TestOutcome:
    def test_one_in_time_is_returned_as_it_is(self) -> None:
        response = httpx.Response(200)
        io = Race(response, ends="alone")
        assert handled(io) is response
        assert io.did == ["send"]
        assert io.sent == [GET]
        assert "hedge" not in response.extensions
        assert io.waited == [0.1]

    def test_what_is_answered_at_once_takes_no_race(self) -> None:
        class Immediate(Race):
            def begin(self, answer: Any) -> Any:
                return finish(answer), None

        io = Immediate(200)
        assert handled(io).status_code == 200
        assert io.waited == []

    def test_the_hedge_wins(self) -> None:
        response = httpx.Response(200)
        io = Race(response)
        assert handled(io) is response
        assert io.did == ["send", "cancel"]
        assert response.extensions["hedge"] is True
        assert not is_discarded(response)

    def test_the_first_wins(self) -> None:
        response = httpx.Response(200)
        io = Race(response, ends="first")
        assert handled(io) is response
        assert io.did == ["send", "cancel"]
        assert response.extensions["hedge"] is False

    def test_if_both_win_it_is_the_first(self) -> None:
        first, second = httpx.Response(200), httpx.Response(200)
        assert handled(Race(second, first, ends="both")) is first
        assert is_discarded(second)

    @pytest.mark.parametrize("failure", [503, 429, 408, httpx.ReadError("")])
    def test_a_hedge_that_fails_beats_nobody(self, failure: Scripted) -> None:
        response = httpx.Response(200)
        io = Race(failure, response)
        assert handled(io) is response
        assert response.extensions["hedge"] is False
        assert io.did.count("close") == isinstance(failure, int)

    @pytest.mark.parametrize("failure", [503, httpx.ReadError("")])
    def test_a_first_one_that_fails_waits_for_the_hedge(
        self, failure: Scripted
    ) -> None:
        response = httpx.Response(200)
        io = Race(failure, response, ends="first")
        assert handled(io) is response
        assert response.extensions["hedge"] is True
        assert io.did.count("close") == isinstance(failure, int)

    @pytest.mark.parametrize("ends", ["first", "second"])
    def test_if_both_fail_it_is_the_outcome_of_the_first(self, ends: str) -> None:
        first, second = httpx.Response(503), httpx.Response(500)
        script = [first, second] if ends == "first" else [second, first]
        io = Race(*script, ends=ends)
        assert handled(io) is first
        assert not is_discarded(first)
        assert is_discarded(second)

    def test_also_if_that_is_an_exception(self) -> None:
        error, second = httpx.ReadError("first"), httpx.Response(500)
        with pytest.raises(httpx.ReadError) as caught:
            handled(Race(error, second, ends="first"))
        assert caught.value is error
        assert is_discarded(second)

    def test_a_404_is_an_answer(self) -> None:
        assert handled(Race(404)).extensions["hedge"] is True

    def test_both_are_released_if_nobody_wants_them(self) -> None:
        class Stop(BaseException):
            pass

        class Interrupted(Race):
            async def race(self, *args: Any) -> None:
                await super().race(*args)
                raise Stop

            async def discard(self, response: Any, *, drain: bool = True) -> None:
                await super().discard(response, drain=drain)
                raise Stop

        first, second = httpx.Response(503), httpx.Response(500)
        with pytest.raises(Stop):
            handled(Interrupted(first, second, ends="first"))
        assert is_discarded(first)
        assert is_discarded(second)


class TestRequest:
    def test_each_has_its_own(self) -> None:
        request = httpx.Request("GET", URL, extensions={"timeout": {"read": 5}})
        io = Race(503, 200)
        handled(io, request=request)
        hedge, first = io.sent
        assert first is request
        assert request.extensions == {"timeout": {"read": 5}}
        assert hedge.extensions == {"timeout": {"read": 5}, "hedge": False}
        hedge.headers["X-Seen"] = "1"
        assert "X-Seen" not in request.headers
        assert (hedge.method, hedge.url) == (request.method, request.url)

    @pytest.mark.parametrize(
        "request_",
        [
            httpx.Request("POST", URL),
            httpx.Request("PUT", URL, content=b"data"),
            httpx.Request("GET", URL, extensions={"hedge": False}),
            httpx.Request("GET", URL, content=iter([b"data"])),
        ],
    )
    def test_what_may_not_be_hedged_is_sent_once(self, request_: Any) -> None:
        io = FakeIO(200)
        finish(hedging()._handle(request_, io))
        assert io.sent == [request_]

    @pytest.mark.parametrize(
        "body",
        [
            {"content": b"data"},
            {"json": [1]},
            {"data": {"a": "b"}},
            {"files": {"file": b"data"}, "data": {"a": "b"}},
        ],
    )
    def test_one_with_a_body_may_if_it_is_told(self, body: Any) -> None:
        request = httpx.Request("POST", URL, extensions={"hedge": True}, **body)
        io = Race(503, 200)
        handled(io, request=request)
        hedge, first = io.sent
        assert b"".join(hedge.stream) == b"".join(first.stream) != b""

    @pytest.mark.parametrize("file", [iter([b"data"]), open(__file__, "rb")])  # noqa: PTH123 - what a user gives
    def test_but_not_if_two_cannot_read_it(self, file: Any) -> None:
        options = (
            {"files": {"file": file}} if hasattr(file, "read") else {"content": file}
        )
        request = httpx.Request("POST", URL, extensions={"hedge": True}, **options)
        io = FakeIO(200)
        finish(hedging()._handle(request, io))
        assert io.sent == [request]

    def test_a_stream_of_nothing_can_be_read_by_two(self) -> None:
        """Caches wrap even the body of a GET."""
        request = httpx.Request("GET", URL)
        request.stream = httpx.Request("POST", URL, content=iter([])).stream
        io = Race(503, 200)
        handled(io, request=request)
        assert b"".join(io.sent[0].stream) == b""

    def test_methods_are_those_of_the_policy(self) -> None:
        transport = HedgingTransport(None, HedgePolicy(0.1, methods={"PUT"}))
        response = handled(Race(200), transport, httpx.Request("PUT", URL))
        assert response.extensions["hedge"] is True

    def test_an_option_that_is_none_is_refused(self) -> None:
        request = httpx.Request("GET", URL, extensions={"hedge": "no"})
        with pytest.raises(TypeError, match=r'extensions\["hedge"\] is True or False'):
            handled(Race(200), request=request)


class TestLearning:
    def test_without_enough_samples_there_is_no_race(self) -> None:
        transport = HedgingTransport()
        io = Race(*[200] * 51, ends="alone")
        for _ in range(50):
            handled(io, transport)
        assert io.waited == []
        handled(io, transport)
        assert len(io.waited) == 1

    def test_what_was_cancelled_counts(self) -> None:
        transport = hedging()
        with pytest.raises(httpx.ReadError):
            handled(Race(httpx.ReadError(""), ends="alone"), transport)
        (state,) = transport.policy.origins.states().values()
        assert state.recent == 1

    def test_many_are_counted_together(self) -> None:
        transport = hedging()
        io = Race(*[200] * 100, ends="alone")
        for _ in range(100):
            handled(io, transport)
        assert len(transport.policy.origins.slot(KEY).pending) == 100 - 64


class TestBudget:
    def test_one_that_is_spent_sends_no_hedge(self) -> None:
        transport = hedging()
        while transport.policy.asked(KEY, 0, again=True):
            pass
        assert "hedge" not in handled(Race(200), transport).extensions

    def test_the_first_request_that_is_refused_asks_again(self) -> None:
        class Patient(Race):
            async def race(self, seconds: float, first: Runner, second: Second) -> None:
                assert second() is None
                await super().race(seconds, first, second)

        transport = hedging()
        assert transport.policy.asked(KEY, 0, again=False)
        assert handled(Patient(200), transport).extensions["hedge"] is True

    def test_that_of_retries_pays_too(self) -> None:
        budget = RetryBudget()
        handled(Race(503, 200), hedging(budget=budget))
        assert left(budget) == left(RetryBudget()) - 1

    def test_and_gets_it_back_if_the_hedge_succeeds(self) -> None:
        budget = RetryBudget()
        handled(Race(200), hedging(budget=budget))
        assert left(budget) == left(RetryBudget())

    def test_or_if_there_is_none(self) -> None:
        budget = RetryBudget()
        transport = hedging(budget=budget)
        transport.policy.origins.apply(KEY, lambda _: (HedgeState(0.1, credit=0), None))
        handled(Race(200), transport)
        assert left(budget) == left(RetryBudget())

    def test_if_it_is_spent_there_is_no_hedge(self) -> None:
        budget = RetryBudget()
        left(budget)
        response = handled(Race(200), hedging(budget=budget))
        assert "hedge" not in response.extensions


def left(budget: RetryBudget) -> int:
    """Spend what is left, and tell how much it was."""
    number = 0
    while budget.spend(GET.url, 0):
        number += 1
    return number


def test_the_log_tells_of_a_hedge_and_of_no_secret(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "httpx_resilient")
    handled(Race(200))
    assert caplog.messages == [
        "GET https://example.org/path: hedged, after 0.100 s or more",
        "GET https://example.org/path: the hedge has won",
    ]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"hedge": 0.1}, r"hedge must be a HedgePolicy, .*; got 0.1"),
        ({"budget": True}, r"budget must be a RetryBudget, .*; got True"),
    ],
)
def test_what_is_no_policy_or_budget_is_refused(options: Any, told: str) -> None:
    with pytest.raises(TypeError, match=told):
        HedgingTransport(None, **options)


# Synchronous clients.


@pytest.fixture(params=LIBRARIES)
def library(request: pytest.FixtureRequest) -> str:
    return request.param


def test_a_synchronous_client_is_told(library: str) -> None:
    module, ours = LIBRARIES[library]
    told = f"two requests at a time, and a {library}.Client cannot"
    inner = module.MockTransport(lambda _: module.Response(200))
    for transport in (
        ours.HedgingTransport(inner),
        ours.RetryingTransport(ours.HedgingTransport(inner)),
    ):
        with pytest.raises(TypeError, match=told):
            module.Client(transport=transport).get("http://any/")
        with pytest.raises(TypeError, match=told):
            module.Client(transport=transport).__enter__()


def test_also_one_that_is_wrapped() -> None:
    client = wrap(httpx.Client(), HedgingTransport)
    with pytest.raises(TypeError, match=r"cannot: use an httpx\.AsyncClient"):
        client.get("http://any/")


def test_it_is_no_transport_of_a_synchronous_client(library: str) -> None:
    module, ours = LIBRARIES[library]
    assert issubclass(ours.HedgingTransport, module.AsyncBaseTransport)
    assert not issubclass(ours.HedgingTransport, module.BaseTransport)


def test_layers_nest_in_any_order() -> None:
    for outer, inner in (
        (RetryingTransport, HedgingTransport),
        (HedgingTransport, RetryingTransport),
        (DeadlineTransport, HedgingTransport),
    ):
        assert isinstance(outer(inner()), outer)
