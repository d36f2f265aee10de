"""A real HTTP/2 server on loopback, by prior knowledge, that refuses as it is told."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable

import h2.config
import h2.connection
import h2.errors
import h2.events

Answer = Callable[[h2.connection.H2Connection, int], bool]
"""Answers one stream; returns whether the connection goes on."""


def ok(connection: h2.connection.H2Connection, stream: int) -> bool:
    connection.send_headers(stream, [(":status", "200")], end_stream=True)
    return True


def refuse(code: int) -> Answer:
    def answer(connection: h2.connection.H2Connection, stream: int) -> bool:
        connection.reset_stream(stream, code)
        return True

    return answer


def go_away(last_stream_id: int) -> Answer:
    def answer(connection: h2.connection.H2Connection, stream: int) -> bool:
        connection.close_connection(last_stream_id=last_stream_id)
        return False

    return answer


class H2Server:
    def __init__(self, *script: Answer) -> None:
        self._script = list(script)
        self.requests = 0
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()
        self._open: list[socket.socket] = []

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                self.connections += 1
                self._open.append(sock)
                thread = threading.Thread(target=self._serve, args=(sock,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve(self, sock: socket.socket) -> None:
        config = h2.config.H2Configuration(client_side=False)
        connection = h2.connection.H2Connection(config)
        connection.initiate_connection()
        going = True
        with sock, contextlib.suppress(OSError):
            sock.sendall(connection.data_to_send())
            while data := sock.recv(65536):
                for event in connection.receive_data(data) if going else []:
                    if isinstance(event, h2.events.StreamEnded):
                        self.requests += 1
                        answer = self._script.pop(0) if self._script else ok
                        going = answer(connection, event.stream_id)
                sock.sendall(connection.data_to_send())

    def __enter__(self) -> H2Server:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for sock in self._open:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
