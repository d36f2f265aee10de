"""Inner transports that send nothing, for the overhead part."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence

import httpx


def request() -> httpx.Request:
    """Make a request as a client makes it, with its timeouts."""
    timeout = httpx.Timeout(5.0).as_dict()
    return httpx.Request("GET", "http://127.0.0.1/", extensions={"timeout": timeout})


def _response(status: int) -> httpx.Response:
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"4")]
    return httpx.Response(status, headers=headers, stream=_Once())


class _Once(httpx.AsyncByteStream):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"body"


class Ready(httpx.AsyncBaseTransport):
    """Answers with the same response each time, so that little but the wrapper runs."""

    def __init__(self) -> None:
        self._response = _response(200)

    async def handle_async_request(
        self,
        request: httpx.Request,  # noqa: ARG002 - the response does not depend on it
    ) -> httpx.Response:
        """Return the response."""
        return self._response


class Scripted(httpx.AsyncBaseTransport):
    """Answers with new responses, because a failed response is drained."""

    def __init__(self, script: Sequence[int]) -> None:
        self._statuses = itertools.cycle(script)

    async def handle_async_request(
        self,
        request: httpx.Request,  # noqa: ARG002 - the response does not depend on it
    ) -> httpx.Response:
        """Return the next response of the script."""
        return _response(next(self._statuses))


class Gate(Ready):
    """Answers no request before it is opened."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting = 0
        self.opened = asyncio.Event()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Wait until the gate is opened."""
        self.waiting += 1
        await self.opened.wait()
        return await super().handle_async_request(request)
