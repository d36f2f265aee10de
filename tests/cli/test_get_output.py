"""The outputs of `get`: the body, a JSON document, and the animation on a terminal."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from unittest import mock

import pytest
from support.command_line import document_of, get, run
from support.server import Server, close, reply

from httpx_resilient._cli import get as get_module


class TestBody:
    def test_the_body_is_written_to_a_file(
        self, server: Server, tmp_path: Path
    ) -> None:
        server.play(reply(503, b"no"), reply(200, b"\x00body"))
        file = tmp_path / "body"
        result = get(server.url, "--output", str(file))
        assert file.read_bytes() == b"\x00body"
        assert "attempt 2: 200 OK" in result.stdout

    @pytest.mark.parametrize(
        ("file", "problem"),
        [
            ("", "Is a directory"),
            ("none/body", "No such file or directory"),
            ("existing", "Permission denied"),
            ("new", "Permission denied"),
        ],
    )
    def test_nothing_is_sent_if_the_file_cannot_be_written(
        self,
        server: Server,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        file: str,
        problem: str,
    ) -> None:
        (tmp_path / "existing").touch()
        # Root may write everywhere.
        monkeypatch.setattr(os, "access", lambda path, mode: False)
        result = get(server.url, "--data", "x=1", "-o", str(tmp_path / file))
        assert f"--output: the file cannot be written: {problem}" in result.stderr
        assert result.exit_code == 2
        assert not server.requests

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
    def test_a_full_disk_exits_with_1(self, server: Server) -> None:
        server.play(reply(200, b"body"))
        result = get(server.url, "-o", "/dev/full")
        assert "200 OK, OSError: [Errno 28] No space left on device" in result.stdout
        assert result.exit_code == 1

    def test_standard_output_has_only_the_body_if_it_goes_there(
        self, server: Server
    ) -> None:
        server.play(reply(503, b"no"), reply(200, b"\x00body"))
        result = get(server.url, "-o", "-")
        assert result.stdout_bytes == b"\x00body"
        assert "200 OK, 2 attempts" in result.stderr

    def test_a_closed_standard_output_ends_without_a_traceback(
        self, server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server.play(reply(200, b"body"))
        broken = BrokenPipeError(errno.EPIPE, "")
        stdout = mock.Mock(**{"buffer.write.side_effect": broken})
        monkeypatch.setattr(get_module, "sys", mock.Mock(stdout=stdout))
        result = get(server.url, "-o", "-")
        assert "Error" not in result.output
        assert result.exit_code == 1


class TestJson:
    def test_a_success_is_one_document(self, server: Server) -> None:
        server.play(reply(503), reply(200, b"hello"))
        result = get(f"{server.url}path?query", "--json")
        document = document_of(result)
        assert [each["outcome"] for each in document["attempts"]] == [503, 200]
        assert [each["number"] for each in document["attempts"]] == [1, 2]
        assert document["attempts"][0]["reason"] == "503"
        assert document["events"][0]["kind"] == "AttemptStarted"
        del document["attempts"], document["events"]
        assert document.pop("seconds") > 0
        assert document == {
            "request": f"GET {server.url}path",
            "ok": True,
            "interrupted": False,
            "status": 200,
            "error": None,
            "message": None,
            "bytes": 5,
            "connection": "reused",
        }
        assert not result.stderr

    def test_a_failure_is_a_document_with_its_error(self, server: Server) -> None:
        server.play(close())
        result = get(server.url, "--json")
        document = document_of(result)
        error = "RemoteProtocolError"
        assert (document["ok"], document["status"]) == (False, None)
        assert document["error"] == error
        assert document["message"].startswith(f"{error}: ")
        assert [each["outcome"] for each in document["attempts"]] == [error] * 3
        assert result.exit_code == 1


class TestAnimation:
    @pytest.fixture(autouse=True)
    def terminal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FORCE_COLOR", "1")

    def test_a_terminal_shows_a_status_line_that_json_leaves_out(
        self, server: Server
    ) -> None:
        server.play(reply(503), reply())
        result = run("get", server.url, "--wait", "0.2")
        assert "\x1b[?25l" in result.stdout  # hides the cursor
        assert "\x1b[?25h" in result.stdout  # shows the cursor
        assert "waiting 0.2 s" in result.stdout
        assert "\x1b[?25l" not in get(server.url, "--json").stdout

    def test_the_status_line_is_left_out_where_it_would_erase_the_body(
        self, server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server.play(reply(200, b"body"))
        assert "\x1b[?25l" in get(server.url, "-o", "-").stderr
        stdout_is_terminal = mock.Mock()
        monkeypatch.setattr(get_module, "sys", stdout_is_terminal)
        assert "\x1b[?25l" not in get(server.url, "-o", "-").stderr
