"""The six worlds: two libraries, asynchronous on two event loops and synchronous."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import anyio
import anyio.to_thread
import httpx
import httpx2
import pytest
import tenacity

import httpx_resilient
import httpx_resilient.httpx2
import httpx_resilient.testing.httpx2

LIBRARIES = {
    "httpx": (httpx, httpx_resilient),
    "httpx2": (httpx2, httpx_resilient.httpx2),
}

QUICK = {"wait": tenacity.wait_none()}
"""For tests about what is sent, not about when."""


in_async = pytest.mark.parametrize("runtime", ["asyncio", "trio"])


@dataclass
class World:
    """One of the six combinations, behind one asynchronous face."""

    library: ModuleType
    ours: ModuleType
    sync: bool

    def transport(self, *args: Any, **options: Any) -> Any:
        return self.ours.RetryingTransport(*args, **{**QUICK, **options})

    @property
    def testing(self) -> Any:
        testing = httpx_resilient.testing
        return testing if self.ours is httpx_resilient else testing.httpx2

    def client(self, transport: Any = None, **options: Any) -> Any:
        """A client whose methods are awaited; the synchronous one just blocks."""
        transport = transport or self.transport()
        if self.sync:
            return self.awaited(self.library.Client(transport=transport, **options))
        return self.library.AsyncClient(transport=transport, **options)

    def awaited(self, client: Any) -> Any:
        return _Awaited(client) if self.sync else client

    def http(self, **options: Any) -> Any:
        make = (
            self.library.HTTPTransport if self.sync else self.library.AsyncHTTPTransport
        )
        return make(**options)

    def mock(self, handler: Callable[[Any], Any]) -> Any:
        return self.library.MockTransport(handler)

    async def read(self, response: Any) -> bytes:
        return response.read() if self.sync else await response.aread()

    async def close(self, response: Any) -> None:
        response.close() if self.sync else await response.aclose()

    async def chunks(self, response: Any) -> AsyncIterator[bytes]:
        if self.sync:
            for chunk in response.iter_raw():
                yield chunk
        else:
            async for chunk in response.aiter_raw():
                yield chunk

    async def sleep(self, seconds: float) -> None:
        time.sleep(seconds) if self.sync else await anyio.sleep(seconds)

    async def together(self, *calls: Callable[[], Awaitable[Any]]) -> None:
        """Run calls at the same time: in tasks, or in threads."""
        async with anyio.create_task_group() as tasks:
            for call in calls:
                if self.sync:
                    tasks.start_soon(anyio.to_thread.run_sync, run, call)
                else:
                    tasks.start_soon(call)


def run(call: Callable[[], Awaitable[Any]]) -> None:
    """Finish a call that never suspends."""
    with contextlib.suppress(StopIteration):
        call().__await__().send(None)


class _Awaited:
    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        method = getattr(self._client, {"aclose": "close"}.get(name, name))

        async def call(*args: Any, **options: Any) -> Any:
            return method(*args, **options)

        return method if name == "build_request" else call

    async def __aenter__(self) -> _Awaited:
        self._client.__enter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._client.__exit__(*exc)
