#!/usr/bin/env bash
# asyncio of CPython 3.11 and uvloop 0.23.0, on Linux, 2026-11-30: a server answers while the
# request is still being sent, and resets the connection. The kernel keeps the answer, and a
# blocking socket still reads it after its failed send. A protocol of an event loop never gets it
# if the loop writes before it reads: the write fails, the loop stops reading and calls
# `connection_lost`. So a 413 or 401 that comes early is a broken connection, more or less often,
# for whatever sends large bodies on these loops. What is left can be read from a duplicate of the
# socket in `connection_lost`.
#
# Prints the bytes of the answer that each gets, and fails if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check uvloop==0.23.0
cat >"$folder/observe.py" <<'PY'
import asyncio
import socket
import struct
import threading

import uvloop

ANSWER = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n"
RESET = struct.pack("ii", 1, 0)


def answering():
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        sock, _ = listener.accept()
        sock.recv(1)
        sock.sendall(ANSWER)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        sock.close()
        listener.close()

    thread = threading.Thread(target=serve)
    thread.start()
    return listener.getsockname(), thread


def blocking():
    address, server = answering()
    with socket.create_connection(address) as sock:
        sock.sendall(b"x")
        server.join()
        try:
            sock.sendall(b"y" * 1000)
        except ConnectionError:
            return len(sock.recv(1000))


class Client(asyncio.Protocol):
    received = b""

    def __init__(self):
        self.lost = asyncio.get_running_loop().create_future()

    def data_received(self, data):
        self.received += data

    def connection_lost(self, exc):
        self.lost.set_result(exc)


async def on_loop():
    address, server = answering()
    loop = asyncio.get_running_loop()
    transport, client = await loop.create_connection(Client, *address)
    transport.write(b"x")
    server.join()  # the answer and the reset are here before the loop can read
    transport.write(b"y" * 1000)
    await client.lost
    return len(client.received)


print(f"blocking: {blocking()}")
print(f"asyncio: {asyncio.run(on_loop())}")
print(f"uvloop: {uvloop.run(on_loop())}")
PY
seen=$("$folder/venv/bin/python" "$folder/observe.py")
echo "$seen"
test "$seen" = $'blocking: 53\nasyncio: 0\nuvloop: 0'
