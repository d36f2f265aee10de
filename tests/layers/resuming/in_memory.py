"""A server in memory behind a scripted IO: no socket, no time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
from support.fake_io import FakeIO
from support.ranges import File, Version, versions
from support.server import Received

from httpx_resilient import ResumingTransport
from httpx_resilient._core.io.protocol import run_sync

Serve = Callable[[httpx.Request], httpx.Response]


class Broken(httpx.SyncByteStream):
    """A body that breaks after some of its chunks, or ends."""

    def __init__(self, chunks: list[bytes], error: Exception | None = None) -> None:
        self._chunks = chunks
        self._error = error
        self.is_closed = False

    def __iter__(self) -> Iterator[bytes]:
        yield from self._chunks
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        self.is_closed = True


class ServingIO(FakeIO):
    """A synchronous IO whose answers a function makes."""

    def __init__(self, serve: Serve) -> None:
        super().__init__(asynchronous=False)
        self._serve = serve

    async def send(self, request: Any, context: Any = None) -> Any:
        self.did.append("send")
        self.sent.append(request)
        return self._serve(request)

    async def discard(self, response: Any, *_: Any, **__: Any) -> bool:
        self.did.append("discard")
        response.close()
        return False


def cutting(file: File, size: int, error: type[Exception] = httpx.ReadError) -> Serve:
    """Serve a file, cut after `file.cut` bytes, in chunks of this size."""

    def serve(request: httpx.Request) -> httpx.Response:
        number, file.served = file.served, file.served + 1
        version: Version = file.versions[min(number, len(file.versions) - 1)]
        lower = {name.lower(): value for name, value in request.headers.items()}
        asked = Received(request.method, "/", lower, b"", 0)
        head, body, _ = file.answer(asked, version)
        line, *fields = head.decode().strip().split("\r\n")
        cut = file.cut if number < file.cuts else None
        sent = body if cut is None else body[:cut]
        chunks = [sent[at : at + size] for at in range(0, len(sent), size)]
        broken = None if len(sent) == len(body) else error("cut")
        headers = [tuple(field.split(": ", 1)) for field in fields]
        status = int(line.split()[1])
        return httpx.Response(status, headers=headers, stream=Broken(chunks, broken))  # type: ignore[arg-type]

    return serve


def opened(
    serve: Serve, transport: Any = None, request: httpx.Request | None = None
) -> tuple[httpx.Response, ServingIO]:
    """Send a request through a `ResumingTransport`. Return its response and the IO."""
    transport = transport or ResumingTransport(httpx.MockTransport(serve))
    io = ServingIO(serve)
    request = request or httpx.Request("GET", "https://example.org/")
    response = run_sync(transport._handle(request, io, transport._enter(request, io)))
    return response, io


BODY = bytes(range(100))
GET = httpx.Request("GET", "https://example.org/")
FAST = {"etag": '"a"'}


def file(**options: Any) -> File:
    return File(versions(BODY, **FAST), **{"cut": 30, "cuts": 1, **options})


def read(response: httpx.Response) -> tuple[bytes, Exception | None]:
    found = b""
    try:
        for chunk in response.stream:  # type: ignore[union-attr]
            found += chunk
    except Exception as error:
        return found, error
    return found, None


def note_of(error: Exception | None) -> str:
    return "\n".join(getattr(error, "__notes__", ()))


def transport_of(serve: Any, **options: Any) -> Any:
    return ResumingTransport(httpx.MockTransport(serve), **options)
