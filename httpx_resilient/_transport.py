"""
The base layer: a transport around an inner transport, for both sides.

One class serves synchronous and asynchronous clients, as `httpx.MockTransport` does. A
layer adds one flow, `_handle`; everything that is the same for all layers is here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from importlib.util import find_spec
from threading import Lock
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypedDict, TypeVar

from httpx_resilient._family import Family, RequestT, ResponseT
from httpx_resilient._io import IO, AsyncIO, SyncIO, run_sync
from httpx_resilient._proxies import Routes, default_transport, routes_of_environment

if TYPE_CHECKING:
    import ssl
    from types import CoroutineType, TracebackType

LimitsT = TypeVar("LimitsT")
ProxyT = TypeVar("ProxyT")
InnerT = TypeVar("InnerT")

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
_HOMES = {"httpx": "httpx_resilient", "httpx2": "httpx_resilient.httpx2"}


class ResilientTransport(ABC, Generic[RequestT, ResponseT, InnerT]):
    """
    A layer around `inner`, or around the family's own HTTP transport if there is none.

    Args:
        inner: The transport to wrap. It is entered, exited and closed with this one.
        http: Options for the default inner transport. It is built on first use, for
            the side that is used, and goes through the proxies that the environment
            names now, unless `proxy`, `uds` or `trust_env=False` says otherwise.

    Raises:
        TypeError: `inner` is no transport, or one of the other family; an option is
            unknown, or given together with an `inner`.
        ValueError: A proxy, given or from the environment, cannot be used.
        ImportError: `http2=True` without its extra.
    """

    _family: ClassVar[Family]

    def __init__(self, inner: InnerT | None, http: dict[str, Any]) -> None:
        if inner is None:
            build = _default_inner(self._family, http)
        else:
            _check_inner(inner, self._family, http)
            build = _given_inner(inner, self._family)
        self._async_side = _Side(build, asynchronous=True)
        self._sync_side = _Side(build, asynchronous=False)
        self._io: AsyncIO[RequestT, ResponseT] | None = None

    @abstractmethod
    async def _handle(
        self, request: RequestT, io: IO[RequestT, ResponseT]
    ) -> ResponseT:
        """Run this layer's flow."""

    # The flow's coroutine is handed out as it is: one frame less to await.
    def handle_async_request(
        self, request: RequestT
    ) -> CoroutineType[Any, Any, ResponseT]:
        """Handle a request of an asynchronous client."""
        return self._handle(request, self._io or self._open())  # type: ignore[return-value]  # to mypy a coroutine is a Coroutine, to pyright a CoroutineType

    def _open(self) -> AsyncIO[RequestT, ResponseT]:
        self._io = AsyncIO(self._async_side.transport())
        return self._io

    def handle_request(self, request: RequestT) -> ResponseT:
        """Handle a request of a synchronous client."""
        return run_sync(self._handle(request, SyncIO(self._sync_side.transport())))

    async def __aenter__(self) -> Self:
        inner = self._async_side.transport()
        with self._async_side.entering() as first:
            if first:
                await inner.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        if self._async_side.left():
            inner = self._async_side.transport()
            await inner.__aexit__(exc_type, exc_value, traceback)

    async def aclose(self) -> None:
        """Close the inner transport of asynchronous clients, if it was ever used."""
        if self._async_side.made is not None:
            await self._async_side.made.aclose()

    def __enter__(self) -> Self:
        inner = self._sync_side.transport()
        with self._sync_side.entering() as first:
            if first:
                inner.__enter__()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        if self._sync_side.left():
            inner = self._sync_side.transport()
            inner.__exit__(exc_type, exc_value, traceback)

    def close(self) -> None:
        """Close the inner transport of synchronous clients, if it was ever used."""
        if self._sync_side.made is not None:
            self._sync_side.made.close()

    def __repr__(self) -> str:
        # An inner transport may tell more than a log should hold, so it is not asked.
        return f"<{type(self).__name__}>"


class _Side:
    """The synchronous or asynchronous inner transport: made once, entered once."""

    def __init__(self, build: Callable[[bool], Any], *, asynchronous: bool) -> None:
        self.made: Any = None
        self._build = build
        self._asynchronous = asynchronous
        self._users = 0
        self._lock = Lock()

    def transport(self) -> Any:
        """Return the inner transport. Threads may ask for it at the same time."""
        if self.made is None:
            with self._lock:
                if self.made is None:
                    self.made = self._build(self._asynchronous)
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
            self._users -= 1
            return self._users == 0


def _default_inner(family: Family, http: dict[str, Any]) -> Callable[[bool], Any]:
    _check_options(family, http)
    use_environment = (
        http.get("trust_env", True)
        and http.get("proxy") is None
        and http.get("uds") is None
    )
    routes: Routes = routes_of_environment(family) if use_environment else []

    def build(asynchronous: bool) -> Any:  # noqa: FBT001 - the side, nothing else
        return default_transport(
            family, asynchronous=asynchronous, options=http, routes=routes
        )

    return build


def _check_options(family: Family, http: dict[str, Any]) -> None:
    if "retries" in http:
        msg = "retries= would multiply with ours: use stop=stop_after_attempt(n)"
        raise TypeError(msg)
    if unknown := sorted(http.keys() - _OPTIONS):
        msg = (
            f"unknown option {', '.join(unknown)}: the default inner transport takes "
            f"{', '.join(sorted(_OPTIONS))}"
        )
        raise TypeError(msg)
    if not hasattr(http.get("limits", family.limits), "max_connections"):
        msg = f"limits is a {family.name}.Limits, got {http['limits']!r}"
        raise TypeError(msg)
    if http.get("http2") and find_spec("h2") is None:
        msg = "http2=True needs the h2 package: pip install 'httpx_resilient[http2]'"
        raise ImportError(msg)
    proxy = http.get("proxy")
    if proxy is not None and not isinstance(proxy, family.proxy):
        family.proxy(proxy)


def _given_inner(inner: Any, family: Family) -> Callable[[bool], Any]:
    def build(asynchronous: bool) -> Any:  # noqa: FBT001 - the side, nothing else
        handler = "handle_async_request" if asynchronous else "handle_request"
        if hasattr(inner, handler):
            return inner
        client, other = ("AsyncClient", "sync") if asynchronous else ("Client", "async")
        msg = (
            f"{type(inner).__name__} is {other} and cannot serve "
            f"{family.name}.{client}: give an inner transport that has {handler}"
        )
        raise TypeError(msg)

    return build


def _check_inner(inner: object, family: Family, http: dict[str, Any]) -> None:
    kind = type(inner).__name__
    if isinstance(inner, type):
        msg = (
            f"inner is the class {inner.__name__}: give an instance, {inner.__name__}()"
        )
        raise TypeError(msg)
    if not (hasattr(inner, "handle_request") or hasattr(inner, "handle_async_request")):
        msg = (
            f"inner must be a transport such as {family.name}.AsyncHTTPTransport(), "
            f"got {kind}"
        )
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


def home_of(kind: type) -> str | None:
    """Where we bind the library that a class comes from; `None` if it is of neither."""
    return _HOMES.get(kind.__module__.partition(".")[0])
