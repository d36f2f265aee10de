"""
Upload a file that goes on where it broke, to a server of tus that breaks on purpose.

The server stores 300,000 bytes of the first piece, and closes the connection. The
upload asks it how much it has, and sends the rest.
"""

from __future__ import annotations

import tempfile
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import httpx
from loopback import serving

from httpx_resilient import RetryingTransport, explain, upload, upload_of

stored = bytearray()
breaks = iter([300_000])


class Tus(BaseHTTPRequestHandler):
    """The core of tus 1.0.0, for one upload."""

    protocol_version = "HTTP/1.1"
    length = 0

    def do_POST(self) -> None:
        """Create the upload."""
        Tus.length = int(self.headers["Upload-Length"])
        self.answer(201, Location="/files/1")

    def do_HEAD(self) -> None:
        """Tell how much has arrived."""
        self.answer(200, Upload_Length=Tus.length)

    def do_PATCH(self) -> None:
        """Append, as long as the connection holds."""
        if int(self.headers["Upload-Offset"]) != len(stored):
            self.answer(409)
            return
        size = int(self.headers["Content-Length"])
        kept = next(breaks, size)
        stored.extend(self.rfile.read(size)[:kept])
        if kept < size:
            self.close_connection = True
        else:
            self.answer(204)

    def answer(self, status: int, **headers: object) -> None:
        """Answer without a body."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.send_header("Upload-Offset", str(len(stored)))
        if status != 204:
            self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Print nothing."""


with tempfile.TemporaryDirectory() as folder, serving(Tus) as server:
    video = Path(folder) / "video.mp4"
    video.write_bytes(bytes(range(256)) * 4_000)
    with httpx.Client(transport=RetryingTransport()) as client:
        response = upload(
            client,
            f"{server}/files",
            video,
            protocol="tus",
            metadata={"filename": "video.mp4", "filetype": "video/mp4"},
        )
    print(explain(response))
    print(upload_of(response))
    print("the same bytes:", stored == video.read_bytes())
