from __future__ import annotations

import json
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import ollama
from payloads import QUESTION
from sdk import SDK, TEXT, as_json
from support.server import Received, Step, drip, reply


class Driver(SDK):
    error = ollama.ResponseError

    def transport(self) -> Any:
        # Its uploads are generators, which can be read only once.
        return self.ours.RetryingTransport(
            retry=self.ours.retry_if_transient("POST"), buffer_request_body=1_000_000
        )

    @asynccontextmanager
    async def connect(
        self, url: str, *, patience: float, own_retries: bool
    ) -> AsyncIterator[ollama.AsyncClient]:
        async with ollama.AsyncClient(
            url, transport=self.transport(), timeout=patience
        ) as client:
            yield client

    async def call(self, client: ollama.AsyncClient) -> str:
        return (await client.chat(**QUESTION)).message.content

    async def stream(self, client: ollama.AsyncClient) -> str:
        pieces = await client.chat(**QUESTION, stream=True)
        return "".join([each.message.content async for each in pieces])

    async def upload(self, client: ollama.AsyncClient, data: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "blob")
            await anyio.Path(file).write_bytes(data)
            await client.create_blob(file)

    def answer(self, request: Received) -> Step:
        if request.target.startswith("/api/blobs/"):
            return reply(201)
        if json.loads(request.body)["stream"]:
            lines = [json.dumps(said(letter)).encode() + b"\n" for letter in TEXT]
            return drip(200, lines, every=0.002, content_type="application/x-ndjson")
        return as_json(said(TEXT))


def said(text: str) -> dict[str, Any]:
    return {"model": "any", "message": {"role": "assistant", "content": text}}
