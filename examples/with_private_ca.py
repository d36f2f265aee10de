"""
A private authority has signed the certificate of the server.

Give `verify=` to the transport: a client with a transport ignores its own. An untrusted
certificate gets one attempt.

    pip install httpx_resilient trustme
"""

from __future__ import annotations

import asyncio
import ssl

import httpx
import trustme

from httpx_resilient import RetryingTransport, attempts_of


async def fail_twice(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Serve one connection, which all attempts share."""
    for status in ("503 Service Unavailable", "503 Service Unavailable", "200 OK"):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 7\r\n\r\ntrusted".encode())
    writer.close()


async def main() -> None:
    """Send one request."""
    authority = trustme.CA()
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(serving)
    async with await asyncio.start_server(
        fail_twice, "127.0.0.1", 0, ssl=serving
    ) as server:
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        context = ssl.create_default_context()
        authority.configure_trust(context)  # yours: load_verify_locations("ca.pem")
        transport = RetryingTransport(verify=context)
        async with httpx.AsyncClient(transport=transport) as client:
            response = await client.get(url)
    print("attempts:", *map(str, attempts_of(response)), "-", response.text)


asyncio.run(main())
