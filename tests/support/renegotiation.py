"""A server of TLS 1.2 that begins a second handshake while a request comes in."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from OpenSSL import SSL

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


class RenegotiatingServer:
    """
    Serves one request, as a server does that wants a certificate for some paths only.

    Args:
        authority: Who has signed its certificate.
        size: Bytes of the body of the request.
    """

    def __init__(self, authority: trustme.CA, size: int) -> None:
        self._context = context_of(authority)
        self._size = size
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve)
        self.url = f"https://127.0.0.1:{self._listener.getsockname()[1]}/"
        self.renegotiations = 0
        self.body = b""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        sock, _ = self._listener.accept()
        with sock, contextlib.suppress(SSL.Error, OSError):
            tls = SSL.Connection(self._context, sock)
            tls.set_accept_state()
            tls.do_handshake()
            received = b""
            while b"\r\n\r\n" not in received:
                received += tls.recv(16384)
            self.body = received.partition(b"\r\n\r\n")[2]
            tls.renegotiate()
            tls.do_handshake()  # it asks for the second handshake
            while len(self.body) < self._size:
                self.body += tls.recv(16384)
            tls.sendall(ANSWER)
            self.renegotiations = tls.total_renegotiations()
            tls.shutdown()
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(65536):
                pass


def context_of(authority: trustme.CA) -> SSL.Context:
    """Return the settings of a server of TLS 1.2."""
    issued = authority.issue_cert("127.0.0.1")
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_max_proto_version(SSL.TLS1_2_VERSION)
    pem, key = issued.cert_chain_pems[0].bytes(), issued.private_key_pem.bytes()
    context.use_certificate(x509.load_pem_x509_certificate(pem))
    context.use_privatekey(serialization.load_pem_private_key(key, None))
    return context
