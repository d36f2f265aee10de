#!/usr/bin/env bash
# trio 0.35.0, 2026-11-29: after a run has crashed (`TrioInternalError`), `run_sync_soon` of
# its token does not raise `RunFinishedError`, as it does after any other end. It queues the
# function, which nobody will call, and raises an `OSError`, because the socket that wakes the
# run is closed. Whoever wakes tasks of another thread has to take both for "it is over".
#
# Prints what is raised after a normal end and after a crash, and fails if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check trio==0.35.0
cat >"$folder/observe.py" <<'PY'
import time

import trio


class Crashing(trio.abc.Clock):
    def start_clock(self):
        pass

    def current_time(self):
        return time.monotonic()

    def deadline_to_sleep_time(self, deadline):
        raise ZeroDivisionError


tokens = []


async def main():
    tokens.append(trio.lowlevel.current_trio_token())
    await trio.sleep(0)


raised = []
for clock in (None, Crashing()):
    try:
        trio.run(main, clock=clock)
    except trio.TrioInternalError:
        pass
    try:
        tokens[-1].run_sync_soon(print)
    except Exception as error:
        raised.append(type(error).__name__)
print(raised)
PY
seen=$("$folder/venv/bin/python" "$folder/observe.py" 2>"$folder/errors")
echo "$seen   (after a normal end, after a crash)"
test "$seen" = "['RunFinishedError', 'OSError']"
