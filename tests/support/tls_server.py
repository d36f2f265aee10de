"""The scripted server of all tests, over TLS."""

from __future__ import annotations

import contextlib
import socket
import ssl

import trustme

from support.server import Server, Step


def served_by(authority: trustme.CA, *protocols: str) -> ssl.SSLContext:
    """A server's side of TLS; protocols are offered by ALPN."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    if protocols:
        context.set_alpn_protocols(protocols)
    return context


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    """A client's side of TLS, which trusts this authority alone."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)
    return context


class TLSServer(Server):
    def __init__(self, authority: trustme.CA, *script: Step) -> None:
        self._context = served_by(authority)
        super().__init__(*script)
        self.url = self.url.replace("http", "https")

    def _serve(self, sock: socket.socket, number: int) -> None:
        # A client that does not trust us ends the handshake. It was counted before.
        with sock, contextlib.suppress(OSError):
            tls = self._context.wrap_socket(sock, server_side=True)
            with self._lock:
                self.open_connections.discard(sock)
                self.open_connections.add(tls)
            super()._serve(tls, number)
