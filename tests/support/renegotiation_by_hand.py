"""A second handshake of TLS 1.2, answered when the test says so, without a socket."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import Any

import trustme
from OpenSSL import SSL

from support.renegotiation import context_of


class Between:
    """
    The transport of a connection, and the server behind it.

    Args:
        authority: Who has signed the certificate of the server.
    """

    def __init__(self, authority: trustme.CA) -> None:
        self._ours, self._theirs = socket.socketpair()
        self._server = SSL.Connection(context_of(authority), None)
        self._server.set_accept_state()
        self._sent = b""
        self.received = b""

    # The transport.

    def write(self, data: bytes) -> None:
        self._sent += data

    def get_extra_info(self, _: str) -> socket.socket:
        return self._ours

    def abort(self) -> None:
        self._ours.close()
        self._theirs.close()

    # The server.

    def begins_anew(self, connection: Any) -> None:
        """Ask for a second handshake."""
        self._server.renegotiate()
        self.answers(connection)

    def answers(self, connection: Any) -> None:
        """Read what was written, and say what TLS has to say to it."""
        if self._sent:
            self._server.bio_write(self._sent)
            self._sent = b""
        with suppress(SSL.WantReadError):
            self._server.do_handshake()
        with suppress(SSL.WantReadError):
            while True:
                self.received += self._server.recv(65536)
        with suppress(SSL.WantReadError):
            answer = self._server.bio_read(1 << 20)
            connection.get_buffer(-1)[: len(answer)] = answer
            connection.buffer_updated(len(answer))
