"""What an upload may be given, and what it says to what it may not."""

from __future__ import annotations

import io
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, cast

import httpx
import httpx2
import pytest

from httpx_resilient import UploadError, upload
from httpx_resilient._transfers.io.protocol import ClientIO
from httpx_resilient._transfers.io.sync_io import SyncClientIO
from httpx_resilient._transfers.upload.given import source_of
from httpx_resilient._transfers.upload.source import Source, SourceError

CLIENT = httpx.Client(
    transport=httpx.MockTransport(lambda request: httpx.Response(404))
)
URL = "https://example.com/files"


async def chunks() -> AsyncIterator[bytes]:
    yield b"content"


async def later(_: object) -> None: ...


@pytest.mark.parametrize(
    ("options", "kind", "said"),
    [
        ({"protocol": "s3"}, ValueError, "must be 'tus' or 'draft'"),
        ({"protocol": "draft", "metadata": {}}, ValueError, "describe the content by"),
        ({"protocol": "draft", "checksum": "sha1"}, ValueError, "Repr-Digest"),
        ({"checksum": "crc64"}, ValueError, "algorithm such as 'sha1'; got 'crc64'"),
        ({"metadata": "name"}, TypeError, "must be a dictionary"),
        ({"metadata": {"name": 1}}, TypeError, "got str: int in it"),
        ({"method": "a b"}, ValueError, "one that has a body"),
        ({"method": "PUT"}, ValueError, "tus creates an upload by POST"),
        ({"headers": ["a"]}, TypeError, "headers: a dictionary"),
        ({"headers": {"content-length": "5"}}, ValueError, "content-length of each"),
        ({"extensions": ["deadline"]}, TypeError, "extensions must be a dictionary"),
        ({"timeout": "30"}, TypeError, "timeout is a number of seconds"),
        ({"timeout": -1}, ValueError, "timeout is a number of seconds, 0 or more"),
        ({"timeout": (None, "x")}, TypeError, "timeout is a number of seconds"),
        ({"resume_from": ""}, ValueError, "or None to begin one; got ''"),
        ({"resume_from": b"/1"}, TypeError, "must be the URL of an upload"),
        ({"wait": 3}, TypeError, "wait must be a function"),
        ({"on_progress": "print"}, TypeError, "on_progress must be a function"),
        ({"on_progress": later}, TypeError, "must be a plain function"),
        ({"on_event": later}, TypeError, "use an AsyncClient"),
        ({"on_event": 3}, TypeError, "on_event must be a function"),
        ({"piece_size": 0}, ValueError, "piece_size is a whole number"),
        ({"max_stalls": 0}, ValueError, "max_stalls is a whole number"),
        ({"max_breaks": "many"}, TypeError, "max_breaks is a whole number"),
        ({"length": 7}, ValueError, "length is only for iterators"),
        ({"source": "video.mp4"}, TypeError, "give Path"),
        ({"source": {"a": 1}}, TypeError, "takes no dict"),
        ({"source": io.StringIO("a")}, TypeError, "binary mode"),
        ({"source": 7}, TypeError, "got int"),
        ({"source": chunks()}, TypeError, "needs an AsyncClient"),
        ({"source": iter(["text"])}, TypeError, "a body gives bytes; got str"),
        ({"client": httpx2.Client()}, TypeError, "import it from httpx_resilient.httpx2"),
        ({"client": httpx.Client}, TypeError, "not a class"),
        ({"client": None}, TypeError, "first; got NoneType"),
        ({"retries": 3}, TypeError, "retries"),
    ],
)  # fmt: skip
def test_a_mistake_is_answered_before_anything_is_sent(
    options: dict[str, Any], kind: type[Exception], said: str
) -> None:
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(201, headers={"location": "/1"})

    with httpx.Client(transport=httpx.MockTransport(answer)) as usual:
        given = {"client": usual, "source": b"content", **options}
        with pytest.raises(kind, match=said):
            upload(given.pop("client"), URL, given.pop("source"), **given)
        assert len(sent) <= ("text" in said or "bytes" in said)


def read(source: Source, start: int, size: int) -> tuple[bytes, bool]:
    """Read a part as a synchronous client does."""
    step = source.read(cast("ClientIO", SyncClientIO(CLIENT)), start, size)
    with pytest.raises(StopIteration) as finished:
        step.send(None)
    return tuple(finished.value.value)


@pytest.fixture(params=["bytes", "bytearray", "view", "path", "file", "pipe", "parts"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """Ten bytes, in each form."""
    content, path = b"0123456789", tmp_path / "file"
    path.write_bytes(b"--" + content if request.param == "file" else content)
    if request.param == "file":
        with path.open("rb") as opened:
            opened.seek(2)
            yield opened
    elif request.param == "pipe":
        reader, writer = os.pipe()
        os.write(writer, content)
        os.close(writer)
        with os.fdopen(reader, "rb") as pipe:
            yield pipe
    yield from {
        "bytes": [content],
        "bytearray": [bytearray(content)],
        "view": [memoryview(content)],
        "path": [path],
        "parts": [iter([b"012", b"", b"3456", memoryview(b"789")])],
    }.get(request.param, [])


def test_each_form_is_read_in_parts_and_again_from_the_last_offset(source: Any) -> None:
    known = source_of(source, None)
    known.open()
    assert known.length in (10, None)
    assert read(known, 0, 4) == (b"0123", False)
    assert read(known, 0, 2) == (b"01", False)
    assert read(known, 1, 6) == (b"123456", False)
    assert read(known, 7, 3) == (b"789", True)
    assert read(known, 7, 9) == (b"789", True)
    assert read(known, 10, 5) == (b"", True)
    known.close()


def test_a_file_that_is_changed_meanwhile_is_not_sent_on(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    known = source_of(path, None)
    known.open()
    read(known, 0, 4)
    os.utime(path, ns=(1, 1))
    with pytest.raises(SourceError, match="was changed"):
        read(known, 4, 4)
    known.close()
    with path.open("r+b") as opened:
        known = source_of(opened, None)
        known.open()
        opened.truncate(5)
        with pytest.raises(SourceError, match="ends at 5, but had 10 bytes"):
            read(known, 4, 4)
        known.close()
        assert not opened.closed


def test_an_iterator_must_be_as_long_as_was_said() -> None:
    for parts, said in (
        ([b"1234", b"5678"], "has 8 bytes or more, and length says 6"),
        ([b"1234"], "has 4 bytes, and length says 6"),
    ):
        known = source_of(iter(parts), 6)
        with pytest.raises(SourceError, match=said):
            read(known, 0, 6)
    assert read(source_of(iter([b"1234"]), 4), 0, 4) == (b"1234", True)
    known = source_of(iter([b"1234"]), None)
    with pytest.raises(SourceError, match="has 4 bytes, and the server has 5 already"):
        read(known, 5, 6)


def test_an_iterator_that_breaks_its_word_ends_the_upload() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(201, headers={"location": "/1"})

    with (
        httpx.Client(transport=httpx.MockTransport(answer)) as client,
        pytest.raises(UploadError, match="length says 9") as caught,
    ):
        upload(client, URL, [b"1234"], length=9)
    assert caught.value.upload.location == "https://example.com/1"
    assert caught.value.upload.length == 9


def test_a_path_that_does_not_exist_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        upload(CLIENT, URL, tmp_path / "none")
