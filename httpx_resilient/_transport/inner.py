"""
The inner transport of a layer: given and checked, or built from options on first use.

It has two sides, synchronous and asynchronous. Only a side that is used is built.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from functools import partial
from typing import Any, Generic, TypedDict, TypeVar

from httpx_resilient._core.events.emitter import EventEmitter
from httpx_resilient._core.family import Family
from httpx_resilient._core.lock import make_lock
from httpx_resilient._core.redaction import Redactor
from httpx_resilient._pool.proxies import Routes, routes_of_environment
from httpx_resilient._transport.checks import check_known, check_options
from httpx_resilient._transport.recognition import check_inner

LimitsT = TypeVar("LimitsT")
ProxyT = TypeVar("ProxyT")

SocketOption = (
    tuple[int, int, int]
    | tuple[int, int, bytes | bytearray]
    | tuple[int, int, None, int]
)


class PlainHTTPOptions(TypedDict, Generic[LimitsT, ProxyT], total=False):
    """The options of the family's HTTPTransport."""

    verify: ssl.SSLContext | str | bool
    cert: str | tuple[str, str] | tuple[str, str, str] | None
    trust_env: bool
    http1: bool
    http2: bool
    limits: LimitsT
    proxy: ProxyT | None
    uds: str | None
    local_address: str | None
    socket_options: Iterable[SocketOption] | None


class PooledHTTPOptions(
    PlainHTTPOptions[LimitsT, ProxyT], Generic[LimitsT, ProxyT], total=False
):
    """The options of the default inner transport, with those of its pool."""

    max_connection_age: float | None
    wire: bool


class HTTPOptions(
    PooledHTTPOptions[LimitsT, ProxyT], Generic[LimitsT, ProxyT], total=False
):
    """
    The same, and what every layer takes.

    `redact` is a function of a URL, without user and query, that returns what logs,
    events and their texts show of it; by default `redact_tokens`.
    """

    redact: Redactor | None


_OPTIONS = HTTPOptions.__annotations__.keys()


class Side:
    """
    The synchronous or the asynchronous side of an inner transport.

    It is built once, and entered once by any number of clients.

    Args:
        made: The transport, if it exists already.
        build: Builds the transport.
    """

    def __init__(self, made: Any, build: Callable[[], Any]) -> None:
        self.made = made
        self._build = build
        self._users = 0
        self._lock = make_lock()

    def transport(self) -> Any:
        """Return the inner transport. Threads may call this at the same time."""
        if self.made is None:
            with self._lock:
                if self.made is None:
                    self.made = self._build()
        return self.made

    @contextmanager
    def entering(self) -> Generator[bool]:
        """Count a client that enters, and yield whether it is the first."""
        entered = False
        with self._lock:
            self._users += 1
            first = self._users == 1
        try:
            yield first
            entered = True
        finally:
            if not entered:
                self.left()

    def left(self) -> bool:
        """Count a client that exits. Returns whether it was the last."""
        with self._lock:
            # A client that exits without having been entered does not count.
            self._users = max(self._users - 1, 0)
            return self._users == 0


def sides_of(
    layer: Any, inner: Any, http: dict[str, Any], emit: EventEmitter
) -> tuple[Side, Side]:
    """
    Check the arguments of a layer, and return its asynchronous and synchronous sides.

    Args:
        layer: The class of the layer, bound to a library.
        inner: The transport to wrap, or `None`.
        http: Options for the default inner transport.
        emit: Emits its events.

    Raises:
        TypeError: `inner` is not a transport, or belongs to the other family; an option
            is unknown, or given together with an `inner`.
        ValueError: A proxy, given or from the environment, cannot be used.
        FileNotFoundError: A file of `verify` or `cert` does not exist.
        ImportError: `http2=True` without the extra `http2`.
    """
    family: Family = layer._family  # noqa: SLF001 - an attribute of all layers
    check_known(layer, http, _OPTIONS)
    if inner is None:
        check_options(family, http)
        return _default_sides(family, http, emit)
    check_inner(inner, family, http, layer)
    return (
        _given(
            inner, "handle_async_request", f"sync and cannot serve {family.name}.Async"
        ),
        _given(inner, "handle_request", f"async and cannot serve {family.name}."),
    )


def _default_sides(
    family: Family, http: dict[str, Any], emit: EventEmitter
) -> tuple[Side, Side]:
    from httpx_resilient._pool.transport import PooledTransport  # noqa: PLC0415 - not for layers around a given transport

    pooled = partial(PooledTransport, family, http, _routes(family, http), emit)
    return (
        Side(None, partial(pooled, asynchronous=True)),
        Side(None, partial(pooled, asynchronous=False)),
    )


def _given(inner: Any, handler: str, problem: str) -> Side:
    def refuse() -> Any:
        kind = type(inner).__name__
        msg = f"{kind} is {problem}Client: give an inner transport that has {handler}"
        raise TypeError(msg)

    return Side(inner if hasattr(inner, handler) else None, refuse)


def _routes(family: Family, http: dict[str, Any]) -> Routes:
    """Return the proxies of the environment. `proxy` and `uds` override them."""
    if not http.get("trust_env", True):
        return []
    named = http.get("proxy") is not None or http.get("uds") is not None
    return [] if named else routes_of_environment(family)
