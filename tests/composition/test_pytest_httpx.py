"""The mock path: pytest-httpx patches the inner's class and sees every attempt."""

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
async def test_asynchronous(
    httpx_mock: Any, transport: Any, anyio_backend: str
) -> None:
    script(httpx_mock)
    async with httpx.AsyncClient(transport=transport) as client:
        check(httpx_mock, await client.put("https://example.org/", json={}))


def test_synchronous(httpx_mock: Any, transport: Any) -> None:
    script(httpx_mock)
    with httpx.Client(transport=transport) as client:
        check(httpx_mock, client.put("https://example.org/", json={}))


def test_a_transport_that_was_used_before_is_mocked_too(httpx_mock: Any) -> None:
    """A client at module level, say: nothing of the inner transport may be kept."""
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


def test_recorded_requests_keep_their_timeouts(httpx_mock: Any, transport: Any) -> None:
    """Those of a blocking client are shortened while a failed body is drained."""
    script(httpx_mock)
    with httpx.Client(transport=transport, timeout=7) as client:
        client.get("https://example.org/")
    timeouts = [r.extensions["timeout"]["read"] for r in httpx_mock.get_requests()]
    assert timeouts == [7, 7, 7]


def test_a_request_that_nobody_expected_is_not_retried(
    httpx_mock: Any, transport: Any
) -> None:
    """It is reported as a bare `TimeoutException`, which is no failure of a network."""
    httpx_mock.add_response(url="https://example.org/other", is_optional=True)
    with httpx.Client(transport=transport) as client:
        with pytest.raises(httpx.TimeoutException) as caught:
            client.get("https://example.org/")
    assert len(attempts_of(caught.value)) == 1
    httpx_mock.reset()
