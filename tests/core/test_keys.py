"""Keys of states: asked for once, checked, and shown only if they hold no secret."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from support.fake_io import FakeIO

from httpx_resilient import (
    AdaptiveConcurrencyLimit,
    AdaptiveThrottle,
    CircuitBreaker,
    ConcurrencyLimit,
    Failover,
    HedgePolicy,
    RateLimit,
    RetryBudget,
    key_by_path,
    standard_transport,
)
from httpx_resilient._core.context import RequestContext, begin
from httpx_resilient._core.keys import (
    ShownKey,
    key_given,
    key_of,
    key_shown,
    key_text,
    name_in,
    name_of,
)

URL = "https://a.example/path"


def failover(**options: Any) -> Failover:
    return Failover([URL.removesuffix("/path")], **options)


STATES = [
    AdaptiveConcurrencyLimit, AdaptiveThrottle, CircuitBreaker, ConcurrencyLimit,
    HedgePolicy, RateLimit, RetryBudget, failover, standard_transport,
]  # fmt: skip


def context_of(url: str = URL, **headers: str) -> RequestContext:
    io: Any = FakeIO()
    request: Any = httpx.Request("GET", url, headers=headers)
    return begin(request, io)


def fork(context: RequestContext, url: str, **headers: str) -> RequestContext:
    request: Any = httpx.Request("GET", url, headers=headers)
    return context.fork(request)


# The argument.


@pytest.mark.parametrize("kind", STATES)
def test_a_key_that_is_no_function_is_refused(kind: Any) -> None:
    with pytest.raises(TypeError, match="key must be a function of the request, such"):
        kind(key="tenant")


@pytest.mark.parametrize("kind", STATES)
def test_an_asynchronous_function_is_refused(kind: Any) -> None:
    async def key(request: Any) -> str:
        raise NotImplementedError

    with pytest.raises(TypeError, match="key must be a plain function"):
        kind(key=key)


@pytest.mark.parametrize("kind", STATES)
def test_a_function_is_taken(kind: Any) -> None:
    kind(key=key_by_path())


# Asking for a key.


def test_a_function_is_asked_once_for_each_request() -> None:
    asked: list[Any] = []

    def function(request: Any) -> str:
        asked.append(request)
        return "key"

    context = context_of()
    assert [key_of(context, function) for _ in range(3)] == ["key"] * 3
    assert asked == [context.request]


def test_each_function_has_its_own_key() -> None:
    def method(request: Any) -> Any:
        return request.method

    def host(request: Any) -> Any:
        return request.url.host

    context = context_of()
    for _ in range(2):
        assert key_of(context, method) == "GET"
        assert key_of(context, host) == "a.example"


def test_a_fork_for_the_same_request_shares_the_key() -> None:
    asked: list[Any] = []
    context, function = context_of(), asked.append
    key_of(context.fork(context.request), function)
    key_of(context, function)
    assert len(asked) == 1


def test_a_request_to_another_origin_has_its_address_and_the_headers_of_the_caller() -> (
    None
):
    caller = context_of(authorization="secret", host="a.example")
    leg = fork(caller, "https://b.example/path", host="b.example")
    inside = fork(leg, "https://b.example/path", host="b.example", added="in between")

    def seen(request: Any) -> Any:
        names = "host", "authorization", "added"
        return str(request.url), *(request.headers.get(name) for name in names)

    expected = "https://b.example/path", "b.example", "secret"
    assert key_of(leg, seen) == (*expected, None)
    assert key_of(inside, seen) == (*expected, "in between")
    assert "authorization" not in leg.request.headers


def test_a_key_that_is_not_hashable_is_refused_and_not_shown() -> None:
    with pytest.raises(TypeError, match="key= has returned a dict, which") as caught:
        key_of(context_of(), lambda _: {"secret": 1})
    assert "secret" not in str(caught.value)


# Naming a key.


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (ShownKey("https://a.example/v1"), "https://a.example/v1"),
        ((ShownKey("one"), ShownKey("two")), "one, two"),
        ((ShownKey("one"), "secret"), ""),
        ("secret", ""),
        ((), ""),
    ],
)
def test_a_text_shows_only_keys_that_are_made_for_it(key: Any, text: str) -> None:
    assert key_text(key) == text


def test_a_key_that_is_not_shown_is_named_by_its_origin() -> None:
    origin = "https://a.example"
    assert name_of("secret", origin) == f"{origin} (one of its keys)"
    assert name_of(ShownKey("key"), origin) == "key"
    assert name_of(None, origin) == origin


def test_the_key_of_a_request_is_named_as_its_function_says() -> None:
    context = context_of()
    assert name_in(context, None) == "https://a.example"
    assert name_in(context, key_by_path()) == "https://a.example/path"


def test_states_show_an_origin_by_its_name_and_any_other_key_as_it_is() -> None:
    origin = ("https", "a.example", None)
    assert key_shown(None, origin) == "https://a.example"
    assert key_shown(key_by_path(), origin) == origin


def test_a_user_names_an_origin_by_a_url_and_another_key_by_itself() -> None:
    assert key_given(None, URL) == ("https", "a.example", None)
    assert key_given(len, "tenant") == "tenant"
    assert key_given(key_by_path(), f"{URL}/7?q=1") == URL
