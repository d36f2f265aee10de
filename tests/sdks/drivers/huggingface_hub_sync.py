from __future__ import annotations

import asyncio
import io
import json
import tempfile
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from huggingface_hub import (
    HfApi,
    close_session,
    constants,
    get_session,
    set_client_factory,
)
from huggingface_hub.errors import LocalEntryNotFoundError
from sdk import SDK, TEXT, as_json
from support.server import Received, Step, drip, reply

# As HF_HUB_DISABLE_TELEMETRY=1, which is read but once: else it asks its own host for a
# list of agents, to tell which one runs it.
constants.HF_HUB_DISABLE_TELEMETRY = True

HOOKS = get_session().event_hooks
REPO = "any/repo"


class Driver(SDK):
    error = LocalEntryNotFoundError

    @asynccontextmanager
    async def connect(
        self, url: str, *, patience: float, own_retries: bool
    ) -> AsyncIterator[HfApi]:
        hooks = {**HOOKS, "request": [*HOOKS["request"], self.note]}

        def factory() -> Any:
            # Not for POST: that would commit twice.
            return self.httpx.Client(
                transport=self.ours.RetryingTransport(),
                event_hooks=hooks,
                follow_redirects=True,
                timeout=None,
            )

        set_client_factory(factory)
        self.patience = patience
        self.asked = 0
        try:
            yield HfApi(endpoint=url, token="key")
        finally:
            close_session()

    async def call(self, client: HfApi) -> str:
        # What a download asks first: which version of the file there is, and where.
        self.counted = "HEAD"
        return await asyncio.to_thread(self.download, client)

    async def stream(self, client: HfApi) -> str:
        self.counted = "GET"
        return await asyncio.to_thread(self.download, client)

    def download(self, client: HfApi) -> str:
        with tempfile.TemporaryDirectory() as cache:
            path = client.hf_hub_download(
                REPO, "when.txt", cache_dir=cache, etag_timeout=self.patience
            )
            self.assert_all_retries_were_ours()
            return Path(path).read_text()

    async def upload(self, client: HfApi, data: bytes) -> None:
        self.counted = "PUT"
        with warnings.catch_warnings():
            # It gives as data= what its HTTP library would have as content=.
            warnings.simplefilter("ignore", DeprecationWarning)
            await asyncio.to_thread(
                partial(
                    client.upload_file, repo_id=REPO, path_in_repo="data.bin",
                    # What comes as a buffer goes over HTTP, all else over xet.
                    path_or_fileobj=io.BytesIO(data),
                )
            )  # fmt: skip
        self.assert_all_retries_were_ours()

    def note(self, request: Any) -> None:
        self.asked += request.method == self.counted

    def assert_all_retries_were_ours(self) -> None:
        """Its own have no switch: so see that it asked only once."""
        assert self.asked == 1

    def counts(self, request: Received) -> bool:
        return request.method == self.counted

    def answer(self, request: Received) -> Step:
        here = f"http://{request.headers['host']}"
        if request.method == "HEAD":
            size = str(len(TEXT))
            return reply(200, x_repo_commit="0" * 40, etag='"1"', content_length=size)
        if request.method == "GET":
            return drip(200, [letter.encode() for letter in TEXT], every=0.002)
        if request.method == "PUT":
            return reply(200)
        if "/preupload/" in request.target:
            file = {"path": "data.bin", "uploadMode": "lfs", "shouldIgnore": False}
            return as_json({"files": [file]})
        if request.target.endswith("/objects/batch"):
            (asked,) = json.loads(request.body)["objects"]
            actions = {"upload": {"href": f"{here}/lfs/data.bin"}}
            return as_json({"objects": [{**asked, "actions": actions}]})
        commit = "0" * 40
        url = f"{here}/{REPO}/commit/{commit}"
        return as_json({"commitUrl": url, "commitOid": commit})
