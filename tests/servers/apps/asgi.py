"""
The application behind every server of Python, and behind every proxy.

It appends `METHOD id` to a file for each request that it has taken, then works for `ms`
milliseconds and returns the id. A file outlives all restarts, and an append of one short
line is atomic, so each process that serves can write to it.
"""

import asyncio
import os
from pathlib import Path
from urllib.parse import parse_qs

TAKEN = os.open(os.environ["TAKEN"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await live(receive, send)
        return
    if scope["type"] != "http" or not await whole(receive):
        return
    query = parse_qs(scope["query_string"].decode())
    ident = query["id"][0]
    os.write(TAKEN, f"{scope['method']} {ident}\n".encode())
    await asyncio.sleep(float(query["ms"][0]) / 1000)
    content = ident.encode()
    headers = [(b"content-length", str(len(content)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": content})


async def live(receive, send):
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            started()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return


def started():
    """Append a line, so that who waits for this process knows."""
    with Path(os.environ["STARTED"]).open("a") as file:
        file.write("started\n")


async def whole(receive):
    """Return whether the request came to its end."""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return False
        if not message.get("more_body"):
            return True
