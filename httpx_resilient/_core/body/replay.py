"""
Whether and how the body of a request can be sent again, byte for byte.

When an iterator or a pipe is spent, HTTP libraries silently send an *empty* body the
second time. Therefore a body counts as spent unless it is known to replay: bytes, a
list or tuple of chunks, a file that can be rewound, and forms made of these. For any
other body the caller may buffer a copy (`buffer_request_body`) or give a function that
creates the body anew (`body_factory`).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Generic, cast

from httpx_resilient._core.body.buffered import Copy
from httpx_resilient._core.body.rewinding import (
    all_rewindable,
    announces_body,
    files_of,
    is_chunks,
    rewindable,
)
from httpx_resilient._core.family import Family
from httpx_resilient._core.http_types import RequestLike, RequestT, ResponseT
from httpx_resilient._core.io.protocol import IO

SPENT = (
    "the body cannot be sent again: give bytes or a seekable file, or set "
    "buffer_request_body or body_factory"
)


class Body(Generic[RequestT]):
    """
    A request whose body replays by itself, such as bytes.

    Args:
        request: The request that the first attempt sends.
    """

    __slots__ = ("request",)

    def __init__(self, request: RequestT) -> None:
        self.request: RequestT = request

    async def again(self, io: IO[RequestT, ResponseT]) -> RequestT | None:  # noqa: ARG002 - only a body from a factory needs the io
        """Return the request of the next attempt, or `None` if the body is spent."""
        return self.request


class _Spent(Body[RequestT]):
    __slots__ = ()

    async def again(self, io: IO[RequestT, ResponseT]) -> RequestT | None:  # noqa: ARG002 - only a body from a factory needs the io
        return None


class _File(Body[RequestT]):
    """A file, read from the position where the caller left it."""

    __slots__ = ("_file", "_start")

    def __init__(self, request: RequestT, file: Any) -> None:
        super().__init__(request)
        self._file = file
        self._start = file.tell()

    async def again(self, io: IO[RequestT, ResponseT]) -> RequestT | None:  # noqa: ARG002 - only a body from a factory needs the io
        try:
            self._file.seek(self._start)
        except (OSError, ValueError):  # the file has been closed meanwhile
            return None
        return self.request


class _Buffered(Body[RequestT]):
    """A copy of the part that was sent, followed by the rest of the stream."""

    __slots__ = ("_copy",)

    def __init__(self, request: RequestT, copy: Copy) -> None:
        super().__init__(request)
        self._copy = copy

    async def again(self, io: IO[RequestT, ResponseT]) -> RequestT | None:  # noqa: ARG002 - only a body from a factory needs the io
        return self.request if self._copy.complete else None


class _FromFactory(Body[RequestT]):
    """A body that the caller's factory creates anew for each further attempt."""

    __slots__ = ("_factory", "_family", "_sent")

    def __init__(
        self, request: RequestT, factory: Callable[[], object], family: Family
    ) -> None:
        super().__init__(request)
        self._factory = factory
        self._family = family
        self._sent: object = getattr(request.stream, "_stream", None)

    async def again(self, io: IO[RequestT, ResponseT]) -> RequestT | None:
        body = await io.settle(self._factory())
        if body is not None and body is self._sent and not is_chunks(body):
            msg = (
                f"body_factory returned the same {type(body).__name__} that was sent "
                "already: return a new one each time"
            )
            raise TypeError(msg)
        self._sent = body
        sync, asynchronous = self._family.streams
        wanted = asynchronous if io.asynchronous else sync
        stream = None
        # A request takes `None` as an empty body; from a factory it is a mistake.
        with suppress(TypeError):
            if body is not None:
                stream = self._family.request("POST", "http://_", content=body).stream
        if not isinstance(stream, wanted):
            kind = "an asynchronous iterable" if io.asynchronous else "an iterable"
            msg = (
                f"body_factory returned {type(body).__name__}: in this client it must "
                f"return bytes or {kind} of bytes"
            )
            raise TypeError(msg)
        return _with_stream(self.request, stream, self._family)


def body_of(
    request: RequestT,
    family: Family,
    *,
    limit: int = 0,
    factory: Callable[[], object] | None = None,
) -> Body[RequestT]:
    """
    Determine how the body of a request can be sent again, before it is first sent.

    Args:
        request: The caller's request. It is not changed.
        family: The library that the request belongs to.
        limit: Bytes of a one-shot body to buffer. 0 buffers nothing.
        factory: Creates the body anew.
    """
    stream = request.stream
    kind = type(stream)
    if kind is family.plain_body:
        return Body(request)
    if factory is not None:
        return _FromFactory(request, factory, family)
    if kind is family.multipart_body and all_rewindable(stream):
        return Body(request)
    if kind is family.iterator_body:
        source = getattr(stream, "_stream", None)
        if is_chunks(source):
            return Body(request)
        if rewindable(source):
            return _File(request, source)
    if isinstance(stream, Copy):  # an outer layer buffers the body already
        return _Buffered(request, stream)
    if limit or not announces_body(request):
        copy = family.stream_class(Copy)(stream, limit)
        return _Buffered(_with_stream(request, copy, family), copy)
    return _Spent(request)


def same_body(request: RequestLike, family: Family) -> Any:
    """
    Return a second stream of the same body, readable at the same time as the first.

    Return `None` if there cannot be one: a file has one position, a generator one
    reader.
    """
    stream = request.stream
    kind = type(stream)
    if kind is family.plain_body:
        return stream
    if kind is family.multipart_body and not files_of(stream):
        return stream
    return None if announces_body(request) else family.plain_body(b"")


def _with_stream(request: RequestT, stream: object, family: Family) -> RequestT:
    """Build the same request with another stream."""
    extensions = request.extensions
    made = family.request(
        request.method,
        request.url,
        headers=request.headers,
        stream=stream,
        extensions=extensions,
    )
    return cast("RequestT", made)
