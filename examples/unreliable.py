"""
A local server for the examples. It fails twice, then answers.

    with unreliable({"text": "finally"}) as url: ...

It prints the status of each answer, which shows the attempts that a caller never sees.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

from loopback import serving

Answer = Callable[[str, str, bytes], tuple[int, str, bytes]]
"""From method, path and body to status, content type and body."""

CHAT_COMPLETION = {
    "id": "1",
    "object": "chat.completion",
    "created": 1,
    "model": "any",
    "system_fingerprint": "",
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    "choices": [
        {
            "index": 0,
            "finish_reason": "stop",
            "message": {"role": "assistant", "content": "finally"},
        }
    ],
}
"""A chat completion in the format of OpenAI, which many services share."""


@contextmanager
def unreliable(
    answer: Answer | dict[str, Any] | str, failures: int = 2
) -> Iterator[str]:
    """
    Serve on loopback, and yield the URL.

    Args:
        answer: The answer to each request: JSON, a text, or a function that makes it.
        failures: Number of requests that are answered 503 first.
    """
    decide = answer if callable(answer) else always(answer)
    statuses: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one_request(self) -> None:
            """Serve any method, not only those that have a `do_...`."""
            self.raw_requestline = self.rfile.readline(65537)
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            body = self.body()
            status, kind, content = 503, "text/plain", b"not now"
            if len(statuses) >= failures:
                status, kind, content = decide(self.command, self.path, body)
            statuses.append(status)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))
            content = b""
            while size := int(self.rfile.readline(), 16):
                content += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return content

        def log_message(self, *_: object) -> None:
            """Log nothing: the summary below is enough."""

    try:
        with serving(Handler) as url:
            yield url
    finally:
        print("the server answered:", *statuses)


def always(answer: dict[str, Any] | str) -> Answer:
    """Give the same answer to every request."""
    if isinstance(answer, str):
        fixed = 200, "text/plain; charset=utf-8", answer.encode()
    else:
        fixed = 200, "application/json", json.dumps(answer).encode()
    return lambda *_: fixed
