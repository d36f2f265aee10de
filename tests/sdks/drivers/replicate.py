from __future__ import annotations

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import replicate
from replicate.exceptions import ReplicateError
from sdk import SDK, TEXT, as_json
from support.server import Received, Step, drip


class Driver(SDK):
    error = ReplicateError

    @asynccontextmanager
    async def connect(
        self, url: str, *, patience: float, own_retries: bool
    ) -> AsyncIterator[replicate.Client]:
        """Pass our transport: the SDK retries around `transport`, not around `mounts`."""
        # The SDK has no method to close it: this closes the connections.
        async with self.transport() as ours:
            given = {"transport": ours} if own_retries else {"mounts": {"all://": ours}}
            client = replicate.Client("key", base_url=url, **given)
            # It has a timeout only where it waits for an answer: this plus half a second.
            self.wait = max(1, int(patience))
            yield client

    async def call(self, client: replicate.Client) -> str:
        return await client.async_run("any/any", {"when": "will it?"}, wait=self.wait)

    async def stream(self, client: replicate.Client) -> str:
        pieces = client.async_stream("any/any", {"when": "will it?"})
        return "".join([str(each) async for each in await pieces])

    async def upload(self, client: replicate.Client, data: bytes) -> None:
        await client.files.async_create(io.BytesIO(data), filename="data.bin")

    def answer(self, request: Received) -> Step:
        if request.target == "/v1/files":
            return as_json({
                "id": "file", "name": "data.bin", "content_type": "any", "size": 1,
                "etag": "any", "checksums": {}, "metadata": {}, "urls": {},
                "created_at": "2026-01-01", "expires_at": None,
            })  # fmt: skip
        if request.target == "/stream":
            return drip(
                200, map(event, TEXT), every=0.002, content_type="text/event-stream"
            )
        return as_json({
            "id": "1", "model": "any/any", "version": "any", "status": "succeeded",
            "input": {}, "output": TEXT,
            "urls": {"stream": f"http://{request.headers['host']}/stream"},
        })  # fmt: skip

    def counts(self, request: Received) -> bool:
        """Leave out the request for the address of a stream."""
        return b'"stream":true' not in request.body.replace(b" ", b"")


def event(letter: str) -> bytes:
    return f"event: output\nid: 1\ndata: {letter}\n\n".encode()
