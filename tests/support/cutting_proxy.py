"""A TCP proxy on loopback that cuts connections after so many bytes, on either side."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
from collections.abc import Iterable


class CuttingProxy:
    """
    Forward bytes to a server, and cut where a test says.

    Args:
        port: The port of the server.
        up: After how many bytes of clients, counted over all connections, the one that
            sends them is cut. Each is used once.
        down: After how many bytes of the server.
        answer_to: After how many bytes of clients the next answer is cut, before its
            first byte.
        reset: Whether both sides get a reset, and not an end.
    """

    def __init__(
        self,
        port: int,
        up: Iterable[int] = (),
        down: Iterable[int] = (),
        *,
        answer_to: int = 0,
        reset: bool = False,
    ) -> None:
        self._target = port
        self._reset = reset
        self._answer_to = answer_to
        self._cuts = {"up": sorted(up), "down": sorted(down)}
        self.passed = {"up": 0, "down": 0}
        self.cuts = 0
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._start(self._accept)

    def _start(self, target: object, *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)  # type: ignore[arg-type]  # a function
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._start(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        """Forward both ways in one thread: a socket that another one reads is not reset."""
        with contextlib.suppress(OSError), client:
            server = socket.create_connection(("127.0.0.1", self._target))
            with self._lock:
                self._sockets |= {client, server}
            with server:
                while self._forward(client, server):
                    pass
                for each in (client, server) if self._reset else ():
                    linger = struct.pack("ii", 1, 0)
                    each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    def _forward(self, client: socket.socket, server: socket.socket) -> bool:
        """Forward what has arrived. Return whether the connection goes on."""
        ready, _, _ = select.select([client, server], [], [])
        for source in ready:
            way, sink = ("up", server) if source is client else ("down", client)
            data = source.recv(65536)
            with self._lock:
                cuts, passed = self._cuts[way], self.passed[way]
                if way == "down" and 0 < self._answer_to <= self.passed["up"]:
                    cuts.insert(0, passed)
                    self._answer_to = 0
                is_cut = bool(data and cuts) and cuts[0] <= passed + len(data)
                if is_cut:
                    data = data[: max(cuts.pop(0) - passed, 0)]
                    self.cuts += 1
                self.passed[way] += len(data)
            sink.sendall(data)
            if is_cut or not data:
                return False
        return True

    def __enter__(self) -> CuttingProxy:
        return self

    def __exit__(self, *exc: object) -> None:
        # Closing alone does not wake a thread that accepts.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            sockets = list(self._sockets)
        for each in sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
