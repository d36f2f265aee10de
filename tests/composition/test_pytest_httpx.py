"""pytest-httpx patches the class of the inner transport and sees every attempt."""

from __future__ import annotations

from typing import Any

import anyio
import httpx
import pytest
import tenacity

from httpx_resilient import RetryingTransport, attempts_of


@pytest.fixture
def transport() -> RetryingTransport:
    return RetryingTransport(wait=tenacity.wait_none())


def script(httpx_mock: Any) -> None:
    httpx_mock.add_response(status_code=503)
    httpx_mock.add_exception(httpx.ReadTimeout("slow"))
    httpx_mock.add_response(text="finally")


def check(httpx_mock: Any, response: httpx.Response) -> None:
    assert response.text == "finally"
    assert len(httpx_mock.get_requests()) == 3
    assert [str(attempt) for attempt in attempts_of(response)] == [
        "503",
        "ReadTimeout",
        "200",
    ]


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_each_attempt_of_an_asynchronous_client_takes_a_response(
    httpx_mock: Any, transport: Any, anyio_backend: str
) -> None:
    script(httpx_mock)
    async with httpx.AsyncClient(transport=transport) as client:
        check(httpx_mock, await client.put("https://example.org/", json={}))


def test_each_attempt_of_a_synchronous_client_takes_a_response(
    httpx_mock: Any, transport: Any
) -> None:
    script(httpx_mock)
    with httpx.Client(transport=transport) as client:
        check(httpx_mock, client.put("https://example.org/", json={}))


def test_a_transport_is_mocked_even_if_it_was_used_before(httpx_mock: Any) -> None:
    """A module-level client is an example: no method of the inner may be cached."""
    inner = httpx.AsyncHTTPTransport()
    transport = RetryingTransport(inner, wait=tenacity.wait_none())

    async def get() -> httpx.Response:
        return await transport.handle_async_request(httpx.Request("GET", "https://a/"))

    script(httpx_mock)
    anyio.run(get)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(inner), "handle_async_request", teapot)
        assert anyio.run(get).status_code == 418


async def teapot(transport: object, request: object) -> httpx.Response:
    return httpx.Response(418)


def test_recorded_requests_have_the_timeouts_of_the_client(
    httpx_mock: Any, transport: Any
) -> None:
    """A blocking client shortens its timeouts while it drains a failed body."""
    script(httpx_mock)
    with httpx.Client(transport=transport, timeout=7) as client:
        client.get("https://example.org/")
    timeouts = [r.extensions["timeout"]["read"] for r in httpx_mock.get_requests()]
    assert timeouts == [7, 7, 7]


def test_an_unexpected_request_is_not_retried(httpx_mock: Any, transport: Any) -> None:
    """pytest-httpx raises a bare `TimeoutException`, which is not a network error."""
    httpx_mock.add_response(url="https://example.org/other", is_optional=True)
    with httpx.Client(transport=transport) as client:
        with pytest.raises(httpx.TimeoutException) as caught:
            client.get("https://example.org/")
    assert len(attempts_of(caught.value)) == 1
    httpx_mock.reset()
