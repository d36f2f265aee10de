#!/usr/bin/env bash
# httpcore 1.0.9 and httpcore2 2.16.2, 2026-11-29: a server that does not send the setting
# SETTINGS_MAX_CONCURRENT_STREAMS, such as node's http2 with its defaults, gets one request at
# a time over HTTP/2. httpcore begins with one stream, and raises that when the setting comes;
# without it, RFC 9113 (6.5.2) knows no limit. So all but one of the requests that a GOAWAY of
# such a server interrupts were never sent.
#
# Prints the seconds of 10 requests of 0.2 s at once, and fails if that changes. It needs node.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"; kill "${server:-}" 2>/dev/null || true' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    'httpcore[asyncio,http2]==1.0.9' httpx==0.28.1 trustme
cat >"$folder/certificate.py" <<'PY'
import sys

import trustme

authority = trustme.CA()
issued = authority.issue_cert("127.0.0.1")
issued.private_key_and_cert_chain_pem.write_to_path(sys.argv[1] + "/server.pem")
authority.cert_pem.write_to_path(sys.argv[1] + "/authority.pem")
PY
cat >"$folder/server.mjs" <<'JS'
import fs from "node:fs";
import http2 from "node:http2";

const pem = fs.readFileSync(process.argv[2] + "/server.pem");
const answer = (request, response) => setTimeout(() => response.end("ok"), 200);
const server = http2.createSecureServer({ key: pem, cert: pem }, answer);
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
JS
cat >"$folder/observe.py" <<'PY'
import asyncio
import ssl
import sys
import time

import httpx


async def main(folder, port):
    trusting = ssl.create_default_context(cafile=folder + "/authority.pem")
    async with httpx.AsyncClient(http2=True, verify=trusting, trust_env=False) as client:
        url = f"https://127.0.0.1:{port}/"
        assert (await client.get(url)).http_version == "HTTP/2"
        began = time.monotonic()
        await asyncio.gather(*(client.get(url) for _ in range(10)))
        return int(time.monotonic() - began)


print(asyncio.run(main(*sys.argv[1:])))
PY
"$folder/venv/bin/python" "$folder/certificate.py" "$folder"
node "$folder/server.mjs" "$folder" >"$folder/port" &
server=$!
until [ -s "$folder/port" ]; do sleep 0.1; done
seconds=$("$folder/venv/bin/python" "$folder/observe.py" "$folder" "$(cat "$folder/port")")
echo "$seconds   (whole seconds of 10 requests of 0.2 s at once)"
test "$seconds" -ge 2
