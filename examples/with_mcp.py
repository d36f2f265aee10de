"""
mcp: the transport retries tools over streamable HTTP.

    pip install 'httpx_resilient[mcp]'

A repeated call can run its tool twice. If a tool must not run twice, omit `retry=`: the
transport then repeats a call only if the server certainly did not process it.
The timeouts are the SDK's own: a tool has five minutes to respond.
"""

from __future__ import annotations

import asyncio
import json

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import TextContent
from unreliable import unreliable

from httpx_resilient.httpx2 import RetryingTransport, retry_if_transient


def connect(url: str) -> tuple[httpx2.AsyncClient, Client]:
    retrying = RetryingTransport(retry=retry_if_transient("POST"))
    http = httpx2.AsyncClient(transport=retrying, timeout=httpx2.Timeout(30, read=300))
    return http, Client(streamable_http_client(url, http_client=http))


async def main(url: str) -> None:
    http, server = connect(url)
    async with http, server as client:
        result = await client.call_tool("when")
        print(*(each.text for each in result.content if isinstance(each, TextContent)))


def answer(method: str, _: str, body: bytes) -> tuple[int, str, bytes]:
    """Answer as an MCP server with one tool and without sessions."""
    if method != "POST":
        return 405, "text/plain", b""
    call = json.loads(body)
    if "id" not in call:
        return 202, "text/plain", b""
    results = {
        "initialize": {
            "protocolVersion": "2025-11-25",
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "unreliable", "version": "1"},
        },
        "tools/list": {"tools": [{"name": "when", "inputSchema": {"type": "object"}}]},
        "tools/call": {"content": [{"type": "text", "text": "finally"}]},
    }
    reply = {"jsonrpc": "2.0", "id": call["id"]}
    if call["method"] in results:
        reply["result"] = results[call["method"]]
    else:
        reply["error"] = {"code": -32601, "message": "unknown method"}
    return 200, "application/json", json.dumps(reply).encode()


if __name__ == "__main__":
    with unreliable(answer) as url:
        asyncio.run(main(f"{url}/mcp"))
