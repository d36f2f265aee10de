#!/usr/bin/env bash
# httpcore 1.0.9 with anyio 4.16.0, 2026-11-29: a write on a connection of TLS whose peer is
# gone raises a bare `anyio.EndOfStream` in asynchronous clients, through httpcore and httpx,
# instead of `WriteError`: `AnyIOStream.write` does not map it, as `read` does. It comes from
# anyio's TLSStream once a read has met the end. Over HTTP/2 that is frequent: one request
# reads the end, another writes. Seen with Apache and haproxy under SIGTERM. httpcore2 2.16.2
# maps it.
#
# Prints the exception of such a write, and fails if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    'httpcore[asyncio]==1.0.9' anyio==4.16.0 trustme
cat >"$folder/observe.py" <<'PY'
import asyncio
import socket
import ssl
import threading

import httpcore
import trustme

authority = trustme.CA()
serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
authority.issue_cert("127.0.0.1").configure_cert(serving)
trusting = ssl.create_default_context()
authority.configure_trust(trusting)
listener = socket.create_server(("127.0.0.1", 0))


def serve():
    """Finish the handshake, then close without a farewell of TLS, as a killed process."""
    accepted = serving.wrap_socket(listener.accept()[0], server_side=True)
    accepted.sendall(b"hello")
    socket.socket.close(accepted)


async def main():
    backend = httpcore._backends.anyio.AnyIOBackend()
    stream = await backend.connect_tcp("127.0.0.1", listener.getsockname()[1])
    stream = await stream.start_tls(trusting, "127.0.0.1")
    while await stream.read(100):
        pass
    try:
        await stream.write(b"a request")
    except Exception as error:
        return f"{type(error).__module__}.{type(error).__qualname__}"
    return "nothing"


threading.Thread(target=serve).start()
print(asyncio.run(main()))
PY
raised=$("$folder/venv/bin/python" "$folder/observe.py")
echo "$raised   (raised by a write, where httpcore.WriteError is promised)"
test "$raised" = "anyio.EndOfStream"
