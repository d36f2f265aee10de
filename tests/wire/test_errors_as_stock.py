"""Failures: the wire raises what the connection of the client's own library raises."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import trustme
from support.addresses import NAME, dead, resolve
from support.server import Connection, Server, close, head, raw, reset, stall
from support.tls_server import TLSServer, served_by, trusting
from support.world import World

from httpx_resilient._core.causes import causes_of
from httpx_resilient._core.classify import (
    ALWAYS,
    IF_IDEMPOTENT,
    NEVER,
    classify_error,
)
from httpx_resilient._wire.stream import NetworkStream

pytestmark = pytest.mark.anyio

HEAD = head(200, {"content-length": "10"})
CHUNKED = head(200, {"transfer-encoding": "chunked"})
HTTP = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"

Serve = Callable[[socket.socket], None]


@contextlib.contextmanager
def port(serve: Serve, *, tls: bool = False) -> Iterator[str]:
    """Serve each connection, and reset none: what was sent to it is read to its end."""
    listener = socket.create_server(("127.0.0.1", 0))
    threads = []

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = listener.accept()
                threads.append(threading.Thread(target=talk, args=(sock,)))
                threads[-1].start()

    def talk(sock: socket.socket) -> None:
        with sock, contextlib.suppress(OSError):
            sock.settimeout(5)
            serve(sock)
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(65536):
                pass

    threads.append(threading.Thread(target=accept))
    threads[0].start()
    try:
        scheme = "https" if tls else "http"
        yield f"{scheme}://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for thread in threads:
            thread.join()


def refused() -> Any:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number = listener.getsockname()[1]
    return contextlib.nullcontext(f"http://127.0.0.1:{number}/")


def unknown() -> Any:
    return contextlib.nullcontext(f"http://{NAME}/")


@contextlib.contextmanager
def unreachable(scheme: str = "http") -> Iterator[str]:
    with dead("127.0.0.2") as (listener,):
        yield f"{scheme}://127.0.0.2:{listener.getsockname()[1]}/"


@contextlib.contextmanager
def answering(step: Callable[[Connection], bool], tls: Any = None) -> Iterator[str]:
    with Server(step) if tls is None else TLSServer(tls, step) as server:
        yield server.url


def saying(answer: bytes) -> Serve:
    def serve(sock: socket.socket) -> None:
        sock.recv(65536)
        sock.sendall(answer)

    return serve


def silent(sock: socket.socket) -> None:
    with contextlib.suppress(TimeoutError):
        while sock.recv(65536):
            pass


def refusing_certificates(authority: trustme.CA) -> Serve:
    context = served_by(authority)
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)
    return handshake(context)


def handshake(context: ssl.SSLContext) -> Serve:
    def serve(sock: socket.socket) -> None:
        tls = context.wrap_socket(
            sock.dup(), server_side=True, do_handshake_on_connect=False
        )
        with tls, contextlib.suppress(ssl.SSLError):
            tls.do_handshake()
            while tls.recv(65536):
                pass

    return serve


def reading_nothing(connection: Connection) -> bool:
    time.sleep(0.6)
    return False


Case = tuple[Callable[[trustme.CA], Any], str, Any]

CASES: dict[str, Case] = {
    "refused": (lambda _: refused(), "ConnectError", ALWAYS),
    "unknown host": (lambda _: unknown(), "ConnectError", ALWAYS),
    "connect timeout": (lambda _: unreachable(), "ConnectTimeout", ALWAYS),
    "an unknown authority": (
        lambda _: port(handshake(served_by(trustme.CA())), tls=True),
        "ConnectError",
        NEVER,
    ),
    "TLS to a plain port": (
        lambda _: port(saying(HTTP), tls=True), "ConnectError", NEVER,
    ),
    "plain to a TLS port": (
        lambda a: port(handshake(served_by(a))), "RemoteProtocolError", IF_IDEMPOTENT,
    ),
    "no client certificate": (
        lambda a: port(refusing_certificates(a), tls=True), "ReadError", NEVER,
    ),
    "end in the handshake": (
        lambda _: port(saying(b""), tls=True), "ConnectError", ALWAYS,
    ),
    "handshake timeout": (
        lambda _: port(silent, tls=True), "ConnectTimeout", ALWAYS,
    ),
    "read timeout": (lambda _: answering(stall()), "ReadTimeout", IF_IDEMPOTENT),
    "read timeout, TLS": (
        lambda a: answering(stall(), a), "ReadTimeout", IF_IDEMPOTENT,
    ),
    "read timeout in the body": (
        lambda _: answering(stall(HEAD)), "ReadTimeout", IF_IDEMPOTENT,
    ),
    "write timeout": (
        lambda _: answering(reading_nothing), "WriteTimeout", IF_IDEMPOTENT,
    ),
    "end before the head": (
        lambda _: answering(close()), "RemoteProtocolError", IF_IDEMPOTENT,
    ),
    "end before the head, TLS": (
        lambda a: answering(close(), a), "RemoteProtocolError", IF_IDEMPOTENT,
    ),
    "end in the head": (
        lambda _: answering(close(HEAD[:20])), "RemoteProtocolError", IF_IDEMPOTENT,
    ),
    "reset before the head": (
        lambda _: answering(reset()), "ReadError", IF_IDEMPOTENT,
    ),
    "reset in the head": (
        lambda _: answering(reset(HEAD[:20])), "ReadError", IF_IDEMPOTENT,
    ),
    "reset in a counted body": (
        lambda _: answering(reset(HEAD + b"abc")), "ReadError", IF_IDEMPOTENT,
    ),
    "reset in a body until the end": (
        lambda _: answering(reset(head(200, {}) + b"abc")), "ReadError", IF_IDEMPOTENT,
    ),
    "end in a counted body": (
        lambda _: answering(close(HEAD + b"abc")), "RemoteProtocolError", IF_IDEMPOTENT,
    ),
    "end in a counted body, TLS": (
        lambda a: answering(close(HEAD + b"abc"), a),
        "RemoteProtocolError",
        IF_IDEMPOTENT,
    ),
    "end in a chunked body": (
        lambda _: answering(close(CHUNKED + b"5\r\nab")),
        "RemoteProtocolError",
        IF_IDEMPOTENT,
    ),
    "no HTTP": (
        lambda _: answering(raw(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")),
        "RemoteProtocolError",
        IF_IDEMPOTENT,
    ),
}  # fmt: skip


async def failure(world: World, url: str, authority: trustme.CA, case: str) -> Any:
    """Return the exception of a request."""
    request: dict[str, Any] = {"method": "GET"}
    if case == "write timeout":
        request = {"method": "POST", "content": b"x" * 32_000_000}
    timeout = world.library.Timeout(5)
    if "timeout" in case:
        timeout = world.library.Timeout(0.2)
    transport = world.ours.PoolingTransport(verify=trusting(authority))
    async with world.client(transport, timeout=timeout) as client:
        with pytest.raises(world.library.TransportError) as caught:
            await client.request(url=url, **request)
    await world.sleep(0.01)  # the loop closes a connection in its next turn
    return caught.value


# Stock leaves a generator when the writing of a body takes too long on trio.
stock = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.mark.parametrize(
    "wire",
    [pytest.param("1", id="wire"), pytest.param("0", id="stock", marks=stock)],
)
@pytest.mark.parametrize("case", CASES)
async def test_a_failure_has_the_class_the_verdict_and_the_cause_of_stock(
    world: World, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch, case: str,
    wire: str,
) -> None:  # fmt: skip
    monkeypatch.setenv("HTTPX_RESILIENT_WIRE", wire)
    resolve(monkeypatch, [])
    if case == "unknown host":
        monkeypatch.setattr(socket, "getaddrinfo", no_such_name)
    make, name, verdict = CASES[case]
    if case == "write timeout":
        make = lambda _: unread()  # noqa: E731
    with make(authority) as url:
        error = await failure(world, url, authority, case)
    assert (type(error).__name__, classify_error(error, world.ours._FAMILY)) == (
        name,
        verdict,
    )
    if wire == "1":  # stock has none for the timeouts of trio
        causes = [each for each in causes_of(error) if isinstance(each, OSError)]
        assert bool(causes) == (name != "RemoteProtocolError")


@contextlib.contextmanager
def unread() -> Iterator[str]:
    with Server(reading_nothing, read_body=False) as server:
        yield server.url


def no_such_name(*_: object, **__: object) -> Any:
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


async def test_the_wire_is_what_is_tested(world: World, server: Server) -> None:
    async with world.client(world.ours.PoolingTransport()) as client:
        response = await client.get(server.url)
    assert isinstance(response.extensions["network_stream"], NetworkStream)
