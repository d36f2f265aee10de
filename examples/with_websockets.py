"""
WebSockets of httpx2: the transport retries the upgrade, not the open connection.

For httpx, `aconnect_ws(url, client)` of httpx-ws does the same.

    pip install 'httpx_resilient[httpx2]' wsproto websockets
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus

import httpx2
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from httpx_resilient.httpx2 import RetryingTransport, attempts_of

refusals = [HTTPStatus.SERVICE_UNAVAILABLE] * 2


def decide(connection: ServerConnection, request: Request) -> Response | None:  # noqa: ARG001 - websockets passes both
    """Refuse the first two upgrades."""
    return connection.respond(refusals.pop(), "not now") if refusals else None


async def echo(connection: ServerConnection) -> None:
    """Send each message back."""
    async for message in connection:
        await connection.send(message)


async def main() -> None:
    """Connect, and exchange a message."""
    async with serve(echo, "127.0.0.1", 0, process_request=decide) as server:
        url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/"
        async with (
            httpx2.AsyncClient(transport=RetryingTransport()) as client,
            client.websocket(url) as session,
        ):
            await session.send_text("hello")
            echoed = await session.receive_text()
            print("attempts:", *map(str, attempts_of(session.response)), "-", echoed)


asyncio.run(main())
