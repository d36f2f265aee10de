"""The option `redact`: what logs, events and texts show of a URL."""

from __future__ import annotations

import logging
import pickle
from typing import Any

import httpx
import pytest
import tenacity
from support.telemetry import Traces
from support.world import World

import httpx_resilient
from httpx_resilient import (
    CircuitBreaker,
    ConcurrencyLimit,
    Failover,
    RateLimit,
    RetryingTransport,
    explain,
    key_by_path,
    redact_tokens,
)
from httpx_resilient.events import AttemptStarted, CircuitOpened, Event

pytestmark = pytest.mark.anyio

TOKEN = "bot123456:hunter2"
URL = f"https://api.test/{TOKEN}/orders/AB-17"
SHOWN = "https://api.test/…/orders/AB-17"
HIDDEN = "https://api.test/somewhere"

STATES: dict[str, tuple[Any, ...]] = {
    "CircuitBreakingTransport": (),
    "ConcurrencyLimitingTransport": (ConcurrencyLimit(1),),
    "CredentialsTransport": (
        httpx_resilient.Credentials(lambda: "", origins=["https://other.test"]),
    ),
    "DeadlineTransport": (30.0,),
    "FailoverTransport": (Failover(["https://api.test", "https://b.test"]),),
    "RateLimitingTransport": (RateLimit(100),),
    "RetryingTransport": (),
    "ThrottlingTransport": (),
}


def hide(url: str) -> str:
    assert url.partition("://")[2].partition("/")[2] == URL.partition(".test/")[2]
    return HIDDEN


def answering(world: World, *statuses: int) -> Any:
    answers = iter(statuses)
    return world.mock(lambda request: world.library.Response(next(answers)))


class TestDefault:
    async def test_neither_log_nor_events_nor_explain_show_a_token(
        self, world: World, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG, "httpx_resilient")
        events: list[Event] = []
        inner = answering(world, 503, 503, 503)
        transport = world.transport(inner, on_event=events.append)
        async with world.client(transport) as client:
            response = await client.get(f"{URL}?key=hunter2#hunter2")
        assert explain(response).startswith(f"GET {SHOWN}: 503 at attempt 3")
        assert f"GET {SHOWN}: gave up after 3 attempts" in caplog.text
        texts = [caplog.text, *map(str, events), *map(repr, events)]
        assert "hunter2" not in "".join(texts)
        assert all("hunter2" not in str(each.fields()) for each in events)


class TestFunction:
    @pytest.mark.parametrize("layer", STATES)
    async def test_every_layer_takes_it(self, world: World, layer: str) -> None:
        events: list[Any] = []
        kind = getattr(world.ours, layer)
        inner = answering(world, *[503] * 9)
        if layer != "RetryingTransport":
            inner = world.transport(inner, redact=hide)
        transport = kind(
            inner,
            *STATES[layer],
            on_event=events.append,
            redact=hide,
        )
        async with world.client(transport) as client:
            await client.get(URL)
        assert transport._emit.redact is hide
        assert {each.url for each in events if hasattr(each, "url")} <= {HIDDEN}

    async def test_the_standard_stack_gives_it_to_all_layers(
        self, world: World, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG, "httpx_resilient")
        events: list[Any] = []
        transport = world.ours.standard_transport(
            answering(world, 503, 503, 503),
            retry={"wait": tenacity.wait_none()},
            concurrency=True,
            redact=hide,
            on_event=events.append,
        )
        async with world.client(transport) as client:
            response = await client.get(URL)
        assert f"GET {HIDDEN}: 503; next attempt" in caplog.text
        assert {each.url for each in events if hasattr(each, "url")} == {HIDDEN}
        assert explain(response, redact=hide).startswith(f"GET {HIDDEN}: 503")

    async def test_a_pool_takes_it(self, world: World, server: Any) -> None:
        events: list[Any] = []
        pool = world.ours.PoolingTransport(
            on_event=events.append, redact=lambda url: HIDDEN
        )
        async with world.client(pool) as client:
            await client.get(server.url)
        assert {each.url for each in events} == {HIDDEN}

    async def test_hooks_of_tenacity_name_a_request_by_it(self, world: World) -> None:
        names: list[str] = []
        inner = answering(world, 503, 200)
        transport = world.transport(
            inner,
            redact=hide,
            before_sleep=lambda state: names.append(state.get_fn_name()),
        )
        async with world.client(transport) as client:
            await client.get(URL)
        assert names == [f"GET {HIDDEN}"]

    async def test_it_can_show_everything(self, world: World) -> None:
        events: list[Any] = []
        inner = answering(world, 200)
        transport = world.transport(inner, redact=str, on_event=events.append)
        async with world.client(transport) as client:
            await client.get(f"{URL}?key=1")
        assert {each.url for each in events} == {URL}

    async def test_without_a_listener_and_a_log_it_is_not_called(
        self, world: World
    ) -> None:
        calls: list[str] = []
        inner = answering(world, 200)
        async with world.client(world.transport(inner, redact=calls.append)) as client:
            await client.get(URL)
        assert not calls

    def test_one_that_fails_leaves_no_path(self) -> None:
        def fail(url: str) -> str:
            raise KeyError(url)

        event = AttemptStarted(httpx.Request("GET", URL), 1)
        event.redact_with(fail)
        assert str(event) == "GET https://api.test/…: attempt 1 starts"

    def test_what_is_no_function_is_refused(self) -> None:
        given: Any = {"hunter2"}
        with pytest.raises(TypeError, match="redact must be a function") as caught:
            RetryingTransport(redact=given)
        assert "hunter2" not in str(caught.value)

    def test_an_event_is_equal_to_the_same_one_without_it_and_can_be_pickled(
        self,
    ) -> None:
        request = httpx.Request("GET", URL)
        event, same = AttemptStarted(request, 1), AttemptStarted(request, 1)
        event.redact_with(hide)
        assert event == same
        assert SHOWN in str(pickle.loads(pickle.dumps(event)))


class TestKeys:
    def test_the_key_of_a_path_is_shown_without_a_token(self) -> None:
        breaker = CircuitBreaker(key=key_by_path())
        breaker.force_open(f"https://api.test/{TOKEN}")
        (key,) = breaker.states()
        event = CircuitOpened("https://api.test", "forced", 1.0, key=key)
        assert str(event).startswith("the circuit to https://api.test/… is open")


class TestTraces:
    async def test_a_token_is_redacted_in_a_span(
        self, world: World, traces: Traces
    ) -> None:
        async with world.client(traces.layer(answering(world, 200))) as client:
            await client.get(f"{URL}?api_key=1&x=2")
        shown = "https://api.test/REDACTED/orders/AB-17?api_key=REDACTED&x=2"
        assert traces.values("url.full") == [shown]

    async def test_a_function_says_what_a_span_shows(
        self, world: World, traces: Traces
    ) -> None:
        layer = traces.layer(answering(world, 200), redact=hide)
        async with world.client(layer) as client:
            await client.get(f"{URL}?x=2")
        assert traces.values("url.full") == [HIDDEN]


@pytest.fixture
def traces(world: World) -> Traces:
    return Traces(world)


def test_the_default_is_public() -> None:
    assert redact_tokens(URL) == SHOWN
