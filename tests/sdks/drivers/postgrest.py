from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import postgrest
from sdk import SDK, TEXT, as_json
from support.server import Received, Step


class Driver(SDK):
    error = postgrest.APIError

    @asynccontextmanager
    async def connect(
        self, url: str, *, patience: float, own_retries: bool
    ) -> AsyncIterator[postgrest.AsyncPostgrestClient]:
        http = self.httpx.AsyncClient(transport=self.transport(), timeout=patience)
        async with postgrest.AsyncPostgrestClient(
            url, http_client=http, retry_enabled=own_retries
        ) as client:
            yield client

    async def call(self, client: postgrest.AsyncPostgrestClient) -> str:
        # The SDK itself retries reads only.
        rows = await client.from_("answers").select("text").execute()
        return rows.data[0]["text"]

    def answer(self, request: Received) -> Step:
        return as_json([{"text": TEXT}])
