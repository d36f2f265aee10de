from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any

import mcp
from mcp.client.streamable_http import streamable_http_client
from sdk import SDK, TEXT, as_events, as_json
from support.server import Received, Step, reply

try:
    from mcp import MCPError as Refused
except ImportError:  # its httpx line raises the error of httpx
    from httpx import HTTPStatusError as Refused

Open = Callable[[], AbstractAsyncContextManager[mcp.ClientSession]]


class Driver(SDK):
    error = Refused

    @asynccontextmanager
    async def connect(
        self, url: str, *, patience: float, own_retries: bool
    ) -> AsyncIterator[Open]:
        timeout = self.httpx.Timeout(30, read=patience)
        async with self.httpx.AsyncClient(
            transport=self.transport(), timeout=timeout
        ) as http:
            yield partial(session, f"{url}/mcp", http)

    async def call(self, client: Open) -> str:
        async with client() as opened:
            return text_of(await opened.call_tool("when", {"stream": False}))

    async def stream(self, client: Open) -> str:
        messages = []

        async def progress(_: float, __: float | None, message: str | None) -> None:
            messages.append(message or "")

        async with client() as opened:
            result = await opened.call_tool(
                "when", {"stream": True}, progress_callback=progress
            )
        return "".join(messages) + text_of(result)

    def counts(self, request: Received) -> bool:
        """Count tool calls only, not the handshake or the stream of the server."""
        return b'"tools/call"' in request.body

    def answer(self, request: Received) -> Step:
        if request.method == "GET":
            return reply(405)
        if request.method == "DELETE":
            return reply(200)
        asked = json.loads(request.body)
        if "id" not in asked:
            return reply(202)
        params = asked.get("params", {})
        if asked["method"] == "initialize":
            result: dict[str, Any] = {
                "protocolVersion": params["protocolVersion"],
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "api", "version": "1"},
            }
            return as_json(answered(asked, result), mcp_session_id="1")
        if asked["method"] == "tools/list":
            tool = {"name": "when", "inputSchema": {"type": "object"}}
            return as_json(answered(asked, {"tools": [tool]}))
        if not params["arguments"]["stream"]:
            return as_json(answered(asked, said(TEXT)))
        # The last letter is the result; the others are reported as progress.
        token = params["_meta"]["progressToken"]
        progress = [
            progressed(token, at, letter) for at, letter in enumerate(TEXT[:-1])
        ]
        messages = [*progress, answered(asked, said(TEXT[-1]))]
        return as_events(("message", each) for each in messages)


@asynccontextmanager
async def session(url: str, http: Any) -> AsyncIterator[mcp.ClientSession]:
    try:
        async with (
            streamable_http_client(url, http_client=http) as (read, write, *_),
            mcp.ClientSession(read, write) as opened,
        ):
            await opened.initialize()
            yield opened
    except ExceptionGroup as error:
        # Its task groups wrap an exception, some several times.
        while isinstance(error, ExceptionGroup):
            (error,) = error.exceptions
        raise error from None


def text_of(result: mcp.types.CallToolResult) -> str:
    return "".join(each.text for each in result.content)


def answered(asked: dict[str, Any], result: dict[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": asked["id"], "result": result}


def said(text: str) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": text}]}


def progressed(token: str | int, at: int, message: str) -> dict[str, Any]:
    params = {"progressToken": token, "progress": at, "message": message}
    return {"jsonrpc": "2.0", "method": "notifications/progress", "params": params}
