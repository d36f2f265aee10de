from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import postgrest
import supabase
from sdk import SDK, TEXT, as_json
from support.server import Received, Step


class Driver(SDK):
    error = postgrest.APIError

    @asynccontextmanager
    async def connect(
        self, url: str, *, patience: float, own_retries: bool
    ) -> AsyncIterator[supabase.AsyncClient]:
        async with self.httpx.AsyncClient(
            transport=self.transport(), timeout=patience
        ) as http:
            options = supabase.AsyncClientOptions(
                httpx_client=http, postgrest_client_retry=own_retries
            )
            yield await supabase.acreate_client(url, "key", options)

    async def call(self, client: supabase.AsyncClient) -> str:
        # The SDK itself retries reads only.
        rows = await client.table("answers").select("text").execute()
        return rows.data[0]["text"]

    async def upload(self, client: supabase.AsyncClient, data: bytes) -> None:
        await client.storage.from_("bucket").upload("folder/data.bin", data)

    def answer(self, request: Received) -> Step:
        if request.target == "/storage/v1/object/bucket/folder/data.bin":
            return as_json({"Id": "1", "Key": "bucket/folder/data.bin"})
        return as_json([{"text": TEXT}])
