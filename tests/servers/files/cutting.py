"""A proxy on loopback that cuts connections after so many bytes of an answer."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from typing import Self


class CuttingProxy:
    """
    Passes bytes on between clients and a server, and cuts the first connections.

    Args:
        port: That of the server.
        after: Bytes to a client after which a connection is cut.
        times: How many connections are cut.
        reset: Whether by a RST, else by a FIN.
    """

    def __init__(self, port: int, after: int, times: int, *, reset: bool) -> None:
        self._server = port
        self._after = after
        self._left = times
        self._reset = reset
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                threading.Thread(target=self._pass, args=(client,), daemon=True).start()

    def _pass(self, client: socket.socket) -> None:
        server = socket.create_connection(("127.0.0.1", self._server))
        with client, server, contextlib.suppress(OSError):
            threading.Thread(
                target=self._requests, args=(client, server), daemon=True
            ).start()
            cuts = self._left > 0
            left = self._after
            while data := server.recv(65536):
                if cuts and len(data) >= left:
                    self._left -= 1
                    client.sendall(data[:left])
                    if self._reset:
                        linger = struct.pack("ii", 1, 0)
                        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    else:
                        client.shutdown(socket.SHUT_RDWR)
                    return
                left -= len(data)
                client.sendall(data)
            client.shutdown(socket.SHUT_WR)

    @staticmethod
    def _requests(client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(65536):
                server.sendall(data)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
