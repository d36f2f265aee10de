"""
The server of the bodies part: a process of its own, whose instructions are not counted.

The path of a request names the length of the answer in bytes, and whether it has a
strong validator: `/100000000/etag`, `/1000/none`. It prints its port, and ends with its
standard input.
"""

from __future__ import annotations

import json
import socketserver
import sys
import threading

HOST = "127.0.0.1"
_PIECE = bytes(1 << 20)
_FIELDS = (
    b"Server: nginx/1.22.1\r\nDate: Tue, 01 Dec 2026 10:00:00 GMT\r\n"
    b"Content-Type: application/octet-stream\r\nAccept-Ranges: bytes\r\n"
)


class _Connection(socketserver.StreamRequestHandler):
    wbufsize = -1

    def handle(self) -> None:
        """Answer each request."""
        while line := self.rfile.readline():
            while self.rfile.readline() not in {b"\r\n", b""}:
                pass
            _, length, kind = line.split()[1].split(b"/")
            left = int(length)
            self.wfile.write(b"HTTP/1.1 200 OK\r\n" + _FIELDS)
            if kind == b"etag":
                self.wfile.write(b'ETag: "5f3c-1a2b"\r\n')
            self.wfile.write(b"Content-Length: %d\r\n\r\n" % left)
            while left:
                piece = _PIECE[:left]
                self.wfile.write(piece)
                left -= len(piece)
            self.wfile.flush()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True


def main() -> None:
    """Serve until standard input is closed."""
    with _Server((HOST, 0), _Connection) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(json.dumps(server.server_address[1]), flush=True)
        sys.stdin.read()
        server.shutdown()


if __name__ == "__main__":
    main()
