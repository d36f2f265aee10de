"""What ends a download, what it says then, and what stays."""

from __future__ import annotations

import errno
import gzip
import os
from pathlib import Path
from typing import Any

import anyio
import httpx
import httpx2
import pytest
import tenacity
from support.file_server import OLD, SIZE, STRONG, FileServer, bytes_of
from support.server import Server, stall
from support.world import World

from httpx_resilient import (
    DownloadError,
    RetryingTransport,
    attempts_of,
    download,
    standard_transport,
)
from httpx_resilient._transfers.download import files, sink
from httpx_resilient._transfers.download.part import Part

pytestmark = pytest.mark.anyio

URL = "https://example.com/file"


def answering(*answers: Any, **headers: str) -> tuple[Any, list[httpx.Request]]:
    """A transport that gives answers in turn, the last one for ever."""
    asked: list[httpx.Request] = []
    left = list(answers)

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, httpx.Response):
            return answer
        return httpx.Response(answer, headers=headers)

    return httpx.MockTransport(handler), asked


def fetch(transport: Any, path: Path, **options: Any) -> Any:
    with httpx.Client(transport=transport) as client:
        return download(client, URL, path, **{"backoff": 0, **options})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file"


def left(path: Path) -> list[str]:
    return sorted(each.name for each in path.parent.iterdir())


class TestRefusals:
    @pytest.mark.parametrize("status", [404, 403, 501, 302, 416])
    def test_a_final_status_is_the_error_of_the_library(
        self, path: Path, status: int
    ) -> None:
        transport, asked = answering(status, location="https://example.com/")
        with pytest.raises(httpx.HTTPStatusError) as caught:
            fetch(transport, path, follow_redirects=False)
        assert caught.value.response.status_code == status
        assert [each.outcome for each in attempts_of(caught.value)] == [status]
        assert len(asked) == 1
        assert left(path) == []

    def test_a_success_without_a_file_is_an_error(self, path: Path) -> None:
        transport, _ = answering(204)
        with pytest.raises(DownloadError, match="the answer 204 has no file"):
            fetch(transport, path)

    def test_a_part_that_nobody_asked_for_is_an_error(self, path: Path) -> None:
        transport, _ = answering(206)
        with pytest.raises(DownloadError, match="the answer 206 has no file"):
            fetch(transport, path)

    def test_more_bytes_than_were_told_are_not_taken(self, path: Path) -> None:
        headers = {"content-length": "3", "etag": '"a"'}
        transport, _ = answering(
            *(
                httpx.Response(200, headers=headers, content=iter([b"four"]))
                for _ in "ab"
            )
        )
        with pytest.raises(DownloadError, match="more bytes came than the 3"):
            fetch(transport, path, max_failures=2)

    def test_the_encoding_that_a_user_asks_for_is_removed_too(self, path: Path) -> None:
        packed = httpx.Response(
            200,
            headers={"content-encoding": "gzip"},
            content=iter([gzip.compress(b"x")]),
        )
        transport, asked = answering(packed)
        fetch(transport, path, headers={"Accept-Encoding": "gzip"})
        assert asked[0].headers["accept-encoding"] == "gzip"
        assert bytes_of(path) == b"x"

    def test_an_encoding_that_cannot_be_removed_is_named(self, path: Path) -> None:
        transport, _ = answering(
            httpx.Response(200, headers={"content-encoding": "br"})
        )
        with pytest.raises(
            DownloadError, match="Content-Encoding br, although identity"
        ):
            fetch(transport, path)
        assert left(path) == []

    def test_a_temporary_status_is_asked_again_after_retry_after(
        self, path: Path
    ) -> None:
        transport, asked = answering(
            httpx.Response(503, headers={"retry-after": "0.01"}), httpx.Response(200)
        )
        result = fetch(transport, path)
        assert len(asked) == 2
        assert [each.wait for each in result.history] == [0.01, 0.0]

    def test_a_server_that_asks_for_a_long_wait_ends_it(self, path: Path) -> None:
        transport, asked = answering(
            httpx.Response(503, headers={"retry-after": "3600"})
        )
        with pytest.raises(DownloadError, match="asks for a wait of 3600 s"):
            fetch(transport, path)
        assert len(asked) == 1

    def test_failures_in_a_row_are_bounded(self, path: Path) -> None:
        transport, asked = answering(503)
        with pytest.raises(
            DownloadError, match="3 requests in a row brought no new byte"
        ):
            fetch(transport, path, max_failures=3)
        assert len(asked) == 3

    def test_before_the_first_byte_the_exception_is_that_of_the_library(
        self, path: Path
    ) -> None:
        transport, asked = answering(httpx.ConnectError("refused"))
        with pytest.raises(httpx.ConnectError) as caught:
            fetch(transport, path, max_failures=2)
        assert len(attempts_of(caught.value)) == len(asked) == 2

    def test_an_error_of_this_side_is_not_repeated(self, path: Path) -> None:
        transport, asked = answering(httpx.UnsupportedProtocol("no"))
        with pytest.raises(httpx.UnsupportedProtocol):
            fetch(transport, path)
        assert len(asked) == 1


class TestPolicies:
    def test_a_policy_in_the_client_decides_before_the_first_byte(
        self, path: Path
    ) -> None:
        for answer, error in (
            (503, httpx.HTTPStatusError),
            (httpx.ConnectError("refused"), httpx.ConnectError),
        ):
            transport, asked = answering(answer)
            layer = RetryingTransport(
                transport, wait=tenacity.wait_none(), budget=False
            )
            with pytest.raises(error) as caught:
                fetch(layer, path)
            assert len(attempts_of(caught.value)) == len(asked) == 3

    async def test_any_transport_will_do(self, server: Server, path: Path) -> None:
        for transport in (None, standard_transport(), RetryingTransport()):
            server.play(FileServer(STRONG))
            async with httpx.AsyncClient(transport=transport) as client:
                result = await download(client, server.url, path, overwrite=True)
            assert bytes_of(path) == OLD
            assert len(result.history) == 4

    def test_a_layer_that_resumes_is_told_not_to(self, path: Path) -> None:
        transport, asked = answering(200)
        fetch(transport, path, extensions={"deadline": None}, headers={"a": "b"})
        assert asked[0].extensions["resume"] is False
        assert asked[0].extensions["deadline"] is None
        assert asked[0].headers["a"] == "b"
        assert asked[0].headers["accept-encoding"] == "identity"


class TestDisks:
    def test_a_full_disk_is_told_and_what_has_arrived_stays(
        self, server: Server, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server.play(FileServer(STRONG, cut=60_000, cuts=1))
        full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write, room = files.write_all, [30_000]

        def limited(file: Any, chunks: Any) -> None:
            data = b"".join(chunks)[: room[0]]
            room[0] -= len(data)
            write(file, [data])
            if len(data) < sum(map(len, chunks)):
                raise full

        monkeypatch.setattr(sink, "write_all", limited)
        monkeypatch.setattr(sink, "AT_ONCE", 1)
        with httpx.Client() as client:
            with pytest.raises(OSError, match="No space left") as caught:
                download(client, server.url, path)
            room[0] = SIZE
            assert (
                "bytes are in file.part: the same call goes on"
                in caught.value.__notes__[0]
            )
            assert left(path) == ["file.part", "file.part.json"]
            result = download(client, server.url, path)
        assert result.resumed_at > 0
        assert bytes_of(path) == OLD

    def test_a_sidecar_that_cannot_be_written_at_the_end_is_a_note(
        self, server: Server, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server.play(FileServer(STRONG))

        def fail(_: int) -> None:
            raise OSError(errno.EIO, "Input/output error")

        monkeypatch.setattr(os, "fsync", fail)
        with httpx.Client() as client, pytest.raises(DownloadError) as caught:
            download(client, server.url, path, max_breaks=1)
        assert "could not be synced: Input/output error" in caught.value.__notes__[-1]

    def test_a_file_that_is_there_is_told_before_anything_is_sent(
        self, path: Path
    ) -> None:
        path.write_bytes(b"old")
        transport, asked = answering(200)
        with pytest.raises(FileExistsError, match="overwrite=True"):
            fetch(transport, path)
        assert not asked
        fetch(transport, path, overwrite=True)
        assert bytes_of(path) == b""

    def test_a_file_that_another_process_downloads_is_told(self, path: Path) -> None:
        other = Part(path, "url", overwrite=False)
        transport, asked = answering(200)
        with pytest.raises(BlockingIOError, match="another process") as caught:
            fetch(transport, path)
        assert not asked
        assert attempts_of(caught.value) == ()
        other.close()

    def test_a_part_that_cannot_be_prepared_closes_the_response(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        response = httpx.Response(200, content=iter([b"x"]))
        monkeypatch.setattr(Part, "trim", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            fetch(answering(response)[0], path)
        assert response.is_closed

    def test_a_link_is_followed(self, path: Path) -> None:
        target = path.with_name("target")
        target.write_bytes(b"old")
        path.symlink_to(target)
        fetch(answering(httpx.Response(200, text="new"))[0], path, overwrite=True)
        assert path.is_symlink()
        assert target.read_bytes() == b"new"


class TestChosenNames:
    def test_the_first_response_may_choose_the_file(self, path: Path) -> None:
        transport, _ = answering(httpx.Response(200, text="x", headers={"name": "a"}))
        result = fetch(
            transport, lambda response: path.with_name(response.headers["name"])
        )  # type: ignore[arg-type]
        assert result.path == path.with_name("a")

    def test_one_that_is_there_is_told_and_the_response_closed(
        self, path: Path
    ) -> None:
        path.write_bytes(b"old")
        response = httpx.Response(200, text="x")
        with pytest.raises(FileExistsError):
            fetch(answering(response)[0], lambda _: path)  # type: ignore[arg-type]
        assert response.is_closed

    def test_what_an_earlier_download_has_left_is_gone_on_with(
        self, server: Server, path: Path
    ) -> None:
        behaviour = FileServer(STRONG, cuts=2)
        server.play(behaviour)
        with httpx.Client() as client:
            with pytest.raises(DownloadError):
                download(client, server.url, lambda _: path, max_breaks=1)
            result = download(client, server.url, lambda _: path)
        assert result.resumed_at == 30_000
        assert bytes_of(path) == OLD
        ranges = [each.get("range", "") for each in behaviour.asked]
        assert ranges == ["", "", "bytes=30000-"]

    def test_a_function_must_return_a_path(self, path: Path) -> None:
        with pytest.raises(TypeError, match="must return a path"):
            fetch(answering(200)[0], lambda _: lambda _: path)  # type: ignore[arg-type]


class TestArguments:
    @pytest.mark.parametrize(
        ("options", "error", "message"),
        [
            ({"path": 1}, TypeError, "path must be a string or a path"),
            ({"url": "/file"}, ValueError, "scheme and host"),
            ({"connections": 0}, ValueError, "connections is a whole number"),
            ({"max_failures": 0}, ValueError, "max_failures"),
            ({"max_breaks": 1.5}, TypeError, "max_breaks"),
            ({"backoff": -1}, ValueError, "backoff is a number of seconds"),
            ({"checksum": "x"}, ValueError, "an algorithm and a value"),
            ({"headers": {"range": "bytes=1-"}}, ValueError, "the header Range itself"),
            ({"headers": "a: b"}, TypeError, "headers: a dictionary such as"),
            ({"headers": {"a": 1}}, TypeError, "got str: int in it"),
            ({"extensions": [1]}, TypeError, "extensions must be a dictionary"),
            ({"overwrite": "yes"}, TypeError, "overwrite must be True or False"),
            ({"follow_redirects": 1}, TypeError, "follow_redirects must be True or"),
            ({"client": URL, "url": "file"}, TypeError, "AsyncClient first; got str"),
            ({"on_progress": 1}, TypeError, "on_progress must be a plain function"),
            ({"on_progress": anyio.sleep}, TypeError, "on_progress must be a plain"),
            ({"client": httpx.Client}, TypeError, "an instance, Client()"),
            (
                {"client": httpx2.Client()},
                TypeError,
                "import it from httpx_resilient.httpx2",
            ),
            ({"client": object()}, TypeError, "an httpx.Client or AsyncClient first"),
        ],
    )
    def test_a_mistake_is_answered_before_anything_is_sent(
        self, path: Path, options: dict[str, Any], error: Any, message: str
    ) -> None:
        transport, asked = answering(200)
        given = {"client": httpx.Client(transport=transport), "url": URL, "path": path}
        given |= options
        with pytest.raises(error, match=message):
            download(**given)
        assert not asked
        assert left(path) == []


async def test_a_cancelled_download_keeps_what_has_arrived(
    world: World, server: Server, path: Path
) -> None:
    if world.sync:
        return
    begun = anyio.Event()
    server.play(FileServer(STRONG), stall())
    head = b'HTTP/1.1 200 OK\r\netag: "a"\r\ncontent-length: 100000\r\n\r\n'
    server.play(stall(head + OLD[:50_000]), FileServer(STRONG, cuts=0))
    async with world.client(world.http()) as client:
        with anyio.CancelScope() as scope:

            def stop(progress: Any) -> None:
                if progress.received == 50_000:
                    begun.set()
                    scope.cancel()

            with pytest.MonkeyPatch.context() as patched:
                patched.setattr(
                    "httpx_resilient._transfers.download.transfer.TELL_EVERY", 0
                )
                await world.ours.download(client, server.url, path, on_progress=stop)
        assert begun.is_set()
        assert left(path) == ["file.part", "file.part.json"]
        result = await world.ours.download(client, server.url, path)
    assert result.resumed_at == 50_000
    assert bytes_of(path) == OLD
