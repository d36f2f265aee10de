"""
A real HTTP/1.1 server on loopback that does exactly what a test says.

Each request consumes one step of the script; the last step answers all further ones.
Everything it receives is recorded, and every TCP connection counted.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field


@dataclass
class Received:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int
    at: float = field(default_factory=time.monotonic)


class Gone(Exception):
    """The client has closed the connection."""


class Connection:
    def __init__(self, sock: socket.socket, number: int) -> None:
        self.sock = sock
        self.number = number
        self.request: Received
        self._buffer = b""

    def receive(self, *, body: bool = True) -> Received:
        while b"\r\n\r\n" not in self._buffer:
            self._more()
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        request_line, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = request_line.split(" ")
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines)
        }
        content = self._body(headers) if body else b""
        self.request = Received(method, target, headers, content, self.number)
        return self.request

    def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding") == "chunked":
            content = b""
            while size := int(self._line(), 16):
                content += self._exactly(size)
                self._line()
            self._line()
            return content
        return self._exactly(int(headers.get("content-length", 0)))

    def _line(self) -> bytes:
        while b"\r\n" not in self._buffer:
            self._more()
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        return line

    def _exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._more()
        content, self._buffer = self._buffer[:size], self._buffer[size:]
        return content

    def _more(self) -> None:
        data = self.sock.recv(65536)
        if not data:
            raise Gone
        self._buffer += data

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)


Step = Callable[[Connection], bool]
"""Answers one request; returns whether the connection goes on."""


def head(status: int, headers: dict[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} Whatever"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def reply(status: int = 200, body: bytes = b"", **headers: str) -> Step:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    named.setdefault("content-length", str(len(body)))
    return raw(head(status, named) + body)


def raw(data: bytes, *, keep: bool = True) -> Step:
    def step(connection: Connection) -> bool:
        connection.send(data)
        return keep

    return step


def close(after: bytes = b"") -> Step:
    """Close, perhaps inside the headers or the body."""
    return raw(after, keep=False)


def reset(after: bytes = b"") -> Step:
    """Reset the connection: SO_LINGER 0."""

    def step(connection: Connection) -> bool:
        connection.send(after)
        linger = struct.pack("ii", 1, 0)
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        return False

    return step


def stall(after: bytes = b"", seconds: float = 60.0) -> Step:
    """Say nothing more, until the client goes away."""

    def step(connection: Connection) -> bool:
        connection.send(after)
        connection.sock.settimeout(seconds)
        with contextlib.suppress(OSError):
            connection.sock.recv(1)
        return False

    return step


def drip(
    status: int, pieces: Iterable[bytes], *, every: float = 0.0, **headers: str
) -> Step:
    """Send a chunked body piece by piece."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    def step(connection: Connection) -> bool:
        connection.send(head(status, {"transfer-encoding": "chunked", **named}))
        for piece in pieces:
            time.sleep(every)
            connection.send(b"%x\r\n%s\r\n" % (len(piece), piece))
        connection.send(b"0\r\n\r\n")
        return True

    return step


class Server:
    """Listens on loopback, or on a unix socket, in threads of its own."""

    def __init__(
        self, *script: Step, uds: str | None = None, read_body: bool = True
    ) -> None:
        self.script = list(script) or [reply()]
        self.received: list[Received] = []
        self.connections = 0
        self._read_body = read_body
        self._lock = threading.Lock()
        self.open_connections: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        if uds is None:
            self._listener = socket.create_server(("127.0.0.1", 0))
            self.port: int = self._listener.getsockname()[1]
            self.url = f"http://127.0.0.1:{self.port}/"
        else:
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(uds)
            self._listener.listen()
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    def play(self, *script: Step) -> None:
        self.script = list(script)

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
                self.open_connections.add(sock)
                thread = threading.Thread(
                    target=self._serve, args=(sock, self.connections), daemon=True
                )
                self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket, number: int) -> None:
        connection = Connection(sock, number)
        with sock, contextlib.suppress(OSError, Gone):
            going = True
            while going:
                request = connection.receive(body=self._read_body)
                with self._lock:
                    self.received.append(request)
                    step = (
                        self.script.pop(0) if len(self.script) > 1 else self.script[0]
                    )
                going = step(connection)
        with self._lock:
            self.open_connections.discard(sock)

    def stop(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for sock in self.open_connections:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
        self._acceptor.join()
        for thread in self._threads:
            thread.join()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def bodies(self) -> list[bytes]:
        return [request.body for request in self.received]

    @property
    def requests(self) -> int:
        return len(self.received)
