"""Retries inside of retries are refused, unless they are for other outcomes."""

from __future__ import annotations

import types
from typing import Any

import httpx
import pytest
import tenacity
from support.server import Server, reply
from support.world import World

from httpx_resilient import (
    FailoverTransport,
    RetryingTransport,
    retry_if_status,
    retry_if_transient,
)

pytestmark = pytest.mark.anyio

MULTIPLY = "retries already, and attempts would multiply"


class Wrapper(httpx.BaseTransport):
    """A transport of somebody else, around others."""

    def __init__(self, *inner: Any) -> None:
        self.routes = list(inner)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        raise NotImplementedError


@pytest.mark.parametrize(
    "inner",
    [
        RetryingTransport(),
        FailoverTransport(RetryingTransport(), ["http://a", "http://b"]),
        Wrapper(httpx.MockTransport(print), RetryingTransport()),
        RetryingTransport(retry=retry_if_transient("POST") | retry_if_status(409)),
        RetryingTransport(retry=tenacity.retry_if_exception_type(httpx.ConnectError)),
    ],
    ids=["itself", "a failover", "another's", "a combination", "exceptions"],
)
def test_a_layer_that_retries_the_same_failures_is_refused(inner: Any) -> None:
    with pytest.raises(ValueError, match=MULTIPLY):
        RetryingTransport(inner)


async def test_a_layer_for_another_status_polls(world: World, server: Server) -> None:
    server.play(reply(503), reply(202), reply(503), reply(200))
    inner = world.ours.standard_transport(retry={"wait": tenacity.wait_none()})
    polling = world.transport(inner, retry=retry_if_status(202), budget=False)
    async with world.client(polling) as client:
        assert (await client.get(server.url)).status_code == 200
    assert server.requests == 4


def test_an_application_that_sends_requests_of_its_own_is_no_inner_retry() -> None:
    def gateway() -> Any:
        client = httpx.Client(transport=RetryingTransport())
        return lambda request: client.send(request)

    RetryingTransport(httpx.MockTransport(gateway()))


def test_a_failover_around_a_retry_is_accepted() -> None:
    FailoverTransport(RetryingTransport(), ["http://a", "http://b"])


@pytest.mark.parametrize("kind", ["RetryTransport", "Limiter"])
def test_a_transport_of_another_retry_tool_is_told_of(kind: str) -> None:
    inner = types.new_class(
        kind,
        (httpx.MockTransport,),
        exec_body=lambda body: body.update(__module__="httpx_retries.transport"),
    )(print)
    if kind == "Limiter":
        RetryingTransport(inner)
        return
    with pytest.warns(RuntimeWarning, match="RetryTransport of httpx-retries retries"):
        RetryingTransport(inner)


async def test_a_transport_that_connects_again_by_itself_is_told_of(
    world: World,
) -> None:
    with pytest.warns(RuntimeWarning, match=r"HTTPTransport\(retries=2\) retries by"):
        world.transport(world.http(retries=2))


def test_a_policy_without_retries_of_failures_may_be_around_anything() -> None:
    RetryingTransport(httpx.HTTPTransport(retries=2), retry=retry_if_status(202))
