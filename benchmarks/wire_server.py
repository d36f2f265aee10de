"""
The server of the wire part: a process of its own, whose instructions are not counted.

It answers `/` with a few bytes and `/stream` with 1 MiB, after reading what is sent. It
prints its port, its port of TLS, and where the certificate is that signed its own one,
and ends with its standard input.
"""

from __future__ import annotations

import json
import socketserver
import ssl
import sys
import threading
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import trustme

HOST = "127.0.0.1"
_ANSWERS = {b"/": b"ok", b"/stream": bytes(1 << 20)}


class _Connection(socketserver.StreamRequestHandler):
    wbufsize = -1

    def handle(self) -> None:
        """Answer each request."""
        while line := self.rfile.readline():
            length = 0
            while (field := self.rfile.readline().lower()) not in {b"\r\n", b""}:
                name, _, value = field.partition(b":")
                if name == b"content-length":
                    length = int(value)
            self.rfile.read(length)
            body = _ANSWERS[line.split()[1]]
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n")
            self.wfile.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
            self.wfile.flush()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    tls: ssl.SSLContext | None = None

    def get_request(self) -> Any:
        """Accept a connection."""
        sock, address = super().get_request()
        if self.tls is not None:
            sock = self.tls.wrap_socket(sock, server_side=True)
        return sock, address


def main() -> None:
    """Serve until standard input is closed."""
    authority = trustme.CA()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HOST).configure_cert(tls)
    with (
        TemporaryDirectory() as folder,
        _Server((HOST, 0), _Connection) as plain,
        _Server((HOST, 0), _Connection) as secure,
    ):
        secure.tls = tls
        certificate = Path(folder, "authority.pem")
        authority.cert_pem.write_to_path(str(certificate))
        for server in plain, secure:
            threading.Thread(target=server.serve_forever, daemon=True).start()
        ports = (server.server_address[1] for server in (plain, secure))
        print(json.dumps([*ports, str(certificate)]), flush=True)
        sys.stdin.read()
        for server in plain, secure:
            server.shutdown()


if __name__ == "__main__":
    main()
