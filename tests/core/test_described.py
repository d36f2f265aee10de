"""The text of an object is the call that makes it, without secrets."""

from __future__ import annotations

import copy
import functools
import importlib
import inspect
import math
import pickle
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import httpx
import httpx2
import pytest
import tenacity as t
from support.world import World

import httpx_resilient
import httpx_resilient.httpx2
from httpx_resilient import (
    CircuitBreaker,
    Credentials,
    PoolingTransport,
    RateLimit,
    RetryingTransport,
    Stage,
    retry_if_status,
)
from httpx_resilient._core.described import Described, shown
from httpx_resilient.testing import (
    Answer,
    FaultInjectingTransport,
    Latency,
)

SECRET = "hunter2"

A, B = "https://a.example", "https://b.example"


def fetch() -> str:
    return SECRET


def listen(event: object) -> None: ...


async def hook(state: object) -> None: ...


def mock() -> httpx.MockTransport:
    return httpx.MockTransport(lambda request: httpx.Response(200))


def pickled(given: Any) -> Any:
    return pickle.loads(pickle.dumps(given))


class Quota(Stage):
    """A stage of a user."""


EXPRESSIONS = """
AdaptiveConcurrencyLimit()
AdaptiveConcurrencyLimit(10, most=200)
AdaptiveThrottle(k=1.5)
Answer(503)
Chance(0.3, 500, 503)
CircuitBreaker(open_for=10, key=key_by_path(depth=1))
CircuitBreakingTransport()
CircuitBreakingTransport(breaker=CircuitBreaker(window=0.5))
ConcurrencyLimit(10, per_origin=False)
ConcurrencyLimitingTransport(limit=ConcurrencyLimit(5))
Credentials(fetch, ['https://a.example', 'https://b.example'], max_age=300)
CredentialsTransport(credentials=Credentials(fetch, 'https://a.example'))
DeadlineTransport(RetryingTransport(), 30)
DeadlineTransport(total=2.5, body=False)
Failover(['https://a.example', 'https://b.example'], cooldown=5)
FailoverTransport(origins=['https://a.example', 'https://b.example'], also_strip=['x'])
HedgePolicy(0.2, extra=0.1)
HedgingTransport(hedge=HedgePolicy(), budget=RetryBudget(0.1))
Latency(0.2)
Outage(5, 10, 500)
PoolingTransport(max_connection_age=60, http2=False)
RateLimit(5, burst=2, key=key_by_header('authorization'))
RateLimitingTransport(limit=RateLimit(per=60))
Reset(7)
RetryBudget(least=1, grace=0)
RetryingTransport(StageTransport(Quota(...)), budget=False, on_event=listen)
RetryingTransport(before_sleep=hook, idempotency_header='X-Key', idempotency_key=True)
RetryingTransport(body_hints=hints_in_body(openai_errors, statuses=[400, 429]))
RetryingTransport(retry=retry_if_status(409) | retry_if_transient('POST'))
RetryingTransport(wait=wait_transient(bridge=0), stop=t.stop_after_attempt(5))
SlowBody(0.1, 2)
ThrottlingTransport(throttle=AdaptiveThrottle())
Together(Latency(1), Truncated(3))
retry_if_idempotent('POST')
retry_if_transient()
wait_retry_after(20)
wait_transient(t.wait_fixed(1), max_retry_after=inf)
t.retry_if_exception_type(OSError)
t.retry_if_not_exception_type(OSError)
t.retry_if_result(listen)
t.stop_after_delay(9) & (t.stop_after_attempt(5) | t.stop_never)
t.stop_before_delay(9)
t.wait_chain(t.wait_none(), t.wait_fixed(2))
t.wait_fixed(1) + t.wait_random(max=2) + t.wait_incrementing(increment=1)
t.wait_random_exponential(multiplier=0.1, max=5)
""".strip().splitlines()


def evaluated(text: str) -> Any:
    names: dict[str, Any] = {**globals(), "inf": math.inf}
    for module in (httpx_resilient, httpx_resilient.testing):
        names |= {name: getattr(module, name) for name in module.__all__}
    return eval(text.replace("Quota(...)", "Quota()"), names)


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_an_object_is_shown_as_the_shortest_call_that_makes_it(text: str) -> None:
    assert shown("", evaluated(text)) == text.replace("t.", "")


def secretive(library: Any, ours: Any) -> list[Any]:
    """Objects that were given a secret at every place where one can be."""
    mock = library.MockTransport(lambda request: library.Response(200))
    url, headers = f"https://me:{SECRET}@a.example/?{SECRET}", {"a": SECRET}
    proxy = library.Proxy(f"http://me:{SECRET}@proxy", headers=headers)
    partial = functools.partial(print, SECRET)
    return [
        ours.PoolingTransport(proxy=proxy),
        ours.RetryingTransport(proxy=f"http://me:{SECRET}@proxy"),
        ours.RetryingTransport(uds=SECRET, trust_env=False),
        ours.RetryingTransport(mock, on_event=partial, before_sleep=partial),
        ours.FailoverTransport(mock, [A, B], credentials={B: headers}),
        ours.CredentialsTransport(mock, Credentials(lambda: SECRET, [url])),
        Credentials(partial, url),
        CircuitBreaker(key=lambda request: SECRET),
        RateLimit(5, cost=functools.partial(max, len(SECRET))),
        t.retry_if_exception_message(message=SECRET),
        t.retry_if_result(partial),
        Answer(429, headers, SECRET.encode()),
        FaultInjectingTransport(None, Latency(partial), seed=SECRET, only=url[:-9]),
        RetryingTransport(retry=t.retry_if_exception_message(match=SECRET)),
    ]


@pytest.mark.parametrize("library", ["httpx", "httpx2"])
def test_no_text_shows_a_secret(library: str) -> None:
    module = importlib.import_module(library)
    ours = httpx_resilient if library == "httpx" else httpx_resilient.httpx2
    for each in secretive(module, ours):
        for text in (repr(each), str(each), shown("", each)):
            assert SECRET not in text


def test_a_stack_is_printed_from_the_outside_in(world: World) -> None:
    transport = world.ours.standard_transport(
        rate_limit=RateLimit(5), failover=[A, B], http2=False
    )
    assert str(transport).splitlines() == [
        "DeadlineTransport(total=30)",
        "RetryingTransport(budget=RetryBudget())",
        "FailoverTransport(origins=['https://a.example', 'https://b.example'])",
        "CircuitBreakingTransport()",
        "RateLimitingTransport(limit=RateLimit(5))",
        "DeadlineTransport(total=10, body=False, http2=False)",
        "PoolingTransport()",
    ]


def test_a_stack_ends_with_the_transport_of_another_make() -> None:
    assert str(RetryingTransport(mock())) == "RetryingTransport()\nMockTransport(...)"
    assert str(PoolingTransport(http2=False)) == "PoolingTransport(http2=False)"


def test_a_subclass_of_a_user_is_shown_as_its_own_constructor_was_called() -> None:
    class Ours(RetryingTransport):
        def __init__(self, token: str, attempts: int = 3) -> None:
            super().__init__(mock(), stop=t.stop_after_attempt(attempts))
            self.token = token

    assert repr(Ours(SECRET, attempts=5)) == "Ours(..., 5)"
    assert str(Ours(SECRET)) == "Ours(token=...)"


def test_what_has_no_constructor_of_its_own_has_no_arguments() -> None:
    class Plain(Described):
        """Nothing to give."""

    assert repr(Plain()) == "Plain()"


def test_an_object_can_be_shown_before_it_is_made() -> None:
    class Shown(Described):
        def __init__(self, origins: list[str]) -> None:
            self.text = repr(self)

    made: Any = Shown
    assert made(["no url"]).text == "Shown([...])"
    wrong = Shown.__new__(Shown)
    with pytest.raises(TypeError, match="missing 1 required"):
        wrong.__init__()  # type: ignore[misc, call-arg]  # what is tested
    assert repr(wrong) == "Shown()"


def test_a_number_of_another_class_is_shown_as_a_number() -> None:
    assert repr(retry_if_status(HTTPStatus.CONFLICT)) == "retry_if_status(409)"
    assert shown("", {3, 1}) == "[1, 3]"


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_the_limits_of_a_pool_are_shown(library: Any) -> None:
    ours = httpx_resilient if library is httpx else httpx_resilient.httpx2
    limits = library.Limits(max_connections=5)
    shown = f"PoolingTransport(limits={limits!r})"
    assert repr(ours.PoolingTransport(limits=limits)) == shown


def test_a_signature_is_that_of_the_constructor() -> None:
    assert list(inspect.signature(RateLimit).parameters)[:2] == ["requests", "per"]
    assert "stop" in inspect.signature(RetryingTransport).parameters


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickled])
def test_a_copied_strategy_is_shown_as_the_original(
    copied: Callable[[Any], Any],
) -> None:
    assert repr(copied(retry_if_status(409))) == "retry_if_status(409)"
