"""The parts of a request and of a response that this library reads, as protocols."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable, MutableMapping
from typing import Any, Protocol, TypeVar


class HeadersLike(Protocol):
    """The headers of a request or of a response."""

    @property
    def raw(self) -> list[tuple[bytes, bytes]]: ...


class URLLike(Protocol):
    """The URL of a request."""

    @property
    def scheme(self) -> str: ...
    @property
    def host(self) -> str: ...
    @property
    def raw_host(self) -> bytes: ...
    @property
    def port(self) -> int | None: ...
    @property
    def raw_path(self) -> bytes: ...


class RequestLike(Protocol):
    """A request, to be read only: the caller owns it."""

    @property
    def method(self) -> str: ...
    @property
    def url(self) -> URLLike: ...
    @property
    def headers(self) -> HeadersLike: ...
    @property
    def stream(self) -> Iterable[bytes] | AsyncIterable[bytes]: ...
    @property
    def extensions(self) -> MutableMapping[str, Any]: ...


class ResponseLike(Protocol):
    """A response, and how it is released."""

    @property
    def status_code(self) -> int: ...
    @property
    def headers(self) -> HeadersLike: ...
    @property
    def stream(self) -> Iterable[bytes] | AsyncIterable[bytes]: ...
    @property
    def extensions(self) -> MutableMapping[str, Any]: ...
    @property
    def is_closed(self) -> bool: ...

    def close(self) -> None: ...
    async def aclose(self) -> None: ...


RequestT = TypeVar("RequestT", bound=RequestLike)
ResponseT = TypeVar("ResponseT", bound=ResponseLike)
