#!/usr/bin/env bash
# Starlette 1.10.0, 2026-12-01: a file that StaticFiles serves has one strong ETag, whether
# GZipMiddleware has compressed it or not. A strong ETag names the bytes of one encoding (RFC 9110
# §8.8.3.3): who has a part of the gzip, and asks for the rest with that ETag in If-Range, gets
# 206 and a part of the plain file, without Content-Encoding. Joined, they are no file at all.
# Apache adds "-gzip" to the ETag, nginx makes it weak.
#
# Prints what the server says, and fails if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check starlette==1.10.0 httpx==0.28.1
cat >"$folder/observe.py" <<'PY'
import asyncio
import pathlib
import sys

import httpx
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

folder = pathlib.Path(sys.argv[1])
(folder / "file.txt").write_text("some words that repeat " * 1000)
app = Starlette(
    routes=[Mount("/", StaticFiles(directory=folder))],
    middleware=[Middleware(GZipMiddleware)],
)


async def observe():
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://a") as client:
        plain = await client.get("/file.txt", headers={"Accept-Encoding": "identity"})
        gzip = await client.get("/file.txt", headers={"Accept-Encoding": "gzip"})
        rest = {"Accept-Encoding": "gzip", "Range": "bytes=100-", "If-Range": gzip.headers["ETag"]}
        part = await client.get("/file.txt", headers=rest)
    print("gzip:", gzip.headers["Content-Encoding"], gzip.headers["ETag"])
    print("plain:", plain.headers.get("Content-Encoding"), plain.headers["ETag"])
    print("rest of the gzip:", part.status_code, part.headers.get("Content-Encoding"))
    assert gzip.headers["ETag"] == plain.headers["ETag"]
    assert not gzip.headers["ETag"].startswith("W/")
    assert (part.status_code, part.headers.get("Content-Encoding")) == (206, None)


asyncio.run(observe())
PY
mkdir "$folder/files"
"$folder/venv/bin/python" "$folder/observe.py" "$folder/files"
