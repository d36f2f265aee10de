from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import githubkit
from githubkit.exception import RequestFailed
from sdk import SDK, TEXT, as_json
from support.server import Received, Step, drip, reply


class Driver(SDK):
    error = RequestFailed

    @asynccontextmanager
    async def connect(
        self, url: str, *, patience: float, own_retries: bool
    ) -> AsyncIterator[githubkit.GitHub]:
        # Its cache drops the timeout: reads never time out, with or without our transport.
        async with githubkit.GitHub(
            "token", base_url=url, async_transport=self.transport(),
            http_cache=False, timeout=patience, auto_retry=own_retries,
        ) as client:  # fmt: skip
            yield client

    async def call(self, client: githubkit.GitHub) -> str:
        response = await client.rest.markdown.async_render_raw(data="question")
        return response.text

    async def stream(self, client: githubkit.GitHub) -> str:
        response = await client.rest.repos.async_download_tarball_archive(
            "owner", "repo", "ref", stream=True
        )
        return "".join([each async for each in response.raw_response.aiter_text()])

    async def upload(self, client: githubkit.GitHub, data: bytes) -> None:
        await client.rest.repos.async_upload_release_asset(
            "owner", "repo", 1, name="data.bin", data=data
        )

    def answer(self, request: Received) -> Step:
        if request.target.endswith("/tarball/ref"):
            pieces = [each.encode() for each in TEXT]
            return drip(200, pieces, every=0.002, content_type="text/plain")
        if "/assets?" in request.target:
            return as_json({"id": 1, "name": "data.bin"}, 201)
        return reply(200, TEXT.encode(), content_type="text/html;charset=utf-8")
