"""
vcrpy records and replays every attempt: it patches the transport inside ours.

A cassette contains only responses. An attempt that ended with an error, such as a reset
connection, is not recorded, and so is missing when the cassette is played.

    pip install httpx_resilient vcrpy
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import vcr  # type: ignore[import-untyped]  # vcrpy has no types
from unreliable import unreliable

from httpx_resilient import RetryingTransport, attempts_of


def get(url: str) -> httpx.Response:
    """Send one request."""
    with httpx.Client(transport=RetryingTransport()) as client:
        return client.get(url)


with TemporaryDirectory() as folder:
    cassette = str(Path(folder) / "cassette.yaml")

    with unreliable("finally") as url, vcr.use_cassette(cassette):
        print("recorded:", *map(str, attempts_of(get(url))))

    # The server has stopped.
    with vcr.use_cassette(cassette, record_mode="none"):
        response = get(url)
    print("replayed:", *map(str, attempts_of(response)), response.text)
