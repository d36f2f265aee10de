from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import weaviate
from sdk import SDK, TEXT, as_json
from support.server import Received, Step
from weaviate.classes.init import AdditionalConfig, Timeout


class Driver(SDK):
    error = weaviate.exceptions.UnexpectedStatusCodeError

    @asynccontextmanager
    async def connect(
        self, url: str, *, patience: float, own_retries: bool
    ) -> AsyncIterator[weaviate.WeaviateAsyncClient]:
        place = urlsplit(url)
        async with weaviate.use_async_with_local(
            host=place.hostname,
            port=place.port,
            additional_config=AdditionalConfig(timeout=Timeout(query=patience)),
            skip_init_checks=True,
        ) as client:
            yield self.ours.wrap(client, self.ours.RetryingTransport)

    async def call(self, client: weaviate.WeaviateAsyncClient) -> str:
        return (await client.alias.get(alias_name="when")).collection

    def counts(self, request: Received) -> bool:
        """Leave out how it connects: there is no client to wrap before that."""
        return request.target != "/v1/meta"

    def answer(self, request: Received) -> Step:
        if request.target == "/v1/meta":
            return as_json({"version": "1.37.0"})
        return as_json({"alias": "when", "class": TEXT})
