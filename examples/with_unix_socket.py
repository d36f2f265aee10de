"""Send over a unix socket: give its path to the transport, and any host in the URL."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from httpx_resilient import RetryingTransport, attempts_of


async def fail_twice(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Serve one connection, which all attempts share."""
    for status in ("503 Service Unavailable", "503 Service Unavailable", "200 OK"):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 7\r\n\r\nby file".encode())
    writer.close()


async def main() -> None:
    """Send one request."""
    with TemporaryDirectory() as folder:
        path = str(Path(folder) / "api.socket")
        async with await asyncio.start_unix_server(fail_twice, path):
            transport = RetryingTransport(uds=path)
            async with httpx.AsyncClient(transport=transport) as client:
                response = await client.get("http://api/")
    print("attempts:", *map(str, attempts_of(response)), "-", response.text)


asyncio.run(main())
