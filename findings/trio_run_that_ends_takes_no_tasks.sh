#!/usr/bin/env bash
# trio 0.35.0, 2026-11-30: while a run ends, and closes the asynchronous generators that are
# left, `run_sync_soon` of its token raises nothing, and the function is called in the run. But
# `spawn_system_task` raises a `RuntimeError` there, of a nursery that is closed. Nothing else
# than this exception tells such a moment, and in a function of `run_sync_soon` it would end the
# whole run as an internal error. Whoever hands work to a run from another thread has to catch it.
#
# Prints what both do at the end of a run, and fails if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check trio==0.35.0
cat >"$folder/observe.py" <<'PY'
import trio

seen = []


async def work():
    pass


def start():
    seen.append("called")
    try:
        trio.lowlevel.spawn_system_task(work)
    except RuntimeError as error:
        seen.append(str(error))


async def left_open():
    try:
        yield
    finally:
        with trio.CancelScope(shield=True):
            trio.lowlevel.current_trio_token().run_sync_soon(start)
            for _ in range(3):
                await trio.lowlevel.checkpoint()


async def main():
    global left
    left = left_open()
    await anext(left)


trio.run(main)
print(seen)
PY
seen=$("$folder/venv/bin/python" "$folder/observe.py")
echo "$seen"
test "$seen" = "['called', 'Nursery is closed to new arrivals']"
