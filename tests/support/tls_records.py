"""A server over TLS that says which records go together in one packet."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Callable

import trustme

from support.server import Gone, Server
from support.tls_server import served_by


class Records:
    """
    The server's side of one connection: what is written is sent when it is asked to.

    Args:
        sock: The socket below TLS.
        context: The settings of TLS.
    """

    def __init__(self, sock: socket.socket, context: ssl.SSLContext) -> None:
        self.sock = sock
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)

    def taken(self) -> bytes:
        """Take what is to be sent."""
        return self._outgoing.read()

    def send(self) -> None:
        self.sock.sendall(self.taken())

    def receive_more(self) -> None:
        data = self.sock.recv(65536)
        if not data:
            raise Gone
        self._incoming.write(data)

    def shake_hands(self) -> None:
        """Do the handshake, but keep the last of its records."""
        while True:
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                self.send()
                self.receive_more()
            else:
                return

    def receive_request(self) -> None:
        received = b""
        while b"\r\n\r\n" not in received:
            try:
                received += self.tls.read(65536)
            except ssl.SSLWantReadError:
                self.receive_more()


class RecordServer(Server):
    """Plays the same play on each connection."""

    def __init__(
        self,
        authority: trustme.CA,
        play: Callable[[Records], None],
        version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
    ) -> None:
        self._context = served_by(authority)
        self._context.maximum_version = version
        self._play = play
        super().__init__()
        self.url = self.url.replace("http", "https")

    def _serve(self, sock: socket.socket, number: int) -> None:
        with sock, contextlib.suppress(OSError, Gone):
            records = Records(sock, self._context)
            records.shake_hands()
            self._play(records)
            while sock.recv(65536):
                pass
