#!/usr/bin/env bash
# notion-client 3.1.0 with httpx 0.28.1, 2026-11-30: `with Client(client=mine) as notion:` sends
# through a new `httpx.Client()` with the defaults of httpx, not through the given one. Its
# transport, proxy and certificates have no effect in the block. After the block the given one
# is back, still open. Without `with` it is used. The asynchronous client does the same.
#
# Prints who sends before, in and after the block, for both clients; fails if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    notion-client==3.1.0 httpx==0.28.1
cat >"$folder/observe.py" <<'PY'
import asyncio

import httpx
from notion_client import AsyncClient, Client


def name(notion, given):
    return "given" if notion.client is given else type(notion.client._transport).__name__


async def main():
    given = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200)))
    notion = Client(client=given)
    seen = [name(notion, given)]
    with notion:
        seen.append(name(notion, given))
    print(*seen, name(notion, given), "closed" if given.is_closed else "open")
    given.close()

    given = httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(200)))
    notion = AsyncClient(client=given)
    seen = [name(notion, given)]
    async with notion:
        seen.append(name(notion, given))
    print(*seen, name(notion, given), "closed" if given.is_closed else "open")
    await given.aclose()


asyncio.run(main())
PY
seen=$("$folder/venv/bin/python" "$folder/observe.py")
echo "$seen   (before, in and after the block; the given client)"
expected=$'given HTTPTransport given open\ngiven AsyncHTTPTransport given open'
test "$seen" = "$expected" || { echo "changed: expected"; echo "$expected"; exit 1; }
