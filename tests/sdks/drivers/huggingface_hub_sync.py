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

# The same as HF_HUB_DISABLE_TELEMETRY=1, which is read only once. Otherwise it requests a
# list of agents from its own host.
constants.HF_HUB_DISABLE_TELEMETRY = True

HOOKS = get_session().event_hooks
REPO = "any/repo"


class Driver(SDK):
    error = LocalEntryNotFoundError

    @asynccontextmanager
    async def connect(
        self, url: str, *, patience: float, own_retries: bool
    ) -> AsyncIterator[HfApi]:
        hooks = {**HOOKS, "request": [*HOOKS["request"], self.count]}

        def factory() -> Any:
            # POST is not retried: that could commit twice.
            return self.httpx.Client(
                transport=self.ours.RetryingTransport(),
                event_hooks=hooks,
                follow_redirects=True,
                timeout=None,
            )

        set_client_factory(factory)
        self.patience = patience
        self.requested = 0
        try:
            yield HfApi(endpoint=url, token="key")
        finally:
            close_session()

    async def call(self, client: HfApi) -> str:
        # A download first requests the version and the place of the file.
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
            # It passes bytes as data=, where its HTTP library expects content=.
            warnings.simplefilter("ignore", DeprecationWarning)
            await asyncio.to_thread(
                partial(
                    client.upload_file, repo_id=REPO, path_in_repo="data.bin",
                    # A buffer goes over HTTP, everything else over xet.
                    path_or_fileobj=io.BytesIO(data),
                )
            )  # fmt: skip
        self.assert_all_retries_were_ours()

    def count(self, request: Any) -> None:
        self.requested += request.method == self.counted

    def assert_all_retries_were_ours(self) -> None:
        """Assert one request of the SDK: its own retries have no switch."""
        assert self.requested == 1

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
