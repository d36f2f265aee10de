"""The application of `asgi.py`, for servers of WSGI."""

import os
import time
from pathlib import Path
from urllib.parse import parse_qs

TAKEN = os.open(os.environ["TAKEN"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
with Path(os.environ["STARTED"]).open("a") as started:
    started.write("started\n")


def app(environ, start_response):
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if len(environ["wsgi.input"].read(length)) < length:
        return []
    query = parse_qs(environ["QUERY_STRING"])
    ident = query["id"][0]
    os.write(TAKEN, f"{environ['REQUEST_METHOD']} {ident}\n".encode())
    time.sleep(float(query["ms"][0]) / 1000)
    content = ident.encode()
    start_response("200 OK", [("Content-Length", str(len(content)))])
    return [content]
