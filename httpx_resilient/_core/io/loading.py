"""
The effects of asynchronous clients, loaded when the first of them sends a request.

asyncio takes a sixth of the instructions of `import httpx` (51 of 304 million,
callgrind, CPython 3.11), and synchronous clients need none of it.
"""

from __future__ import annotations

from typing import Any, cast

from httpx_resilient._core.io.protocol import IO, Effects, Send


def async_effects() -> Effects:
    """Create the effects of an asynchronous client."""
    from httpx_resilient._core.io.async_io import AsyncEffects  # noqa: PLC0415 - loads asyncio

    return AsyncEffects()


def async_io(inner: Any, *, carries: bool) -> IO[Any, Any]:
    """Create these effects in front of a transport of another make, see `AsyncIO`."""
    from httpx_resilient._core.io.async_io import AsyncIO  # noqa: PLC0415 - loads asyncio

    return cast("IO[Any, Any]", AsyncIO(inner, carries=carries))


def linked_async_io(send: Send) -> IO[Any, Any]:
    """Create these effects in front of a layer of ours."""
    from httpx_resilient._core.io.async_io import LinkedAsyncIO  # noqa: PLC0415 - loads asyncio

    return cast("IO[Any, Any]", LinkedAsyncIO(send))


async def drained(body: Any, seconds: float) -> bool:
    """Read the rest of a body of an asynchronous client, see there."""
    from httpx_resilient._core.io import async_io  # noqa: PLC0415 - loads asyncio

    return await async_io.drained(body, seconds)
