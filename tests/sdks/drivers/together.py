from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from tempfile import NamedTemporaryFile

import together
from payloads import QUESTION, chunk, completion
from sdk import SDK, TEXT, as_events, as_json
from support.server import Received, Step, reply


class Driver(SDK):
    error = together.InternalServerError

    @asynccontextmanager
    async def connect(
        self, url: str, *, patience: float, own_retries: bool
    ) -> AsyncIterator[together.AsyncTogether]:
        retrying = partial(
            self.ours.RetryingTransport,
            retry=self.ours.retry_if_transient("POST"),
            # It sends files from a generator, which can be read only once.
            buffer_request_body=1_000_000,
        )
        http = self.ours.wrap(together.DefaultAsyncHttpxClient(), retrying)
        # Its default has no public name.
        retries = {} if own_retries else {"max_retries": 0}
        async with together.AsyncTogether(
            base_url=url, api_key="key", http_client=http, timeout=patience, **retries
        ) as client:
            yield client

    async def call(self, client: together.AsyncTogether) -> str:
        answer = await client.chat.completions.create(**QUESTION)
        return answer.choices[0].message.content

    async def stream(self, client: together.AsyncTogether) -> str:
        pieces = await client.chat.completions.create(**QUESTION, stream=True)
        return "".join([each.choices[0].delta.content async for each in pieces])

    async def upload(self, client: together.AsyncTogether, data: bytes) -> None:
        with NamedTemporaryFile(suffix=".jsonl") as file:
            file.write(data)
            file.flush()
            await client.files.upload(file.name, purpose="batch-api", check=False)

    def answer(self, request: Received) -> Step:
        if request.target == "/v1/files":
            storage = f"http://{request.headers['host']}/storage"
            return reply(302, location=storage, x_together_file_id="file-1")
        if request.target.endswith("/preprocess"):
            return as_json({
                "id": "file-1", "object": "file", "filename": "data.jsonl",
                "bytes": 1, "created_at": 1, "purpose": "batch-api",
                "FileType": "jsonl",
            })  # fmt: skip
        if b'"stream":true' in request.body.replace(b" ", b""):
            return as_events(map(chunk, TEXT), last="[DONE]")
        return as_json(completion(TEXT))

    def counts(self, request: Received) -> bool:
        """Leave out the two requests around an upload."""
        return not request.target.startswith("/v1/files")
