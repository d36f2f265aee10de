"""Several connections: only with proof, and the file is whole however they fare."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.file_server import STRONG, File, FileServer, bytes_of, names_beside
from support.server import Server
from support.world import World

import httpx_resilient
from httpx_resilient._transfers.download import sink, transfer

pytestmark = pytest.mark.anyio

MIB = 1 << 20
OLD = random.Random(3).randbytes(4 * MIB + 17)
NEW = random.Random(4).randbytes(4 * MIB + 17)
LARGE = File(OLD, etag='"a"')
OTHER = File(NEW, etag='"b"')

ROWS: dict[str, tuple[FileServer, bytes, int]] = {
    # What the server does; what the file must have; connections.
    "ranges": (FileServer(LARGE, cuts=0), OLD, 4),
    "cut": (FileServer(LARGE, cut=MIB // 2, cuts=6), OLD, 4),
    "no ranges": (FileServer(LARGE, cuts=0, ranges=False), OLD, 1),
    "no validator": (FileServer(replace(LARGE, etag=""), cuts=0), OLD, 1),
    "wrong Content-Range": (FileServer(LARGE, cuts=0, lies=1), OLD, 1),
    "changed meanwhile": (FileServer(LARGE, OTHER, cuts=0), NEW, 1),
    "If-Range ignored": (FileServer(LARGE, OTHER, cuts=0, obeys=False), NEW, 1),
    "one is enough": (
        FileServer(LARGE, cuts=0, statuses={2: 429, 3: 503, 4: 403}),
        OLD,
        1,
    ),
    "small": (FileServer(STRONG, cuts=0), STRONG.content, 1),
}


@pytest.mark.parametrize("row", ROWS)
async def test_parts_of_a_file_are_fetched_at_the_same_time(
    world: World, server: Server, tmp_path: Path, row: str
) -> None:
    behaviour, content, connections = ROWS[row]
    behaviour = replace(behaviour)
    server.play(behaviour)
    path = tmp_path / "file"
    async with world.client(world.http()) as client:
        raw = getattr(client, "_client", client)
        result: Any = world.ours.download(
            raw, server.url, path, backoff=0, connections=4
        )
        result = result if world.sync else await result
    assert bytes_of(path) == content
    assert result.connections == connections, behaviour.asked
    assert names_beside(path) == ["file"]


class Ranges:
    """A mock of a server, in which connections can wait for each other."""

    def __init__(
        self, *, fails: bool = False, etag: str = '"a"', told: bool = True
    ) -> None:
        self.fails, self.etag, self.told = fails, etag, told
        self.asked: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        asked = request.headers.get("range", "")
        self.asked.append(asked)
        if not asked:
            return httpx.Response(200, headers={"etag": '"a"'}, content=OLD)
        if self.fails:
            msg = "no more connections"
            raise httpx.ConnectError(msg)
        first, _, last = asked[6:].partition("-")
        end = int(last or len(OLD) - 1) + 1
        told = f"bytes {first}-{end - 1}/{len(OLD)}"
        headers = {"etag": self.etag, "content-range": told if self.told else "?"}
        return httpx.Response(206, headers=headers, content=OLD[int(first) : end])


def fetch(handler: Any, path: Path, **options: Any) -> Any:
    with httpx.Client(transport=httpx.MockTransport(handler)) as client:
        given = {"connections": 4, "backoff": 0, **options}
        return httpx_resilient.download(client, "https://example.com/", path, **given)


def test_a_connection_that_is_refused_leaves_its_part_to_the_others(
    tmp_path: Path,
) -> None:
    site = Ranges(fails=True)

    def once(request: httpx.Request) -> httpx.Response:
        site.fails = len(site.asked) < 4
        return site(request)

    result = fetch(once, tmp_path / "file")
    assert bytes_of(tmp_path / "file") == OLD
    assert result.connections <= 2


def test_a_connection_without_proof_leaves_its_part_to_the_first(
    tmp_path: Path,
) -> None:
    site = Ranges(told=False)
    result = fetch(site, tmp_path / "file")
    assert bytes_of(tmp_path / "file") == OLD
    assert result.connections == 1


def test_an_error_of_this_side_ends_it(tmp_path: Path) -> None:
    site = Ranges()

    def odd(request: httpx.Request) -> httpx.Response:
        if "range" in request.headers:
            msg = "no"
            raise httpx.UnsupportedProtocol(msg)
        return site(request)

    with pytest.raises(httpx.UnsupportedProtocol):
        fetch(odd, tmp_path / "file")


def test_a_part_with_another_validator_ends_them_all(tmp_path: Path) -> None:
    site = Ranges(etag='"b"')
    result = fetch(site, tmp_path / "file")
    assert site.asked.count("") == 2
    assert bytes_of(tmp_path / "file") == OLD
    assert "other content" in result.breaks[0].reason


@pytest.mark.parametrize("written", [True, False])
def test_an_interruption_keeps_what_all_have_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: bool
) -> None:
    site, path = Ranges(), tmp_path / "file"
    monkeypatch.setattr(transfer, "TELL_EVERY", 0.0)
    monkeypatch.setattr(transfer, "NOTE_EVERY", 0.0)
    if not written:
        monkeypatch.setattr(sink.Sink, "write", lambda _: None)
    join = threading.Thread.join

    def interrupted(thread: threading.Thread) -> None:
        monkeypatch.setattr(threading.Thread, "join", join)
        join(thread)
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "join", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fetch(site, path)
    monkeypatch.undo()
    again = Ranges()
    result = fetch(again, path, connections=1)
    assert bytes_of(path) == OLD
    assert (result.resumed_at > 0) == written


def test_workers_that_wait_end_when_they_are_stopped(tmp_path: Path) -> None:
    """A connection that breaks waits, while another one finds that the file changed."""
    site, slept = Ranges(), threading.Event()

    class Breaking(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            yield OLD[:10]
            slept.set()
            msg = "reset"
            raise httpx.ReadError(msg)

    def handler(request: httpx.Request) -> httpx.Response:
        asked = request.headers.get("range", "")
        if len(site.asked) == 0:
            site.asked.append(asked)
            headers = {"etag": '"a"', "content-length": str(len(OLD))}
            return httpx.Response(200, headers=headers, stream=Breaking())
        if asked and site.etag == '"a"':
            slept.wait(30)
            site.etag = '"b"'
        return site(request)

    result = fetch(handler, tmp_path / "file", backoff=0.001, connections=2)
    assert bytes_of(tmp_path / "file") == OLD
    assert result.breaks
