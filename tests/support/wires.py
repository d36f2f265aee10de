"""The wire by itself, without a pool."""

from __future__ import annotations

import ssl
from typing import Any

from httpx_resilient._wire.options import WireOptions
from httpx_resilient._wire.transport import WireTransport
from support.world import World


def wire_of(world: World, **options: Any) -> WireTransport:
    """Make a transport of one connection."""
    options.setdefault("tls", ssl.create_default_context())
    return WireTransport(
        world.ours._FAMILY, WireOptions(**options), asynchronous=not world.sync
    )


async def opened(world: World, wire: WireTransport, url: str) -> Any:
    """Send a first request, and return the connection."""
    response = await wire.send(world.library.Request("GET", url), {})
    stream: Any = response.stream
    if world.sync:
        assert list(stream) is not None
    else:
        async for _ in stream:
            pass
    return response.extensions["network_stream"].connection


class Gone:
    """A transport whose socket is closed."""

    def get_extra_info(self, _: str) -> None:
        return None

    def abort(self) -> None:
        """There is nothing left."""

    write = abort
