"""A real HTTP/2 server on loopback that refuses as it is told."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable

import h2.config
import h2.connection
import h2.events
import trustme

from support.tls_server import served_by

Answer = Callable[[h2.connection.H2Connection, int], bool]
"""Answers one stream; returns whether the connection goes on."""


def ok(connection: h2.connection.H2Connection, stream: int) -> bool:
    connection.send_headers(stream, [(":status", "200")], end_stream=True)
    return True


def defer(connection: h2.connection.H2Connection, stream: int) -> bool:
    """Leave the request unanswered for now."""
    return True


def refuse(code: int) -> Answer:
    def answer(connection: h2.connection.H2Connection, stream: int) -> bool:
        connection.reset_stream(stream, code)
        return True

    return answer


def go_away(last_stream_id: int, code: int = 0) -> Answer:
    def answer(connection: h2.connection.H2Connection, stream: int) -> bool:
        connection.close_connection(code, last_stream_id=last_stream_id)
        return False

    return answer


def leave(last_stream_id: int, code: int = 0) -> Answer:
    """Announce the end of the connection, and go on serving it."""

    def answer(connection: h2.connection.H2Connection, stream: int) -> bool:
        state = connection.state_machine.state
        connection.close_connection(code, last_stream_id=last_stream_id)
        connection.state_machine.state = state
        return True

    return answer


class H2Server:
    """
    Without an authority, by prior knowledge; with one, over TLS and by ALPN.

    Each request consumes one step of the script; after it, all are answered.

    Args:
        script: The answers, at the end of each request.
        authority: The certificate authority of the server.
        on_headers: Called with each request's headers; the connection ends if it
            returns `False`.
    """

    def __init__(
        self,
        *script: Answer,
        authority: trustme.CA | None = None,
        on_headers: Answer | None = None,
    ) -> None:
        self._script = list(script)
        self._on_headers = on_headers or (lambda connection, stream: True)
        self._context = None if authority is None else served_by(authority, "h2")
        self.bodies: list[bytes] = []
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        scheme = "http" if authority is None else "https"
        self.url = f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}/"
        self.open_connections: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def requests(self) -> int:
        return len(self.bodies)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                self.connections += 1
                thread = threading.Thread(target=self._serve, args=(sock,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError), sock:
            if self._context is not None:
                sock = self._context.wrap_socket(sock, server_side=True)
            with sock:
                self.open_connections.append(sock)
                self._talk(sock)

    def _talk(self, sock: socket.socket) -> None:
        config = h2.config.H2Configuration(client_side=False)
        connection = h2.connection.H2Connection(config)
        connection.initiate_connection()
        sock.sendall(connection.data_to_send())
        bodies: dict[int, bytes] = {}
        going = True
        while data := sock.recv(65536):
            # After a GOAWAY the client has the word: it closes.
            for event in connection.receive_data(data) if going else []:
                match event:
                    case h2.events.RequestReceived():
                        bodies[event.stream_id] = b""
                        going = going and self._on_headers(connection, event.stream_id)
                    case h2.events.DataReceived():
                        bodies[event.stream_id] += event.data
                        if going:
                            connection.acknowledge_received_data(
                                event.flow_controlled_length, event.stream_id
                            )
                    case h2.events.StreamEnded():
                        self.bodies.append(bodies.pop(event.stream_id))
                        answer = self._script.pop(0) if self._script else ok
                        going = answer(connection, event.stream_id)
            sock.sendall(connection.data_to_send())

    def __enter__(self) -> H2Server:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for sock in self.open_connections:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
