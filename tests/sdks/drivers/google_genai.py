from __future__ import annotations

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from google import genai
from google.genai.client import AsyncClient
from google.genai.errors import ServerError
from google.genai.types import HttpOptions, UploadFileConfig
from sdk import SDK, TEXT, as_events, as_json
from support.server import Received, Step, reply

ASK = {"model": "any", "contents": "When will it work?"}


class Driver(SDK):
    error = ServerError

    @asynccontextmanager
    async def connect(
        self, url: str, *, patience: float, own_retries: bool
    ) -> AsyncIterator[AsyncClient]:
        """Connect without `retry_options`, so that the SDK does not retry."""
        options = HttpOptions(
            base_url=url, timeout=int(patience * 1000),
            async_client_args={"transport": self.transport()},
        )  # fmt: skip
        # It also makes a synchronous client, which `aio` does not close.
        with genai.Client(api_key="key", http_options=options) as client:
            async with client.aio as aio:
                yield aio

    async def call(self, client: AsyncClient) -> str:
        answer = await client.models.generate_content(**ASK)
        return answer.text

    async def stream(self, client: AsyncClient) -> str:
        pieces = await client.models.generate_content_stream(**ASK)
        return "".join([each.text async for each in pieces])

    async def upload(self, client: AsyncClient, data: bytes) -> None:
        config = UploadFileConfig(mime_type="text/plain")
        await client.files.upload(file=io.BytesIO(data), config=config)

    def answer(self, request: Received) -> Step:
        if request.target.startswith("/upload/"):
            storage = f"http://{request.headers['host']}/storage"
            return reply(200, b"{}", x_goog_upload_url=storage)
        if request.target.startswith("/storage"):
            return as_json({"file": {"name": "files/1"}}, x_goog_upload_status="final")
        if ":streamGenerateContent" in request.target:
            return as_events(map(piece, TEXT))
        return as_json(piece(TEXT))

    def counts(self, request: Received) -> bool:
        """Leave out the request for the address of an upload."""
        return not request.target.startswith("/upload/")


def piece(text: str) -> dict[str, Any]:
    return {"candidates": [{"content": {"role": "model", "parts": [{"text": text}]}}]}
