#!/usr/bin/env bash
# tussi 3.1.0, 2026-12-01: a server of tus 1.0.0 that keeps nothing of an interrupted PATCH, and
# that does not know an upload any more once it is complete. The core of the protocol is that a
# client asks by HEAD how much has arrived ("The Server MUST always include the Upload-Offset
# header in the response for a HEAD request"), and goes on there. So an upload in one PATCH makes
# no progress where connections break; and a client that did not get the answer to its last PATCH
# asks, is told 404, and cannot tell a finished upload from a lost one. tuspyserver 4.4.3 does
# both as the protocol has it.
#
# Prints the offset after half a PATCH, the status of the last PATCH, and of a HEAD after that.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  tussi==3.1.0 tuspyserver==4.4.3 fastapi==0.128.0 uvicorn==0.40.0
cat >"$folder/observe.py" <<'PY'
import http.client
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import uvicorn
from fastapi import FastAPI
from tuspyserver import create_tus_router
from tussi import FilesystemStorage, TUSApp

folder = Path(tempfile.mkdtemp())
(folder / "completed").mkdir()
app = FastAPI()
app.include_router(create_tus_router(prefix="files", files_dir=str(folder)))
app.mount("/tussi", TUSApp(FilesystemStorage(folder / "uploads"), folder / "completed"))
listener = socket.create_server(("127.0.0.1", 0))
port = listener.getsockname()[1]
server = uvicorn.Server(uvicorn.Config(app, log_level="critical"))
threading.Thread(target=server.run, args=([listener],), daemon=True).start()

CONTENT = bytes(100_000)
PIECE = {"Content-Type": "application/offset+octet-stream"}


def send(method, path, body=None, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body, {"Tus-Resumable": "1.0.0", **named})
    response = connection.getresponse()
    connection.close()
    return response


for name, path in (("tussi", "/tussi/"), ("tuspyserver", "/files")):
    metadata = "filename YQ==,filetype Yg=="  # tuspyserver needs both
    created = send("POST", path, Upload_Length="100000", Upload_Metadata=metadata)
    upload = urlsplit(created.getheader("Location")).path
    with socket.create_connection(("127.0.0.1", port)) as half:
        head = f"PATCH {upload} HTTP/1.1\r\nHost: a\r\nTus-Resumable: 1.0.0\r\n"
        head += "Upload-Offset: 0\r\nContent-Length: 100000\r\n"
        head += "Content-Type: application/offset+octet-stream\r\n\r\n"
        half.sendall(head.encode() + CONTENT[:50_000])
        time.sleep(1)
    time.sleep(2)
    offset = int(send("HEAD", upload).getheader("Upload-Offset"))
    last = send("PATCH", upload, CONTENT[offset:], **PIECE, Upload_Offset=str(offset))
    after = send("HEAD", upload)
    print(f"{name}: offset {offset}, PATCH {last.status}, HEAD {after.status}")
sys.stdout.flush()
PY
seen=$("$folder/venv/bin/python" "$folder/observe.py")
echo "$seen"
expected="tussi: offset 0, PATCH 204, HEAD 404
tuspyserver: offset 50000, PATCH 204, HEAD 200"
test "$seen" = "$expected" || { echo "changed: expected"; echo "$expected"; exit 1; }
