"""Uploads through real sockets, in six worlds, against a strict server."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
import tenacity
from support.server import Server, reply, stall
from support.upload_server import Fault, Uploads
from support.world import World

from httpx_resilient import Upload, attempts_of, explain, upload_of

pytestmark = pytest.mark.anyio

CONTENT = random.Random(7).randbytes(300_000)
AT_ONCE = {"wait": tenacity.wait_none()}


async def send(
    world: World, server: Server, source: Any = CONTENT, **options: Any
) -> Any:
    """Upload with a client of a world, and return the response or the exception."""
    given = {**AT_ONCE, "protocol": "tus", **options}
    client = given.pop("client", None) or world.client()
    url = given.pop("url", f"{server.url}files")
    async with client:
        try:
            real = getattr(client, "_client", client)
            response = world.ours.upload(real, url, source, **given)
            return response if world.sync else await response
        except world.ours.UploadError as error:
            return error


@pytest.fixture(params=["tus", "draft"])
def uploads(request: pytest.FixtureRequest) -> Uploads:
    return Uploads(request.param)


@pytest.fixture
def server(uploads: Uploads) -> Iterator[Server]:
    with Server(uploads, read_body=False) as server:
        yield server


async def test_a_file_arrives_in_pieces(
    world: World, server: Server, uploads: Uploads, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(CONTENT)
    response = await send(
        world, server, tmp_path / "file", protocol=uploads.kind, piece_size=100_000
    )
    assert uploads.complete == [CONTENT]
    assert uploads.log == ["POST", "PATCH", "PATCH", "PATCH"]
    assert response.status_code == (204 if uploads.kind == "tus" else 200)
    assert response.content == (b"" if uploads.kind == "tus" else b"stored")
    known = upload_of(response)
    assert known == Upload(
        offset=300_000,
        length=300_000,
        complete=True,
        answered=True,
        location=f"{server.url}uploads/0",
    )
    assert not uploads.violations
    assert server.connections == 1


async def test_it_goes_on_where_it_broke(
    world: World, server: Server, uploads: Uploads
) -> None:
    uploads.faults = [
        Fault("PATCH", keep=90_000),
        Fault("HEAD"),
        Fault("PATCH", keep=0, status=503),
        Fault("PATCH", keep=100_000, is_reset=True),
    ]
    response = await send(world, server, protocol=uploads.kind, max_stalls=4)
    assert uploads.complete == [CONTENT]
    assert not uploads.violations
    known = upload_of(response)
    assert known is not None
    assert known.complete
    assert known.breaks >= 3  # the HEAD is repeated by the transport
    assert 0 < known.repeated < 3 * len(CONTENT)
    text = explain(response)
    assert "HEAD: 90,000 of 300,000" in text
    assert "then waited" in text
    assert f"{known.repeated:,} bytes sent twice" in text
    assert attempts_of(response)[0].outcome == 201


async def test_a_lost_answer_to_the_last_piece_is_asked_for(
    world: World, server: Server, uploads: Uploads
) -> None:
    uploads.faults = [Fault("PATCH", half=True)]
    response = await send(world, server, protocol=uploads.kind)
    assert uploads.complete == [CONTENT]
    assert uploads.log == ["POST", "PATCH", "HEAD"]
    assert response.request.method == "HEAD"
    assert response.content == b""
    known = upload_of(response)
    assert known is not None
    assert known.complete
    assert not known.answered


async def test_without_progress_it_ends_with_both_numbers_and_goes_on_later(
    world: World, server: Server, uploads: Uploads
) -> None:
    uploads.faults = [
        Fault("PATCH", keep=70_000),
        *(Fault("PATCH", keep=0, is_reset=True) for _ in range(3)),
    ]
    error = await send(world, server, protocol=uploads.kind)
    assert isinstance(error, world.library.TransportError)
    assert "no progress in 3 breaks: the server has 70,000 of 300,000" in str(error)
    assert error.request.method == "PATCH"
    assert isinstance(error.__cause__, world.library.TransportError)
    assert "attempt 4" in explain(error)
    known = upload_of(error)
    assert known is not None
    assert known.location.endswith("/uploads/0")
    response = await send(
        world, server, protocol=uploads.kind, resume_from=known.location
    )
    assert uploads.complete == [CONTENT]
    assert len(uploads.uploads) == 1
    resumed = upload_of(response)
    assert resumed is not None
    assert (resumed.breaks, resumed.repeated) == (0, 0)
    assert not uploads.violations


async def test_an_iterator_of_unknown_length_arrives(
    world: World, server: Server, uploads: Uploads
) -> None:
    parts = [CONTENT[at : at + 70_000] for at in range(0, len(CONTENT), 70_000)]

    async def chunks() -> Any:
        for part in parts:
            yield part

    uploads.faults = [Fault("PATCH", keep=30_000)]
    await send(
        world,
        server,
        iter(parts) if world.sync else chunks(),
        protocol=uploads.kind,
        piece_size=100_000,
    )
    assert uploads.complete == [CONTENT]
    assert not uploads.violations


async def test_the_last_answer_of_a_draft_is_that_of_the_application(
    world: World,
) -> None:
    uploads = Uploads("draft", answer=(500, b"no virus scanner"))
    with Server(uploads, read_body=False) as server:
        response = await send(world, server, protocol="draft")
    assert (response.status_code, response.text) == (500, "no virus scanner")
    assert uploads.log == ["POST", "PATCH"]


async def test_another_origin_gets_no_credentials(world: World) -> None:
    with Server(Uploads("tus"), read_body=False) as there:
        elsewhere, here = Uploads("tus"), Uploads("tus", path=f"{there.url}uploads")
        elsewhere.uploads = here.uploads
        there.play(elsewhere)
        with Server(here, read_body=False) as server:
            client = world.client(
                headers={"X-Api-Key": "secret", "User-Agent": "me"},
                cookies={"session": "secret"},
                params={"key": "secret"},
                auth=("user", "secret"),
            )
            await send(world, server, client=client, headers={"X-Token": "secret"})
    assert here.complete == [CONTENT]
    assert here.log == ["POST"]
    assert here.requests[0].headers["authorization"]
    assert here.requests[0].headers["x-token"] == "secret"
    assert not elsewhere.violations
    for request in elsewhere.requests:
        assert "secret" not in f"{request.target} {request.headers}"
        assert not {"authorization", "cookie"} & request.headers.keys()
        assert request.headers["user-agent"] == "me"


async def test_an_upload_that_is_cancelled_leaves_nothing_behind(
    world: World, server: Server, uploads: Uploads, tmp_path: Path
) -> None:
    if world.sync:
        return  # nothing cancels a thread
    (tmp_path / "file").write_bytes(CONTENT)
    server.play(uploads, stall())
    async with world.client() as client:
        with anyio.move_on_after(0.2) as scope:
            await world.ours.upload(
                client, server.url, tmp_path / "file", protocol=uploads.kind
            )
        assert scope.cancelled_caught
        server.play(reply(204))
        assert (await client.get(server.url)).status_code == 204


async def test_a_redirect_keeps_method_and_body(
    world: World, server: Server, uploads: Uploads
) -> None:
    there = {"location": "/uploads/0"}
    uploads.faults = [
        Fault("POST", keep=0, status=308, headers={"location": "/other"}),
        Fault("PATCH", keep=0, status=307, headers=there),
    ]
    uploads.uploads = []
    response = await send(world, server, protocol=uploads.kind)
    assert upload_of(response).complete  # type: ignore[union-attr]  # there is one
    assert uploads.log == ["POST", "POST", "PATCH", "PATCH"]
