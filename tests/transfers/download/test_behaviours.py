"""The ordinary behaviours of servers in which other tools corrupt: ours is whole."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from support.file_server import (
    DATE,
    DATED,
    NEW,
    OLD,
    SIZE,
    STRONG,
    WEAK,
    File,
    FileServer,
    as_new,
    bytes_of,
    names_beside,
)
from support.server import Server
from support.world import LIBRARIES, World

pytestmark = pytest.mark.anyio

PLAIN = File()
TELLING = File(etag='"a"', extra={"accept-ranges": "bytes"})
Row = tuple[FileServer, bytes, int, int | None]
NOW = File(modified=DATE)
LONGER = replace(STRONG, content=OLD + b"more")
ROWS: dict[str, Row] = {
    # What the server does; what the file must have; requests; bytes read twice.
    "strong ETag, FIN": (FileServer(STRONG), OLD, 4, 0),
    "strong ETag, RST": (FileServer(STRONG, how="rst"), OLD, 4, 0),
    "weak ETag and date": (FileServer(WEAK), OLD, 4, 0),
    "date": (FileServer(DATED), OLD, 4, 0),
    "no validator": (FileServer(PLAIN), OLD, 5, 120_000),
    "changed, strong ETag": (
        FileServer(STRONG, as_new(STRONG), cuts=1),
        NEW,
        2,
        30_000,
    ),
    # The date of an answer with an ETag must not be in If-Range, so 412 comes first.
    "changed, weak ETag": (FileServer(WEAK, as_new(WEAK), cuts=1), NEW, 3, 30_000),
    "changed, date": (FileServer(DATED, as_new(DATED), cuts=1), NEW, 2, 30_000),
    "changed, no validator": (FileServer(PLAIN, as_new(PLAIN), cuts=1), NEW, 2, 30_000),
    "range ignored": (FileServer(STRONG, ranges=False), OLD, 5, 120_000),
    "wrong Content-Range": (FileServer(STRONG, lies=1), OLD, 5, 60_000),
}
MORE: dict[str, Row] = {
    # Each is corrupt in one tool or another.
    "short parts": (FileServer(STRONG, short=20_000), OLD, 5, 0),
    "longer, same ETag": (
        FileServer(STRONG, LONGER, cuts=1),
        LONGER.content,
        3,
        30_000,
    ),
    "If-Range ignored": (
        FileServer(STRONG, as_new(STRONG), cuts=1, obeys=False),
        NEW,
        3,
        30_000,
    ),
    "dated now": (FileServer(NOW, replace(NOW, content=NEW), cuts=1), NEW, 2, 30_000),
    "gzip": (FileServer(STRONG, gzipped=1), OLD, 5, None),
    "gzip for a range": (FileServer(STRONG, gzipped=2), OLD, 5, None),
    "no last chunk": (FileServer(STRONG, framing="unended", cut=SIZE), OLD, 2, 1),
    "chunked, cut": (FileServer(STRONG, framing="chunked"), OLD, 4, 1),
    "until close, RST": (FileServer(STRONG, framing="close", how="rst"), OLD, 4, 1),
    "until close, FIN": (FileServer(TELLING, framing="close"), OLD, 4, 1),
    "signed URL, for once": (FileServer(STRONG, final="/signed", once=True), OLD, 4, 0),
    "redirected": (FileServer(STRONG, final="/there"), OLD, 4, 0),
    "503 meanwhile": (FileServer(STRONG, statuses={2: 503, 3: 503}), OLD, 5, 0),
    "416, no reason": (FileServer(STRONG, statuses={2: 416}), OLD, 5, 30_000),
    "412": (FileServer(STRONG, statuses={2: 412}), OLD, 5, 30_000),
    "empty": (FileServer(File(b"")), b"", 1, 0),
    "one byte": (FileServer(File(b"x")), b"x", 1, 0),
}


async def check(world: World, server: Server, path: Path, row: Row) -> None:
    behaviour, content, requests, twice = row
    behaviour = replace(behaviour)
    server.play(behaviour)
    async with world.client(world.http()) as client:
        raw = getattr(client, "_client", client)
        result = world.ours.download(raw, server.url, path, backoff=0)
        result = result if world.sync else await result
    assert bytes_of(path) == content
    assert len(behaviour.asked) == requests
    assert twice in {None, result.bytes_read_twice}
    assert names_beside(path) == [path.name]


@pytest.mark.parametrize("row", ROWS)
async def test_the_file_is_whole_whatever_the_server_does(
    world: World, server: Server, tmp_path: Path, row: str
) -> None:
    await check(world, server, tmp_path / "file", ROWS[row])


@pytest.mark.parametrize("row", MORE)
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("sync", [False, True])
async def test_the_file_is_whole_in_more_behaviours(
    server: Server, tmp_path: Path, row: str, sync: bool, anyio_backend: str
) -> None:
    world = World(*LIBRARIES["httpx2" if sync else "httpx"], sync=sync)
    await check(world, server, tmp_path / "file", MORE[row])
