"""The body that `get` writes: to a file, which is whole or as before, or elsewhere."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import pytest
from support.command_line import get
from support.server import Server, close, reply

from httpx_resilient._cli import output
from httpx_resilient._cli.output import open_output

BEFORE = b"old and whole"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "body"


@pytest.fixture
def umask() -> Iterator[Callable[[int], int]]:
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


def only(file: Path) -> bytes:
    """Return what a file has, if there is no other one beside it."""
    assert list(file.parent.iterdir()) == [file]
    return file.read_bytes()


class TestNewFile:
    def test_the_body_is_written_to_it(self, server: Server, file: Path) -> None:
        server.play(reply(503, b"no"), reply(200, b"\x00body"))
        result = get(server.url, "--output", str(file))
        assert only(file) == b"\x00body"
        assert "attempt 2: 200 OK" in result.stdout

    def test_a_body_that_is_cut_makes_none(self, server: Server, file: Path) -> None:
        server.play(close(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"))
        assert get(server.url, "-o", str(file)).exit_code == 1
        assert not list(file.parent.iterdir())

    def test_an_error_status_makes_none(self, server: Server, file: Path) -> None:
        server.play(reply(404, b"not here"))
        result = get(server.url, "-o", str(file))
        assert "404 Not Found, 1 attempt" in result.stdout
        assert "8 bytes" in result.stdout
        assert not list(file.parent.iterdir())

    def test_an_empty_body_makes_an_empty_file(
        self, server: Server, file: Path
    ) -> None:
        server.play(reply(200))
        get(server.url, "-o", str(file))
        assert only(file) == b""

    def test_its_permissions_are_those_of_any_new_file(
        self, server: Server, file: Path, umask: Callable[[int], int]
    ) -> None:
        umask(0o027)
        server.play(reply(200, b"body"))
        get(server.url, "-o", str(file))
        assert stat.S_IMODE(file.stat().st_mode) == 0o640

    def test_one_that_appears_meanwhile_is_not_replaced(self, file: Path) -> None:
        with pytest.raises(FileExistsError), open_output(str(file), overwrite=False):
            file.write_bytes(BEFORE)
        assert only(file) == BEFORE

    def test_a_name_as_long_as_the_system_allows_can_be_written(
        self, server: Server, tmp_path: Path
    ) -> None:
        server.play(reply(200, b"body"))
        file = tmp_path / ("x" * 255)
        get(server.url, "-o", str(file))
        assert only(file) == b"body"


class TestExistingFile:
    @pytest.fixture(autouse=True)
    def existing(self, file: Path) -> None:
        file.write_bytes(BEFORE)

    def test_nothing_is_sent_without_the_option(
        self, server: Server, file: Path
    ) -> None:
        result = get(server.url, "-o", str(file))
        assert "the file exists: give --overwrite to replace it" in result.stderr
        assert result.exit_code == 1
        assert only(file) == BEFORE
        assert not server.requests

    def test_it_is_replaced_with_the_option(self, server: Server, file: Path) -> None:
        server.play(reply(200, b"new"))
        assert get(server.url, "-o", str(file), "--overwrite").exit_code == 0
        assert only(file) == b"new"

    @pytest.mark.parametrize(
        "answer",
        [
            reply(404, b"not here"),
            close(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"),
        ],
    )
    def test_a_failure_leaves_it_as_it_was(
        self, server: Server, file: Path, answer: Callable[..., bool]
    ) -> None:
        server.play(answer)
        assert get(server.url, "-o", str(file), "--overwrite").exit_code == 1
        assert only(file) == BEFORE

    def test_its_permissions_stay(self, server: Server, file: Path) -> None:
        file.chmod(0o600)
        server.play(reply(200, b"new"))
        get(server.url, "-o", str(file), "--overwrite")
        assert stat.S_IMODE(file.stat().st_mode) == 0o600

    def test_a_link_to_it_stays_a_link(
        self, server: Server, file: Path, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        link = tmp_path_factory.mktemp("elsewhere") / "link"
        link.symlink_to(file)
        server.play(reply(200, b"new"))
        get(server.url, "-o", str(link), "--overwrite")
        assert link.is_symlink()
        assert only(file) == b"new"

    def test_it_may_vanish_meanwhile(self, file: Path) -> None:
        with open_output(str(file), overwrite=True) as write:
            write(b"new")
            file.unlink()
        assert only(file) == b"new"


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("", "Is a directory"),
        ("none/body", "No such file or directory"),
        ("existing", "Permission denied"),
        ("new", "Permission denied"),
    ],
)
def test_nothing_is_sent_if_the_file_cannot_be_written(
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    problem: str,
) -> None:
    (tmp_path / "existing").touch()
    # Root may write everywhere.
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    result = get(server.url, "--data", "x=1", "-o", str(tmp_path / name))
    assert f"--output: the file cannot be written: {problem}" in result.stderr
    assert result.exit_code == 2
    assert not server.requests


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_exits_with_1(server: Server) -> None:
    server.play(reply(200, b"body"))
    result = get(server.url, "-o", "/dev/full")
    assert "200 OK, OSError: [Errno 28] No space left on device" in result.stdout
    assert result.exit_code == 1


class TestStandardOutput:
    def test_it_has_only_the_body(self, server: Server) -> None:
        server.play(reply(503, b"no"), reply(200, b"\x00body"))
        result = get(server.url, "-o", "-")
        assert result.stdout_bytes == b"\x00body"
        assert "200 OK, 2 attempts" in result.stderr

    def test_the_body_of_an_error_is_shown(self, server: Server) -> None:
        server.play(reply(404, b"not here"))
        assert get(server.url, "-o", "-").stdout_bytes == b"not here"

    def test_a_closed_one_ends_without_a_traceback(
        self, server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server.play(reply(200, b"body"))
        broken = BrokenPipeError(errno.EPIPE, "")
        stdout = mock.Mock(**{"buffer.write.side_effect": broken})
        monkeypatch.setattr(output, "sys", mock.Mock(stdout=stdout))
        result = get(server.url, "-o", "-")
        assert "Error" not in result.output
        assert result.exit_code == 1
