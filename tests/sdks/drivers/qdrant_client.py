from __future__ import annotations

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from qdrant_client import AsyncQdrantClient
from qdrant_client.http.exceptions import UnexpectedResponse
from sdk import SDK, TEXT, as_json
from support.server import Received, Step


class Driver(SDK):
    error = UnexpectedResponse

    @asynccontextmanager
    async def connect(
        self, url: str, *, patience: float, own_retries: bool
    ) -> AsyncIterator[AsyncQdrantClient]:
        # A thread with a client of its own checks the version.
        client = AsyncQdrantClient(
            url=url, timeout=patience, transport=self.transport(),
            check_compatibility=False,
        )  # fmt: skip
        try:
            yield client
        finally:
            await client.close()

    async def call(self, client: AsyncQdrantClient) -> str:
        (point,) = await client.retrieve("answers", ids=[1])
        return point.payload["text"]

    async def upload(self, client: AsyncQdrantClient, data: bytes) -> None:
        await client.http.snapshots_api.recover_from_uploaded_snapshot(
            "answers", snapshot=io.BytesIO(data)
        )

    def answer(self, request: Received) -> Step:
        if request.target.endswith("/snapshots/upload"):
            return as_json({"result": True, "status": "ok", "time": 0.1})
        points = [{"id": 1, "payload": {"text": TEXT}}]
        return as_json({"result": points, "status": "ok", "time": 0.1})
