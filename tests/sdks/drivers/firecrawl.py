from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from firecrawl import AsyncFirecrawl
from firecrawl.v2.utils.error_handler import FirecrawlError
from sdk import SDK, TEXT, as_json
from support.server import Received, Step


class Driver(SDK):
    error = FirecrawlError

    @asynccontextmanager
    async def connect(
        self, url: str, *, patience: float, own_retries: bool
    ) -> AsyncIterator[AsyncFirecrawl]:
        client = AsyncFirecrawl(
            api_key="key", api_url=url, timeout=patience,
            **({} if own_retries else {"max_retries": 1}),
        )  # fmt: skip
        # It keeps no connection open, and cannot be closed.
        retry = self.ours.retry_if_transient("POST")
        yield self.ours.wrap(client, partial(self.ours.RetryingTransport, retry=retry))

    async def call(self, client: AsyncFirecrawl) -> str:
        return (await client.scrape("https://example.com")).markdown

    async def upload(self, client: AsyncFirecrawl, data: bytes) -> None:
        await client.parse(data, filename="data.pdf", content_type="application/pdf")

    def answer(self, request: Received) -> Step:
        return as_json({"success": True, "data": {"markdown": TEXT}})
