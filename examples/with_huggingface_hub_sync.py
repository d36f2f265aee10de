"""
huggingface_hub: the transport retries synchronous calls, with downloads and uploads.

    pip install 'httpx_resilient[huggingface_hub-sync]'

The SDK repeats some requests six times, which cannot be disabled: attempts multiply. Do
not add POST: a repeated commit appears twice. xet, which transfers large files, does
not use this client.
"""

from __future__ import annotations

from functools import partial

import httpx2
from huggingface_hub import HfApi, constants, get_session, set_client_factory
from unreliable import unreliable

from httpx_resilient.httpx2 import RetryingTransport

ANSWER = {"id": "any/repo", "siblings": [{"rfilename": "finally.txt"}]}

# As with HF_HUB_DISABLE_TELEMETRY=1: this example connects to this machine only.
constants.HF_HUB_DISABLE_TELEMETRY = True


def connect(url: str) -> HfApi:
    hooks = get_session().event_hooks  # its switch for working offline, and others
    client = partial(httpx2.Client, event_hooks=hooks, timeout=None)
    set_client_factory(
        lambda: client(transport=RetryingTransport(), follow_redirects=True)
    )
    return HfApi(endpoint=url, token=False)


def main(url: str) -> None:
    model = connect(url).model_info("any/repo")
    print(*(file.rfilename for file in model.siblings or []))


if __name__ == "__main__":
    with unreliable(ANSWER) as url:
        main(url)
