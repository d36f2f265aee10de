"""The outputs of `get`: a JSON document, and the animation on a terminal."""

from __future__ import annotations

from unittest import mock

import pytest
from support.command_line import document_of, get, run
from support.server import Server, close, reply

from httpx_resilient._cli import get as get_module


class TestJson:
    def test_a_success_is_one_document(self, server: Server) -> None:
        server.play(reply(503), reply(200, b"hello"))
        result = get(f"{server.url}path?query", "--json")
        document = document_of(result)
        assert [each["outcome"] for each in document["attempts"]] == [503, 200]
        assert [each["number"] for each in document["attempts"]] == [1, 2]
        assert document["attempts"][0]["reason"] == "503"
        assert document["events"][0]["kind"] == "AttemptStarted"
        times = [each["at"] for each in document["events"]]
        assert 0 <= times[0] <= times[-1] <= document["seconds"]
        assert times == sorted(times)
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
