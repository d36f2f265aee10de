"""The hedging layer: the requests that it sends, the outcome, and the release of the loser."""

from __future__ import annotations

import logging
from typing import Any

import httpx
import pytest
from support.fake_io import FakeIO, Scripted, flow_of
from support.race import GET, URL, Race, finish, handled, hedging
from support.world import LIBRARIES

from httpx_resilient import (
    CircuitOpen,
    DeadlineTransport,
    HedgePolicy,
    HedgingTransport,
    RetryBudget,
    RetryingTransport,
    wrap,
)
from httpx_resilient._core.io.protocol import Runner, Second
from httpx_resilient._layers.hedging.policy import HedgeState

KEY = ("https", "example.org", None)


def is_discarded(response: Any) -> bool:
    return getattr(response, "is_discarded", False)


class TestOutcome:
    def test_a_response_before_the_delay_is_returned_unchanged(self) -> None:
        response = httpx.Response(200)
        io = Race(response, ends="alone")
        assert handled(io) is response
        assert io.did == ["send"]
        assert io.sent == [GET]
        assert "hedge" not in response.extensions
        assert io.waited == [0.1]

    def test_a_response_that_comes_at_once_starts_no_race(self) -> None:
        class Immediate(Race):
            def begin(self, answer: Any) -> Any:
                return finish(answer), None

        io = Immediate(200)
        assert handled(io).status_code == 200
        assert io.waited == []

    def test_is_that_of_the_hedge_if_it_succeeds_before_the_first_request(self) -> None:
        response = httpx.Response(200)
        io = Race(response)
        assert handled(io) is response
        assert io.did == ["send", "cancel"]
        assert response.extensions["hedge"] is True
        assert not is_discarded(response)

    def test_is_that_of_the_first_request_if_it_succeeds_before_the_hedge(self) -> None:
        response = httpx.Response(200)
        io = Race(response, ends="first")
        assert handled(io) is response
        assert io.did == ["send", "cancel"]
        assert response.extensions["hedge"] is False

    def test_is_that_of_the_first_request_if_both_succeed(self) -> None:
        first, second = httpx.Response(200), httpx.Response(200)
        assert handled(Race(second, first, ends="both")) is first
        assert is_discarded(second)

    @pytest.mark.parametrize("failure", [503, 429, 408, httpx.ReadError("")])
    def test_is_that_of_the_first_request_if_the_hedge_fails_before_it(
        self, failure: Scripted
    ) -> None:
        response = httpx.Response(200)
        io = Race(failure, response)
        assert handled(io) is response
        assert response.extensions["hedge"] is False
        assert io.did.count("close") == isinstance(failure, int)

    @pytest.mark.parametrize("failure", [503, httpx.ReadError("")])
    def test_is_that_of_the_hedge_if_the_first_request_fails_before_it(
        self, failure: Scripted
    ) -> None:
        response = httpx.Response(200)
        io = Race(failure, response, ends="first")
        assert handled(io) is response
        assert response.extensions["hedge"] is True
        assert io.did.count("close") == isinstance(failure, int)

    @pytest.mark.parametrize("ends", ["first", "second"])
    def test_is_that_of_the_first_request_if_both_fail(self, ends: str) -> None:
        first, second = httpx.Response(503), httpx.Response(500)
        script = [first, second] if ends == "first" else [second, first]
        io = Race(*script, ends=ends)
        assert handled(io) is first
        assert not is_discarded(first)
        assert is_discarded(second)

    def test_is_the_exception_of_the_first_request_if_both_fail(self) -> None:
        error, second = httpx.ReadError("first"), httpx.Response(500)
        with pytest.raises(httpx.ReadError) as caught:
            handled(Race(error, second, ends="first"))
        assert caught.value is error
        assert is_discarded(second)

    def test_a_404_is_a_success(self) -> None:
        assert handled(Race(404)).extensions["hedge"] is True

    @pytest.mark.parametrize(
        "refusal", [CircuitOpen("open"), httpx.PoolTimeout("full")]
    )
    def test_is_the_answer_to_the_hedge_if_the_first_is_refused_on_this_side(
        self, refusal: Exception
    ) -> None:
        answer = httpx.Response(503)
        assert handled(Race(refusal, answer, ends="first")) is answer
        assert answer.extensions["hedge"] is True
        assert not is_discarded(answer)

    def test_is_the_answer_to_the_first_if_the_hedge_is_refused_on_this_side(
        self,
    ) -> None:
        answer = httpx.Response(503)
        assert handled(Race(CircuitOpen("open"), answer)) is answer
        assert answer.extensions["hedge"] is False

    def test_both_responses_are_released_if_the_request_is_cancelled(self) -> None:
        class Stop(BaseException):
            pass

        class Interrupted(Race):
            async def race(self, *args: Any) -> None:
                await super().race(*args)
                raise Stop

            async def discard(self, response: Any, *_: Any, **__: Any) -> bool:
                await super().discard(response)
                raise Stop

        first, second = httpx.Response(503), httpx.Response(500)
        with pytest.raises(Stop):
            handled(Interrupted(first, second, ends="first"))
        assert is_discarded(first)
        assert is_discarded(second)


class TestRequest:
    def test_the_hedge_is_a_copy_and_the_request_of_the_caller_is_not_changed(
        self,
    ) -> None:
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
    def test_an_unsafe_method_a_one_shot_body_or_an_extension_prevents_a_hedge(
        self, request_: Any
    ) -> None:
        io = FakeIO(200)
        finish(flow_of(hedging(), request_, io))
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
    def test_an_extension_allows_a_hedge_of_a_post_with_a_replayable_body(
        self, body: Any
    ) -> None:
        request = httpx.Request("POST", URL, extensions={"hedge": True}, **body)
        io = Race(503, 200)
        handled(io, request=request)
        hedge, first = io.sent
        assert b"".join(hedge.stream) == b"".join(first.stream) != b""

    @pytest.mark.parametrize("file", [iter([b"data"]), open(__file__, "rb")])  # noqa: PTH123 - as a user opens it
    def test_an_extension_allows_no_hedge_of_a_body_that_has_one_reader(
        self, file: Any
    ) -> None:
        options = (
            {"files": {"file": file}} if hasattr(file, "read") else {"content": file}
        )
        request = httpx.Request("POST", URL, extensions={"hedge": True}, **options)
        io = FakeIO(200)
        finish(flow_of(hedging(), request, io))
        assert io.sent == [request]

    def test_an_empty_stream_can_be_hedged(self) -> None:
        """Caches wrap even the body of a GET in a stream."""
        request = httpx.Request("GET", URL)
        request.stream = httpx.Request("POST", URL, content=iter([])).stream
        io = Race(503, 200)
        handled(io, request=request)
        assert b"".join(io.sent[0].stream) == b""

    def test_the_methods_of_the_policy_may_be_hedged(self) -> None:
        transport = HedgingTransport(None, HedgePolicy(0.1, methods={"PUT"}))
        response = handled(Race(200), transport, httpx.Request("PUT", URL))
        assert response.extensions["hedge"] is True

    def test_an_extension_that_is_not_a_bool_is_rejected(self) -> None:
        request = httpx.Request("GET", URL, extensions={"hedge": "no"})
        with pytest.raises(
            TypeError, match=r'extensions\["hedge"\] must be True or False'
        ):
            handled(Race(200), request=request)


class TestLearning:
    def test_no_race_starts_before_there_are_enough_samples(self) -> None:
        transport = HedgingTransport()
        io = Race(*[200] * 51, ends="alone")
        for _ in range(50):
            handled(io, transport)
        assert io.waited == []
        handled(io, transport)
        assert len(io.waited) == 1

    def test_a_failed_request_counts(self) -> None:
        transport = hedging()
        with pytest.raises(httpx.ReadError):
            handled(Race(httpx.ReadError(""), ends="alone"), transport)
        (state,) = transport.policy.origins.states().values()
        assert state.recent == 1

    def test_outcomes_are_folded_into_the_state_in_batches(self) -> None:
        transport = hedging()
        io = Race(*[200] * 100, ends="alone")
        for _ in range(100):
            handled(io, transport)
        assert len(transport.policy.origins.slot(KEY).pending) == 100 - 64


class TestBudget:
    def test_without_credit_in_the_policy_no_hedge_is_sent(self) -> None:
        transport = hedging()
        while transport.policy.withdraw(KEY, 0, refused_before=True):
            pass
        assert "hedge" not in handled(Race(200), transport).extensions

    def test_a_request_that_is_refused_a_hedge_gets_one_later(self) -> None:
        class Patient(Race):
            async def race(self, seconds: float, first: Runner, second: Second) -> None:
                assert second() is None
                await super().race(seconds, first, second)

        transport = hedging()
        assert transport.policy.withdraw(KEY, 0, refused_before=False)
        assert handled(Patient(200), transport).extensions["hedge"] is True

    def test_a_hedge_withdraws_from_the_retry_budget(self) -> None:
        budget = RetryBudget()
        handled(Race(503, 200), hedging(budget=budget))
        assert left(budget) == left(RetryBudget()) - 1

    def test_a_hedge_that_succeeds_is_refunded(self) -> None:
        budget = RetryBudget()
        handled(Race(200), hedging(budget=budget))
        assert left(budget) == left(RetryBudget())

    def test_a_hedge_that_the_policy_refuses_is_refunded(self) -> None:
        budget = RetryBudget()
        transport = hedging(budget=budget)
        transport.policy.origins.apply(KEY, lambda _: (HedgeState(0.1, credit=0), None))
        handled(Race(200), transport)
        assert left(budget) == left(RetryBudget())

    def test_with_a_spent_retry_budget_no_hedge_is_sent(self) -> None:
        budget = RetryBudget()
        left(budget)
        response = handled(Race(200), hedging(budget=budget))
        assert "hedge" not in response.extensions


def left(budget: RetryBudget) -> int:
    """Spend what is left in a budget, and return the number of retries."""
    number = 0
    while budget.spend(GET.url, 0):
        number += 1
    return number


def test_the_log_reports_a_hedge_without_secrets(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "httpx_resilient")
    handled(Race(200))
    assert caplog.messages == [
        "GET https://example.org/path: hedge sent after at least 0.100 s",
        "GET https://example.org/path: hedge won",
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hedge": 0.1}, r"hedge must be a HedgePolicy, .*; got 0.1"),
        ({"budget": True}, r"budget must be a RetryBudget, .*; got True"),
    ],
)
def test_a_hedge_or_budget_of_another_class_is_rejected(
    options: Any, message: str
) -> None:
    with pytest.raises(TypeError, match=message):
        HedgingTransport(None, **options)


# Synchronous clients.


@pytest.fixture(params=LIBRARIES)
def library(request: pytest.FixtureRequest) -> str:
    return request.param


def test_a_synchronous_client_is_rejected_when_it_is_entered_or_used(
    library: str,
) -> None:
    module, ours = LIBRARIES[library]
    message = f"two requests at a time, which a {library}.Client cannot"
    inner = module.MockTransport(lambda _: module.Response(200))
    for transport in (
        ours.HedgingTransport(inner),
        ours.RetryingTransport(ours.HedgingTransport(inner)),
    ):
        with pytest.raises(TypeError, match=message):
            module.Client(transport=transport).get("http://any/")
        with pytest.raises(TypeError, match=message):
            module.Client(transport=transport).__enter__()


def test_a_wrapped_synchronous_client_is_rejected_when_it_is_used() -> None:
    client = wrap(httpx.Client(), HedgingTransport)
    with pytest.raises(TypeError, match=r"cannot: use an httpx\.AsyncClient"):
        client.get("http://any/")


def test_the_transport_is_not_a_subclass_of_the_synchronous_base(library: str) -> None:
    module, ours = LIBRARIES[library]
    assert issubclass(ours.HedgingTransport, module.AsyncBaseTransport)
    assert not issubclass(ours.HedgingTransport, module.BaseTransport)


def test_the_layer_nests_with_other_layers_in_any_order() -> None:
    for outer, inner in (
        (RetryingTransport, HedgingTransport),
        (HedgingTransport, RetryingTransport),
        (DeadlineTransport, HedgingTransport),
    ):
        assert isinstance(outer(inner()), outer)
