#!/usr/bin/env bash
# aiohttp-retry 2.9.1 with aiohttp 3.14.5, 2026-11-30: `attempts=3` is neither the number of
# attempts after a lost connection nor that of requests. Without `exceptions=` no exception is
# retried, although a comment at this argument of 2.9.1 speaks of all. With it, three attempts
# send a GET six times: aiohttp itself sends each once more if the connection ends without a
# response, be it new or reused. A POST is sent three times.
#
# Prints the connections that a server has accepted and closed, and fails if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    aiohttp-retry==2.9.1 aiohttp==3.14.5
cat >"$folder/observe.py" <<'PY'
import asyncio

import aiohttp
from aiohttp_retry import ExponentialRetry, RetryClient

requests = []


async def close_without_a_response(reader, writer):
    requests.append(await reader.readuntil(b"\r\n\r\n"))
    writer.close()


async def times(url, method, **options):
    requests.clear()
    policy = ExponentialRetry(attempts=3, start_timeout=0.01, **options)
    async with RetryClient(retry_options=policy) as client:
        try:
            await client.request(method, url)
        except aiohttp.ClientConnectionError:
            return len(requests)


async def main():
    server = await asyncio.start_server(close_without_a_response, "127.0.0.1", 0)
    async with server:
        url = "http://127.0.0.1:{}/".format(server.sockets[0].getsockname()[1])
        errors = {aiohttp.ClientConnectionError}
        for method in ("GET", "POST"):
            print(method, await times(url, method), await times(url, method, exceptions=errors))


asyncio.run(main())
PY
seen=$("$folder/venv/bin/python" "$folder/observe.py")
echo "$seen   (requests without and with exceptions=)"
expected=$'GET 2 6\nPOST 1 3'
test "$seen" = "$expected" || { echo "changed: expected"; echo "$expected"; exit 1; }
