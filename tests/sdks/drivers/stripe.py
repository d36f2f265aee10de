from __future__ import annotations

import io
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import stripe
from sdk import SDK, TEXT, as_json
from support.server import Received, Step, drip


class Driver(SDK):
    error = stripe.APIError

    @asynccontextmanager
    async def connect(
        self, url: str, *, patience: float, own_retries: bool
    ) -> AsyncIterator[stripe.StripeClient]:
        http = stripe.HTTPXClient(timeout=patience)
        addresses = {"api": url, "files": url}
        client = stripe.StripeClient("key", http_client=http, base_addresses=addresses)
        with warnings.catch_warnings():
            # It passes bytes as data=, where its HTTP library expects content=.
            warnings.simplefilter("ignore", DeprecationWarning)
            # Each POST has an Idempotency-Key.
            yield self.ours.wrap(client, self.ours.RetryingTransport)
        await http.close_async()

    async def call(self, client: stripe.StripeClient) -> str:
        return (await client.v1.customers.create_async({"name": "any"})).description

    async def stream(self, client: stripe.StripeClient) -> str:
        pdf = await client.v1.quotes.pdf_async("qt_1")
        return (await pdf.read_async()).decode()

    async def upload(self, client: stripe.StripeClient, data: bytes) -> None:
        file = io.BytesIO(data)
        await client.v1.files.create_async({"purpose": "tax_document", "file": file})

    def answer(self, request: Received) -> Step:
        if request.target.endswith("/pdf"):
            return drip(200, [letter.encode() for letter in TEXT], every=0.002)
        return as_json({"id": "any", "object": "customer", "description": TEXT})
