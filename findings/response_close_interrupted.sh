#!/usr/bin/env bash
# httpx 0.28.1 and httpx2 2.16.2, 2026-11-29: `Response.aclose()` marks the response as
# closed before it awaits the stream. If the task is cancelled, or a timeout ends, while the
# stream is closing, the response says `is_closed`, its stream has not finished closing, and
# no later `aclose()` calls the stream again. A transport whose stream awaits something in
# `aclose()` has to shield that itself, as httpcore does: nobody outside can finish it.
#
# Prints one line per library and fails if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check httpx==0.28.1 httpx2==2.16.2
cat >"$folder/observe.py" <<'PY'
import asyncio
import importlib
import sys

library = importlib.import_module(sys.argv[1])


class Slow(library.AsyncByteStream):
    """A stream whose closing takes a while, such as one that says goodbye first."""

    calls, finished = 0, 0

    async def __aiter__(self):
        yield b"body"

    async def aclose(self):
        self.calls += 1
        await asyncio.sleep(0.2)
        self.finished += 1


async def main():
    stream = Slow()
    response = library.Response(200, stream=stream)
    try:
        async with asyncio.timeout(0.05):
            await response.aclose()
    except TimeoutError:
        pass
    await response.aclose()
    print(library.__name__, response.is_closed, stream.calls, stream.finished)


asyncio.run(main())
PY
for library in httpx httpx2; do
    seen=$("$folder/venv/bin/python" "$folder/observe.py" "$library")
    echo "$seen   (is_closed, calls of the stream's aclose, calls that finished)"
    test "$seen" = "$library True 1 0"
done
