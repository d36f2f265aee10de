#!/usr/bin/env bash
# httpx2 2.16.2 closes a response when its raw iterator is left before the end; httpx 0.28.1,
# whose interface it keeps, leaves it open.
#
# A caller that looks at the first chunk, for example to find out how to parse the rest, and then
# closes the iterator, can read on with httpx; with httpx2 the stream is closed. Valid input,
# synchronous and asynchronous. So whoever peeks at a body must keep the iterator.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check httpx==0.28.1 httpx2==2.16.2
cat > "$folder/peek.py" <<'PY'
import asyncio

import httpx
import httpx2


def stream_of(library):
    class Stream(library.SyncByteStream, library.AsyncByteStream):
        def __iter__(self):
            yield from (b"first", b"second")

        async def __aiter__(self):
            for chunk in (b"first", b"second"):
                yield chunk

    return Stream()


async def peek_async(response):
    chunks = response.aiter_raw()
    await anext(chunks)
    await chunks.aclose()


for library in (httpx, httpx2):
    response = library.Response(200, stream=stream_of(library))
    chunks = response.iter_raw()
    next(chunks)
    chunks.close()
    print(library.__name__, "sync", "closed" if response.is_closed else "open")
    response = library.Response(200, stream=stream_of(library))
    asyncio.run(peek_async(response))
    print(library.__name__, "async", "closed" if response.is_closed else "open")
PY
seen=$("$folder/venv/bin/python" "$folder/peek.py")
expected=$'httpx sync open\nhttpx async open\nhttpx2 sync closed\nhttpx2 async closed'
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed: expected"; echo "$expected"; exit 1; }
