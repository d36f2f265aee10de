"""
The inner transport of a layer: given and checked, or built from options when needed.

It has two sides, synchronous and asynchronous, and only what is used is built.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from importlib.util import find_spec
from threading import Lock
from typing import Any, Generic, TypedDict, TypeVar

from httpx_resilient._core.events.emitter import EventEmitter
from httpx_resilient._core.family import Family
from httpx_resilient._pool.proxies import Routes, routes_of_environment
from httpx_resilient._pool.transport import PooledTransport

LimitsT = TypeVar("LimitsT")
ProxyT = TypeVar("ProxyT")

SocketOption = (
    tuple[int, int, int]
    | tuple[int, int, bytes | bytearray]
    | tuple[int, int, None, int]
)


class HTTPOptions(TypedDict, Generic[LimitsT, ProxyT], total=False):
    """What the family's own HTTP transport takes; each as it is documented there."""

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


_OPTIONS = frozenset(HTTPOptions.__annotations__)
_ELSEWHERE = {
    "allowed_methods": 'retry=retry_if_transient("POST") here',
    "attempts": "stop=stop_after_attempt(n) here",
    "max_retries": "stop=stop_after_attempt(n + 1) here",
    "retries": "stop=stop_after_attempt(n + 1) here",
    "status_forcelist": "retry=retry_if_status(...) here",
    "timeout": "the client's, and counts for each attempt",
    "total": "stop=stop_after_attempt(n + 1) here",
    "transport": "the first argument here, inner",
    "wrapped": "the first argument here, inner",
}
"""What other retrying transports call it."""

_HOMES = {"httpx": "httpx_resilient", "httpx2": "httpx_resilient.httpx2"}


class Side:
    """The synchronous or the asynchronous inner transport: made once, entered once."""

    def __init__(self, made: Any, build: Callable[[], Any]) -> None:
        self.made = made
        self._build = build
        self._users = 0
        self._lock = Lock()

    def transport(self) -> Any:
        """Return the inner transport. Threads may ask for it at the same time."""
        if self.made is None:
            with self._lock:
                if self.made is None:
                    self.made = self._build()
        return self.made

    @contextmanager
    def entering(self) -> Generator[bool]:
        """Count a client in, if it gets in. Yields whether it is the first."""
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
        """Count a client out. Returns whether it was the last."""
        with self._lock:
            # A client that is closed without having been entered counts for nothing.
            self._users = max(self._users - 1, 0)
            return self._users == 0


def sides_of(
    inner: Any, family: Family, http: dict[str, Any], emit: EventEmitter
) -> tuple[Side, Side]:
    """
    Check what a layer was given, and return its asynchronous and its synchronous side.

    Raises:
        TypeError: `inner` is no transport, or one of the other family; an option is
            unknown, or given together with an `inner`.
        ValueError: A proxy, given or from the environment, cannot be used.
        ImportError: `http2=True` without its extra.
    """
    _check_known(http)
    if inner is None:
        _check_options(family, http)
        routes = _routes(family, http)
        return (
            Side(
                None,
                lambda: PooledTransport(family, http, routes, emit, asynchronous=True),
            ),
            Side(
                None,
                lambda: PooledTransport(family, http, routes, emit, asynchronous=False),
            ),
        )
    _check_inner(inner, family, http)
    return (
        _given(
            inner, "handle_async_request", f"sync and cannot serve {family.name}.Async"
        ),
        _given(inner, "handle_request", f"async and cannot serve {family.name}."),
    )


def _given(inner: Any, handler: str, problem: str) -> Side:
    def refuse() -> Any:
        kind = type(inner).__name__
        msg = f"{kind} is {problem}Client: give an inner transport that has {handler}"
        raise TypeError(msg)

    return Side(inner if hasattr(inner, handler) else None, refuse)


def _routes(family: Family, http: dict[str, Any]) -> Routes:
    """A stock client lets `proxy` come first; and a socket file needs no proxy."""
    if not http.get("trust_env", True):
        return []
    named = http.get("proxy") is not None or http.get("uds") is not None
    return [] if named else routes_of_environment(family)


def _check_known(http: dict[str, Any]) -> None:
    if unknown := sorted(http.keys() - _OPTIONS):
        hints = [
            f"{name}= is {_ELSEWHERE[name]}" for name in unknown if name in _ELSEWHERE
        ]
        msg = (
            f"unknown option {', '.join(unknown)}: besides its own options this takes "
            f"those of the default inner transport, {', '.join(sorted(_OPTIONS))}"
        )
        raise TypeError("; ".join([msg, *hints]))


def _check_options(family: Family, http: dict[str, Any]) -> None:
    if not hasattr(http.get("limits", family.limits), "max_connections"):
        msg = f"limits is a {family.name}.Limits, got {http['limits']!r}"
        raise TypeError(msg)
    if http.get("http2") and find_spec("h2") is None:
        msg = "http2=True needs the h2 package: pip install 'httpx_resilient[http2]'"
        raise ImportError(msg)
    proxy = http.get("proxy")
    if proxy is not None and not isinstance(proxy, family.proxy):
        family.proxy(proxy)


def _check_inner(inner: object, family: Family, http: dict[str, Any]) -> None:
    kind = inner.__name__ if isinstance(inner, type) else type(inner).__name__
    if not is_transport(inner):
        msg = (
            f"inner must be a transport such as {family.name}.AsyncHTTPTransport(), "
            f"got {kind}"
        )
        raise TypeError(msg)
    if isinstance(inner, type):
        msg = f"inner is the class {kind}: give an instance, {kind}()"
        raise TypeError(msg)
    if http:
        msg = (
            f"{', '.join(sorted(http))} cannot be given together with an inner "
            f"transport: give it to {kind} itself"
        )
        raise TypeError(msg)
    if not isinstance(inner, family.bases):
        for base in type(inner).__mro__:
            home = home_of(base)
            if home is not None and home != family.home:
                msg = (
                    f"{kind} is a transport of {base.__module__}: import from {home} "
                    f"to wrap it, this one is for {family.name}"
                )
                raise TypeError(msg)


def is_transport(given: object) -> bool:
    """Tell a transport by what it does: neither library asks for its own classes."""
    return hasattr(given, "handle_request") or hasattr(given, "handle_async_request")


def home_of(kind: type) -> str | None:
    """Where we bind the library that a class comes from; `None` if it is of neither."""
    return _HOMES.get(kind.__module__.partition(".")[0])
