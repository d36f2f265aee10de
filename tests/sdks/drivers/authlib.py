from __future__ import annotations

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from authlib.integrations.httpx_client import AsyncOAuth2Client
from matrix import Row
from sdk import SDK, TEXT, as_json
from support.server import Received, Step, drip, reply


class Driver(SDK):
    def __init__(self, row: Row) -> None:
        super().__init__(row)
        # It returns responses of the HTTP library, which raise that library's error.
        self.error = self.httpx.HTTPStatusError
        self.logins = 0

    @asynccontextmanager
    async def connect(
        self, url: str, *, patience: float, own_retries: bool
    ) -> AsyncIterator[AsyncOAuth2Client]:
        async with AsyncOAuth2Client(
            "id", "secret", token_endpoint=f"{url}/token",
            base_url=url, timeout=patience, transport=self.transport(),
        ) as client:  # fmt: skip
            await client.fetch_token(grant_type="client_credentials")
            yield client

    async def call(self, client: AsyncOAuth2Client) -> str:
        response = await client.post("/answers", json={"question": "When?"})
        return response.raise_for_status().json()["text"]

    async def stream(self, client: AsyncOAuth2Client) -> str:
        async with client.stream("GET", "/stream") as response:
            return "".join([each async for each in response.aiter_text()])

    async def upload(self, client: AsyncOAuth2Client, data: bytes) -> None:
        response = await client.post("/files", files={"file": io.BytesIO(data)})
        response.raise_for_status()

    def answer(self, request: Received) -> Step:
        if request.target == "/token":
            return self.log_in()
        if request.headers.get("authorization") != "Bearer secret":
            return reply(401)
        if request.target == "/stream":
            return drip(200, [each.encode() for each in TEXT], every=0.002)
        return as_json({"text": TEXT})

    def log_in(self) -> Step:
        """Fail twice, so that every scenario includes a retried login."""
        self.logins += 1
        if self.logins < 3:
            return reply(503)
        return as_json({"access_token": "secret", "token_type": "Bearer"})

    def counts(self, request: Received) -> bool:
        return request.target != "/token"
