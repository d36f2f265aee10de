"""Invalid arguments are rejected early, with a message that says what to do."""

from __future__ import annotations

import functools
import math
import re
import sys
from typing import Any

import httpx
import httpx2
import pytest
import tenacity
from support.server import Server
from support.world import LIBRARIES, World

import httpx_resilient
import httpx_resilient.httpx2
from httpx_resilient import (
    RetryingTransport,
    retry_if_idempotent,
    retry_if_status,
    retry_if_transient,
    wait_retry_after,
    wait_transient,
)


async def asynchronous(state: object) -> bool:
    return False


class AsynchronousObject:
    async def __call__(self, state: object) -> bool:
        return False


ASYNCHRONOUS = {
    "function": asynchronous,
    "object": AsynchronousObject(),
    "partial": functools.partial(asynchronous),
    "predicate": tenacity.retry_if_result(asynchronous),
    "tenacity's": tenacity.asyncio.retry_if_result(asynchronous),
    "combination": tenacity.asyncio.retry_any(retry_if_status(503), asynchronous),
}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"inner": 5}, "inner must be a transport, such as httpx.AsyncHTTPTransport"),
        ({"inner": httpx.AsyncClient()}, "got AsyncClient"),
        ({"inner": httpx.AsyncClient}, "must be a transport, such as"),
        ({"inner": httpx.AsyncHTTPTransport}, "give an instance, AsyncHTTPTransport()"),
        ({"inner": httpx2.MockTransport(print)}, "import the layer from httpx_resilient.httpx2"),
        ({"inner": httpx.HTTPTransport(), "http2": True}, "http2 cannot be given together"),
        ({"retries": 3}, "instead of retries=, give stop=stop_after_attempt(n + 1)"),
        ({"transport": httpx.HTTPTransport()}, "instead of transport=, give the first argument"),
        ({"inner": httpx.HTTPTransport(), "total": 3}, "unknown option total: instead of total="),
        ({"colour": 3}, "unknown option colour: RetryingTransport has inner, retry, wait,"),
        ({"limits": 100}, "limits must be a httpx.Limits, such as httpx.Limits(max_connections=100); got 100"),
        ({"retry": 5}, "retry must be callable, such as retry_if_transient()"),
        ({"retry": retry_if_transient}, "retry is the class retry_if_transient"),
        ({"wait": 1}, "wait must be callable"),
        ({"wait": None}, "wait must be callable"),
        ({"wait": tenacity.wait_fixed}, "wait is the class wait_fixed"),
        ({"stop": 3}, "stop must be callable, such as tenacity.stop_after_attempt"),
        ({"stop": tenacity.stop_after_attempt}, "stop is the class"),
        ({"before_sleep": "log"}, "before_sleep must be callable"),
        ({"retry": tenacity.retry_if_exception_type(httpx.HTTPStatusError)}, "not by a transport. retry_if_status"),
        ({"retry": tenacity.retry_any(retry_if_status(503), tenacity.retry_if_exception_type((OSError, httpx.HTTPStatusError)))}, "not by a transport"),
        ({"retry": tenacity.retry_any(retry_if_status(503), 5)}, "retry must be callable"),
        ({"buffer_request_body": 1.5}, "buffer_request_body must be a whole number of bytes"),
        ({"buffer_request_body": True}, "buffer_request_body must be a whole number of bytes"),
        ({"retry": tenacity.retry_any(retry_if_status(503), asynchronous)}, "combine with tenacity.asyncio"),
        ({"retry": tenacity.retry_all(ASYNCHRONOUS["predicate"])}, "would not await it"),
        ({"wait": tenacity.wait_combine(tenacity.wait_fixed(1), asynchronous)}, "would not await it"),
        ({"wait": wait_transient(failure=asynchronous)}, "would not await it"),
        ({"stop": tenacity.stop_any(asynchronous)}, "would not await it"),
    ],
)  # fmt: skip
def test_an_argument_of_another_type_is_rejected_at_construction(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(TypeError, match=re.escape(message)):
        RetryingTransport(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"buffer_request_body": -1}, "whole number of bytes, 0 or more; got -1"),
        ({"proxy": "gopher://a"}, "URL of a proxy"),
        ({"wait": tenacity.wait_fixed(-1)}, "wait_fixed: wait_fixed is -1.0"),
        ({"wait": tenacity.wait_fixed(math.nan)}, "wait_fixed: wait_fixed is nan"),
        ({"wait": tenacity.wait_random(0, -2)}, "wait_random_max is -2.0"),
        ({"stop": tenacity.stop_after_attempt(-1)}, "max_attempt_number is -1"),
        ({"stop": tenacity.stop_any(tenacity.stop_after_delay(math.nan))}, "max_delay is nan"),
    ],
)  # fmt: skip
def test_a_number_out_of_its_range_is_rejected_at_construction(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        RetryingTransport(**options)


def test_a_wait_that_decreases_is_accepted() -> None:
    RetryingTransport(wait=tenacity.wait_incrementing(start=10, increment=-1))
    RetryingTransport(wait=tenacity.wait_incrementing(start=-5, increment=3))


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: retry_if_status(), TypeError),
        (lambda: retry_if_status("503"), TypeError),
        (lambda: retry_if_status(99), ValueError),
        (lambda: retry_if_status(600), ValueError),
        (lambda: retry_if_transient(5), TypeError),
        (lambda: retry_if_transient("GET POST"), ValueError),
        (lambda: retry_if_idempotent(""), ValueError),
        (lambda: wait_retry_after("60"), TypeError),
        (lambda: wait_retry_after(True), TypeError),
        (lambda: wait_retry_after(-1), ValueError),
        (lambda: wait_transient(max_retry_after=math.nan), ValueError),
        (lambda: wait_transient(failure=1), TypeError),
        (lambda: wait_transient(throttled=5), TypeError),
    ],
)
def test_a_strategy_rejects_invalid_arguments(
    make: Any, error: type[Exception]
) -> None:
    with pytest.raises(error):
        make()


def test_http2_without_h2_raises_an_error_that_names_the_extra(
    monkeypatch: Any,
) -> None:
    monkeypatch.setitem(sys.modules, "h2", None)
    monkeypatch.setattr(
        "httpx_resilient._transport.checks.find_spec", lambda name: None
    )
    with pytest.raises(ImportError, match=r"pip install 'httpx_resilient\[http2\]'"):
        RetryingTransport(http2=True)


def test_a_transport_of_httpx_is_rejected_by_a_layer_for_httpx2() -> None:
    with pytest.raises(TypeError, match=r"import the layer from httpx_resilient$"):
        httpx_resilient.httpx2.RetryingTransport(httpx.MockTransport(print))


def transport_of_other_side(world: World) -> Any:
    """Make an asynchronous transport in a synchronous world, and vice versa."""
    library = world.library
    return library.AsyncHTTPTransport() if world.sync else library.HTTPTransport()


class TestSides:
    pytestmark = pytest.mark.anyio

    async def test_an_inner_of_the_other_side_is_rejected_at_the_first_request(
        self, world: World
    ) -> None:
        client = world.client(world.transport(transport_of_other_side(world)))
        with pytest.raises(TypeError, match=r"cannot serve httpx2?\.(Async)?Client"):
            await client.get("http://127.0.0.1:9/")

    async def test_an_inner_of_the_other_side_is_rejected_on_entry(
        self, world: World
    ) -> None:
        with pytest.raises(TypeError, match="give an inner transport that has handle_"):
            async with world.client(world.transport(transport_of_other_side(world))):
                pass

    async def test_an_inner_of_the_other_side_can_be_closed(self, world: World) -> None:
        await world.client(world.transport(transport_of_other_side(world))).aclose()

    async def test_an_inner_without_a_base_class_is_accepted(
        self, world: World
    ) -> None:
        class Duck:
            def handle_request(self, request: Any) -> Any:
                return world.library.Response(200)

            async def handle_async_request(self, request: Any) -> Any:
                return world.library.Response(200)

        client = world.client(world.transport(Duck()))
        assert (await client.get("http://a/")).status_code == 200

    async def test_a_client_of_the_other_library_gets_an_error_that_names_the_import(
        self, world: World, server: Server
    ) -> None:
        other = "httpx" if world.library is httpx2 else "httpx2"
        module, ours = LIBRARIES[other]
        client = world.client(ours.RetryingTransport())
        with pytest.raises(TypeError, match=f"import it from {world.ours.__name__}$"):
            await client.get(server.url)
        assert server.requests == 0


@pytest.mark.parametrize("strategy", ASYNCHRONOUS.values(), ids=ASYNCHRONOUS.keys())
class TestAsynchronousStrategyInASynchronousClient:
    def test_is_rejected_before_anything_is_sent(
        self, strategy: Any, server: Server
    ) -> None:
        with httpx.Client(transport=RetryingTransport(retry=strategy)) as client:
            with pytest.raises(TypeError, match="retry is asynchronous"):
                client.get(server.url)
        assert server.requests == 0

    def test_is_rejected_in_the_extension_of_one_request(
        self, strategy: Any, server: Server
    ) -> None:
        with httpx.Client(transport=RetryingTransport()) as client:
            with pytest.raises(TypeError, match="retry is asynchronous"):
                client.get(server.url, extensions={"retry": {"retry": strategy}})
        assert server.requests == 0


@pytest.mark.parametrize("part", ["wait", "stop", "before_sleep"])
def test_the_error_names_the_asynchronous_part_of_a_policy(
    part: str, server: Server
) -> None:
    with httpx.Client(transport=RetryingTransport(**{part: asynchronous})) as client:
        with pytest.raises(TypeError, match=f"{part} is asynchronous"):
            client.get(server.url)


def test_a_function_that_returns_a_coroutine_is_rejected_without_a_leak() -> None:
    """A plain function shows only when it is called that it returns a coroutine."""
    inner = httpx.MockTransport(lambda request: httpx.Response(503))
    transport = RetryingTransport(inner, before_sleep=lambda state: asynchronous(state))
    with httpx.Client(transport=transport) as client:
        with pytest.raises(TypeError, match="is asynchronous and cannot be awaited"):
            client.get("http://a/")


def test_a_strategy_that_returns_an_awaitable_is_rejected() -> None:
    class Awaitable:
        def __await__(self) -> Any:
            yield

    inner = httpx.MockTransport(lambda request: httpx.Response(503))
    transport = RetryingTransport(inner, wait=lambda state: Awaitable())
    with httpx.Client(transport=transport) as client:
        with pytest.raises(TypeError, match="is asynchronous and cannot be awaited"):
            client.get("http://a/")
