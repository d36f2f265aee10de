"""Refusals in TLS: one handshake, and an exception of the family that names them."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import trustme
from support.tls_server import trusting
from support.world import World

from httpx_resilient import attempts_of
from httpx_resilient._core.family_errors import as_family_error

pytestmark = pytest.mark.anyio

VERSIONS = {"TLS 1.2": ssl.TLSVersion.TLSv1_2, "TLS 1.3": ssl.TLSVersion.TLSv1_3}
PROTOCOLS = {"HTTP/1.1": "http/1.1", "HTTP/2": "h2"}

ours, foreign = trustme.CA(), trustme.CA()


class TLSPort:
    """
    Accepts connections, and counts them.

    A server that closes while it has unread bytes resets the connection: then its alert
    may get lost. This one reads on until the client has closed.
    """

    def __init__(self, serve: Callable[[socket.socket], None]) -> None:
        self._serve = serve
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                self.connections += 1
                thread = threading.Thread(target=self._talk, args=(sock,))
                self._threads.append(thread)
                thread.start()

    def _talk(self, sock: socket.socket) -> None:
        with sock, contextlib.suppress(OSError):
            sock.settimeout(10)
            self._serve(sock)
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(65536):
                pass

    def __enter__(self) -> TLSPort:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()


def over_tls(context: ssl.SSLContext) -> Callable[[socket.socket], None]:
    """Make a handshake, and answer nothing."""

    def serve(sock: socket.socket) -> None:
        tls = context.wrap_socket(
            sock.dup(), server_side=True, do_handshake_on_connect=False
        )
        with tls, contextlib.suppress(ssl.SSLError):
            tls.do_handshake()
            while tls.recv(65536):
                pass

    return serve


def saying(answer: bytes) -> Callable[[socket.socket], None]:
    """Read the first packet, and say this."""

    def serve(sock: socket.socket) -> None:
        sock.recv(65536)
        sock.sendall(answer)

    return serve


def alert(number: int) -> Callable[[socket.socket], None]:
    return saying(bytes([21, 3, 3, 0, 2, 2, number]))


def server_context(authority: trustme.CA = ours, name: str = "127.0.0.1") -> Any:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


def asking_for_a_certificate() -> Any:
    context = server_context()
    context.verify_mode = ssl.CERT_REQUIRED
    ours.configure_trust(context)
    return context


def with_certificate_of(authority: trustme.CA) -> Any:
    context = trusting(ours)
    authority.issue_cert("client.example").configure_cert(context)
    return context


def limited_to(version: ssl.TLSVersion, context: Any) -> Any:
    context.minimum_version = context.maximum_version = version
    return context


def ciphers(names: str, context: Any) -> Any:
    context.set_ciphers(names)
    return context


Case = tuple[Callable[[], Any], Callable[[], Any], str]

BY_HANDSHAKE: dict[str, Case] = {
    "no client certificate": (
        asking_for_a_certificate,
        lambda: trusting(ours),
        "certificate required|handshake failure",
    ),
    "an untrusted client certificate": (
        asking_for_a_certificate,
        lambda: with_certificate_of(foreign),
        "unknown ca",
    ),
    "an unknown authority": (
        lambda: server_context(foreign),
        lambda: trusting(ours),
        "certificate verify failed",
    ),
    "another name": (
        lambda: server_context(name="elsewhere.example"),
        lambda: trusting(ours),
        "IP address mismatch",
    ),
}
BY_SETTINGS: dict[str, Case] = {
    "no common version": (
        lambda: limited_to(ssl.TLSVersion.TLSv1_3, server_context()),
        lambda: limited_to(ssl.TLSVersion.TLSv1_2, trusting(ours)),
        "protocol version",
    ),
    "no common cipher": (
        lambda: ciphers(
            "AES128-SHA", limited_to(ssl.TLSVersion.TLSv1_2, server_context())
        ),
        lambda: ciphers("ECDHE+AESGCM", trusting(ours)),
        "handshake failure",
    ),
}
BY_ANSWER: dict[str, tuple[Callable[[socket.socket], None], str]] = {
    "plain HTTP": (saying(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "wrong version number"),
    "unrecognized_name": (alert(112), "unrecognized name"),
    "access_denied": (alert(49), "access denied"),
    "no_application_protocol": (alert(120), "no application protocol"),
}


def naming(world: World, inner: Any) -> Any:
    """Wrap a transport of the family, as the pool does."""
    base: Any = world.library.BaseTransport
    base = base if world.sync else world.library.AsyncBaseTransport

    class Naming(base):  # type: ignore[misc]  # a base that the world chooses
        def handle_request(self, request: Any) -> Any:
            with named():
                return inner.handle_request(request)

        async def handle_async_request(self, request: Any) -> Any:
            with named():
                return await inner.handle_async_request(request)

        def close(self) -> None:
            inner.close()

        async def aclose(self) -> None:
            await inner.aclose()

    @contextlib.contextmanager
    def named() -> Iterator[None]:
        try:
            yield
        except Exception as error:
            family = world.ours._FAMILY
            raised = as_family_error(error, family, fresh=True)
            if raised is error:
                raise
            raise raised from error

    return Naming()


async def failure(world: World, url: str, method: str = "GET", **options: Any) -> Any:
    """Return the exception of a request."""
    transport = world.transport(naming(world, world.http(**options)))
    async with world.client(transport) as client:
        with pytest.raises(world.library.TransportError) as caught:
            await client.request(method, url)
    return caught.value


def parametrized(cases: dict[str, Any]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases.values(), ids=cases.keys())


@parametrized(BY_HANDSHAKE)
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_refused_certificate_costs_one_handshake(
    world: World, case: Case, version: str, protocol: str
) -> None:
    serving, using, expected = case
    context = limited_to(VERSIONS[version], serving())
    context.set_alpn_protocols([PROTOCOLS[protocol]])
    is_http2 = protocol == "HTTP/2"
    with TLSPort(over_tls(context)) as server:
        error = await failure(
            world, f"https://{server.address}/", verify=using(), http2=is_http2
        )
    assert (len(attempts_of(error)), server.connections) == (1, 1)
    assert isinstance(error, world.library.NetworkError)
    assert contains(error, expected)


@parametrized(BY_SETTINGS)
async def test_settings_that_do_not_match_cost_one_handshake(
    world: World, case: Case
) -> None:
    serving, using, expected = case
    with TLSPort(over_tls(serving())) as server:
        error = await failure(world, f"https://{server.address}/", verify=using())
    assert (len(attempts_of(error)), server.connections) == (1, 1)
    assert isinstance(error, world.library.ConnectError)
    assert contains(error, expected)


@parametrized(BY_ANSWER)
async def test_a_refusing_answer_costs_one_handshake(world: World, case: Any) -> None:
    serve, expected = case
    with TLSPort(serve) as server:
        error = await failure(
            world, f"https://{server.address}/", "POST", verify=trusting(ours)
        )
    assert (len(attempts_of(error)), server.connections) == (1, 1)
    assert isinstance(error, world.library.ConnectError)
    assert contains(error, expected)


@pytest.mark.parametrize(
    "serve",
    [alert(80), lambda sock: sock.recv(65536)],
    ids=["internal_error", "it closes"],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_server_in_trouble_is_tried_again(
    world: World, serve: Any, method: str
) -> None:
    with TLSPort(serve) as server:
        error = await failure(
            world, f"https://{server.address}/", method, verify=trusting(ours)
        )
    assert (len(attempts_of(error)), server.connections) == (3, 3)
    assert isinstance(error, world.library.ConnectError)


async def test_plain_http_at_a_tls_port_costs_one_connection(world: World) -> None:
    with TLSPort(alert(70)) as server:
        error = await failure(world, f"http://{server.address}/")
    assert (len(attempts_of(error)), server.connections) == (1, 1)
    assert isinstance(error, world.library.RemoteProtocolError)
    assert contains(error, "https://")


def contains(error: Exception, expected: str) -> bool:
    text = str(error).lower()
    return any(each.lower() in text for each in expected.split("|"))
