"""A process that is killed at any moment: the next one goes on, and nothing is wrong."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from support.file_server import File, FileServer
from support.server import Connection, Server, head

import httpx_resilient

ROOT = Path(httpx_resilient.__file__).parent.parent
CONTENT = random.Random(6).randbytes(2 << 20)

PROGRAM = """
import json, os, signal, sys
from pathlib import Path
import httpx
from httpx_resilient import download
from httpx_resilient._transfers.download import segments, sink, transfer

signal.alarm(50)
url, path, connections, points = sys.argv[1], Path(sys.argv[2]), *map(int, sys.argv[3:])
if not points:
    sink.AT_ONCE, transfer.NOTE_EVERY = 10_000, 0.0
CHANGES = {"os.rename", "os.link", "os.remove", "os.truncate", "open"}

def kills_itself(point):
    seen = 0
    def hook(event, arguments):
        nonlocal seen
        if event in CHANGES and path.name in str(arguments[0]):
            seen += 1
            if seen == point:
                os.kill(os.getpid(), signal.SIGKILL)
    return hook

def run(point):
    pid = os.fork()
    if not pid:
        if point:
            sys.addaudithook(kills_itself(point))
        headers = {"x-pid": str(os.getpid())}
        with httpx.Client(verify=False) as client:
            result = download(
                client, url, path, connections=connections, headers=headers,
                overwrite=True, backoff=0,
            )
        os._exit(0)
    return os.waitpid(pid, 0)[1]

told = []
for point in range(1, 100):
    status = run(point if points else 0)
    left = sorted(each.name for each in path.parent.iterdir())
    told.append([status, left, path.stat().st_size if path.exists() else None])
    if status == 0:
        break
    if points:
        run(0)
        left = sorted(each.name for each in path.parent.iterdir())
        told.append([0, left, path.stat().st_size])
        path.unlink()
print(json.dumps(told))
"""


class Killing(FileServer):
    """Kills the client once some bytes are in its file, and after a moment."""

    kills = 6
    part: Path

    def written_at(self) -> int:
        return self.part.stat().st_mtime_ns if self.part.exists() else 0

    def _send(
        self,
        connection: Connection,
        status: int,
        headers: Any,
        body: bytes,
        number: int,
    ) -> bool:
        connection.send(head(status, {**headers, "content-length": str(len(body))}))
        if self.kills <= 0:
            connection.send(body)
            return True
        self.kills -= 1
        before, patience = self.written_at(), time.monotonic() + 10
        connection.send(body[:200_000])
        while self.written_at() == before and time.monotonic() < patience:
            time.sleep(0.001)
        time.sleep(0.003 * self.kills)
        os.kill(int(connection.request.headers["x-pid"]), signal.SIGKILL)
        return False


def run(server: Server, path: Path, connections: int, *, points: bool) -> list[Any]:
    program = subprocess.run(
        [sys.executable, "-c", PROGRAM, server.url, str(path), str(connections), str(int(points))],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert program.returncode == 0, program.stderr
    told: list[Any] = json.loads(program.stdout)
    return told


@pytest.mark.parametrize("connections", [1, 2])
def test_a_download_that_is_killed_again_and_again_ends_whole(
    server: Server, tmp_path: Path, connections: int
) -> None:
    behaviour = Killing(File(CONTENT, etag='"a"'))
    behaviour.part = tmp_path / "big.part"
    server.play(behaviour)
    told = run(server, tmp_path / "big", connections, points=False)
    assert (tmp_path / "big").read_bytes() == CONTENT
    *killed, (status, left, _) = told
    assert (status, left) == (0, ["big"])
    assert killed
    assert all((status, size) == (signal.SIGKILL, None) for status, _, size in killed)
    ranges = [each.get("range", "") for each in behaviour.asked]
    assert any(each.startswith("bytes=") for each in ranges)


@pytest.mark.parametrize("connections", [1, 2])
def test_a_process_killed_at_each_change_of_a_file_leaves_none_that_is_half(
    server: Server, tmp_path: Path, connections: int
) -> None:
    server.play(FileServer(File(CONTENT, etag='"a"'), cuts=0))
    told = run(server, tmp_path / "big", connections, points=True)
    killed, after = told[:-1:2], told[1:-1:2]
    assert len(killed) > 5
    for status, _, size in killed:
        assert status == signal.SIGKILL
        assert size in {None, len(CONTENT)}
    assert after == [[0, ["big"], len(CONTENT)]] * len(killed)
    assert told[-1] == [0, ["big"], len(CONTENT)]
    assert (tmp_path / "big").read_bytes() == CONTENT
