"""Proxies that others wrote and people run, and a door that counts who comes to them."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def http_proxy(folder: Path, *, auth: str | None = None) -> Iterator[int]:
    """Run proxy.py, which forwards and tunnels. Yields its port."""
    port_file = folder / "port"
    command = [sys.executable, "-m", "proxy", "--hostname", "127.0.0.1", "--port", "0"]
    command += ["--port-file", str(port_file), "--data-dir", str(folder)]
    command += ["--cache-dir", str(folder)]
    command += ["--num-acceptors", "1", "--num-workers", "1", "--log-level", "CRITICAL"]
    command += ["--basic-auth", auth] if auth else []
    with subprocess.Popen(command) as process:
        try:
            until = time.monotonic() + 30
            while not (port_file.exists() and port_file.read_text().strip()):
                assert process.poll() is None, "the proxy did not start"
                assert time.monotonic() < until, "the proxy told no port"
                # Another process writes it, which can tell us in no other way.
                time.sleep(0.02)
            yield int(port_file.read_text())
        finally:
            # As Ctrl-C: it then stops its own processes.
            process.send_signal(signal.SIGINT)


PPROXY = """
import asyncio, os, sys, pproxy

async def main():
    # It remembers for a month, by address, who was let in. We come from one address.
    options = {"rserver": [], "authtime": -1}
    server = await pproxy.Server(sys.argv[1]).start_server(options)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    os._exit(0)  # tunnels that are still open need no farewell

asyncio.run(main())
"""


@contextlib.contextmanager
def socks5_proxy(*, auth: str | None = None) -> Iterator[int]:
    """Run pproxy. Yields its port. It lives as long as its stdin."""
    address = "socks5://127.0.0.1:0" + (f"#{auth}" if auth else "")
    # In a process, because it is written for one, and warns when it is compiled.
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", PPROXY, address],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        port = process.stdout.readline()
        assert port, "the proxy did not start"
        yield int(port)


class Door:
    """Stands before a proxy, lets everybody through, and notes what they say."""

    def __init__(self, port: int) -> None:
        self._behind = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.connections = 0
        self.heard = b""
        self.open_connections: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def requests(self) -> int:
        """Those the proxy can read. Inside a tunnel to a TLS server it can not."""
        return self.heard.count(b" HTTP/1.1\r\n")

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                outside, _ = self._listener.accept()
                self.connections += 1
                inside = socket.create_connection(self._behind)
                self.open_connections += (outside, inside)
                for ends in ((outside, inside), (inside, outside)):
                    thread = threading.Thread(
                        target=self._carry, args=(*ends, outside), daemon=True
                    )
                    self._threads.append(thread)
                    thread.start()

    def _carry(
        self, origin: socket.socket, target: socket.socket, outside: socket.socket
    ) -> None:
        with contextlib.suppress(OSError):
            while data := origin.recv(65536):
                if origin is outside:
                    self.heard += data
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def __enter__(self) -> Door:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._threads[0].join()
        for sock in self.open_connections:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for sock in self.open_connections:
            sock.close()
