"""Connections of a pool that answer at once, without a socket."""

from __future__ import annotations

import gc
import ssl
from collections.abc import AsyncIterator, Iterator
from typing import Any

import anyio.lowlevel
import pytest

from httpx_resilient._pool.connections import Connections
from support.gates import in_total, leases_of, pooling, state_of
from support.world import World

TLS = ssl.create_default_context()
URL = "http://example.org/"


class Wire:
    """The network stream of a connection that is open."""

    def get_extra_info(self, _: str) -> bool:
        return False


def body_of(world: World) -> Any:
    """Return the body of an answer."""

    class Body(world.library.SyncByteStream, world.library.AsyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            yield b"x"

        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b"x"

        def close(self) -> None: ...

        async def aclose(self) -> None: ...

    return Body()


class Stub:
    """
    A transport of the family with one connection.

    Args:
        world: The world.
        version: The protocol that its connection has negotiated.
    """

    def __init__(self, world: World, version: bytes) -> None:
        self._world = world
        self._version = version
        self._wire = Wire()

    def handle_request(self, request: Any) -> Any:
        library = self._world.library
        if request.url.path == "/fails":
            raise library.ReadError("reset", request=request)
        told = {"network_stream": self._wire, "http_version": self._version}
        return library.Response(200, stream=body_of(self._world), extensions=told)

    async def handle_async_request(self, request: Any) -> Any:
        await anyio.lowlevel.checkpoint()
        return self.handle_request(request)

    def close(self) -> None:
        self._wire = Wire()

    async def aclose(self) -> None:
        self.close()


def stub_connections(
    world: World, patch: pytest.MonkeyPatch, *, version: bytes = b"HTTP/1.1"
) -> None:
    """Have pools use connections that answer at once."""
    patch.setattr(Connections, "to", lambda *_: Stub(world, version))
    patch.setenv("HTTPX_RESILIENT_WIRE", "0")


async def handled(world: World, transport: Any, request: Any) -> Any:
    """Send a request with a transport, without a client."""
    if world.sync:
        return transport.handle_request(request)
    return await transport.handle_async_request(request)


class Pair:
    """A pool of two connections that answer at once, and requests to it."""

    def __init__(self, world: World, **options: Any) -> None:
        self.world = world
        self.transport = pooling(world, 2, verify=TLS, **options)
        self.transport._linked_io(asynchronous=not world.sync)  # not interrupted

    def request(self, path: str, seconds: float | None) -> Any:
        timeouts = {"pool": seconds, "connect": 5, "read": 5, "write": 5}
        extensions = {"timeout": timeouts}
        return self.world.library.Request("GET", URL + path, extensions=extensions)

    async def send(self, path: str = "", seconds: float | None = 5) -> Any:
        """Return a response, whose body has not been read."""
        request = self.request(path, seconds)
        return await handled(self.world, self.transport, request)

    async def get(self) -> None:
        await self.world.read(await self.send())

    async def close(self) -> None:
        if self.world.sync:
            self.transport.close()
        else:
            await self.transport.aclose()

    async def is_whole(self) -> None:
        """Assert that both connections can be had at once, and come back."""
        gc.collect()
        lock = leases_of(self.transport, self.world).lock
        assert lock.acquire(timeout=1), "the lock is taken for ever"
        lock.release()
        assert self.transport.stats().waiting == 0
        responses = [await self.send(seconds=0.1) for _ in range(2)]
        assert self.transport.stats().active == 2
        for (
            each
        ) in responses:  # one that is left unread has little time, on any machine
            await self.world.read(each)
        assert in_total(self.transport)["idle"] == 2
        assert not self.transport.stats().active
        state = state_of(self.transport, self.world)
        assert set(state.idle) == state.slots
        await self.close()
