"""The command `get` over a real wire: attempts, result and exit code."""

from __future__ import annotations

import re
import ssl
import time
from errno import ECONNREFUSED
from typing import Any

import pytest
from support.command_line import check, document_of, get, lines_of, run
from support.server import Server, close, reply, reset, stall

from httpx_resilient._cli.get import first_of


class TestProgress:
    def test_each_attempt_has_a_line_and_the_result_a_summary(
        self, server: Server
    ) -> None:
        server.play(reply(503), reply(429), reply(200, b"hello"))
        result = get(server.url)
        assert lines_of(result.stdout) == [
            "attempt 1: 503 Service Unavailable, N s, next in N s",
            "attempt 2: 429 Too Many Requests, N s, next in N s",
            "attempt 3: 200 OK, N s",
            "200 OK, 3 attempts in N s, reused connection, 5 bytes",
        ]
        assert not result.stderr
        assert result.exit_code == 0

    def test_the_wait_before_a_retry_is_printed_and_waited(
        self, server: Server
    ) -> None:
        server.play(reply(503), reply())
        started = time.monotonic()
        result = run("get", server.url, "--wait", "0.2")
        assert time.monotonic() - started >= 0.2
        assert "next in 0.2 s" in result.stdout

    def test_a_retry_after_header_is_printed(self, server: Server) -> None:
        server.play(reply(503, retry_after="0.01"), reply())
        result = get(server.url)
        assert "503 Service Unavailable, Retry-After 0.01 s, " in result.stdout

    def test_a_status_code_without_a_reason_phrase_is_printed_as_a_number(
        self, server: Server
    ) -> None:
        server.play(reply(299))
        assert lines_of(get(server.url).stdout)[0] == "attempt 1: 299, N s"

    def test_the_reason_against_a_retry_is_printed(self, server: Server) -> None:
        server.play(reply(500))
        result = get(server.url, "--data", "x=1")
        assert lines_of(result.stdout)[0] == (
            "attempt 1: 500 Internal Server Error, and POST is not idempotent, N s"
        )

    def test_a_hedge_is_printed(self, server: Server) -> None:
        server.play(stall(), reply())
        result = get(server.url, "--hedge", "0.05")
        assert "hedge" in result.stdout
        assert result.exit_code == 0

    def test_loading_the_certificates_does_not_count_as_the_servers_time(
        self, server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        create = ssl.create_default_context

        def create_slowly(*args: Any, **options: Any) -> ssl.SSLContext:
            time.sleep(0.6)
            return create(*args, **options)

        monkeypatch.setattr(ssl, "create_default_context", create_slowly)
        for arguments in (["get"], ["check", "-n", "1"]):
            result = run(*arguments, server.url, "--json")
            assert document_of(result)["seconds"] < 0.6

    def test_control_characters_of_a_server_do_not_reach_the_terminal(
        self, server: Server
    ) -> None:
        server.play(close(b"HTTP/1.1 200 \x1b[2J\x07\r\n\r\n"))
        assert "\x1b" not in get(server.url).output


class TestVerbose:
    def test_events_and_public_headers_are_printed_but_no_secret(
        self, server: Server
    ) -> None:
        cookie = {"set-cookie": "hunter2", "x-ratelimit-limit": "5"}
        server.play(reply(503), reply(200, b"hello", **cookie))
        lines = lines_of(get(server.url, "-v", "--no-budget").stdout)
        assert f"    N s GET {server.url}: on a new connection" in lines
        assert f"    N s GET {server.url}: 503; next attempt in N s" in lines
        first = lines.index("HTTP/1.1 200 OK")
        assert set(lines[first + 1 : first + 4]) == {
            "content-length: 5",
            "set-cookie: …",
            "x-ratelimit-limit: 5",
        }

    def test_the_lines_of_the_attempts_are_not_repeated(self, server: Server) -> None:
        server.play(stall(), reply())
        output = get(server.url, "--hedge", "0.05", "-v").stdout
        assert output.count("hedge sent") == 1


class TestFailures:
    def test_an_error_status_exits_with_1(self, server: Server) -> None:
        server.play(reply(404, b"no"))
        result = get(server.url)
        assert lines_of(result.stdout)[-1] == (
            "404 Not Found, 1 attempt in N s, new connection, 2 bytes"
        )
        assert result.exit_code == 1

    def test_the_last_attempt_is_followed_by_its_error(self, server: Server) -> None:
        server.play(reset())
        result = get(server.url, "--attempts", "2")
        first, second, summary = lines_of(result.stdout)
        assert first == "attempt 1: ReadError, N s, next in N s"
        assert second == "attempt 2: ReadError, N s"
        assert re.fullmatch("ReadError.*, 2 attempts in N s", summary)
        assert result.exit_code == 1

    def test_of_the_errors_of_several_addresses_the_first_one_is_shown(self) -> None:
        refused, unreachable = OSError("refused"), OSError("unreachable")
        inner = ExceptionGroup("of a host", [refused, unreachable])
        assert first_of(ExceptionGroup("of a race", [inner])) is refused

    @pytest.mark.usefixtures("wire")
    def test_a_refused_connection_is_reported_without_a_traceback(
        self, server: Server
    ) -> None:
        server.stop()
        result = get(server.url)
        assert f"ConnectError: [Errno {ECONNREFUSED}] " in result.stdout
        assert result.exit_code == 1

    def test_a_truncated_body_exits_with_1(self, server: Server) -> None:
        server.play(close(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"))
        result = get(server.url)
        assert re.search(r"200 OK, RemoteProtocolError: .*, 4 bytes", result.stdout)
        assert result.exit_code == 1

    def test_max_time_limits_the_request_as_a_whole(self, server: Server) -> None:
        server.play(stall())
        result = get(server.url, "--max-time", "0.1")
        event, attempt, summary = result.stdout.splitlines()
        assert re.match(r" +.*\b0\.1 s", event)
        assert attempt.startswith("attempt 1: ")
        assert summary.startswith("DeadlineExceeded: ")
        assert result.exit_code == 1

    def test_timeout_limits_a_step_of_an_attempt(self, server: Server) -> None:
        server.play(stall(), reply())
        result = get(server.url, "--timeout", "0.1")
        assert result.stdout.startswith("attempt 1: ReadTimeout, 0.1")
        assert result.exit_code == 0


class TestPolicy:
    def test_the_budget_ends_retries_unless_it_is_switched_off(
        self, server: Server
    ) -> None:
        server.play(reply(503))
        spent = "the retry budget of its origin is spent"
        assert spent in get(server.url, "--stop", "5s").stdout
        assert spent not in get(server.url, "--stop", "0.2s", "--no-budget").stdout

    def test_a_status_code_given_by_an_option_is_retried(self, server: Server) -> None:
        server.play(reply(404), reply())
        assert get(server.url, "--retry-status", "404").exit_code == 0


class TestRedirects:
    def test_a_redirect_is_followed_with_location(self, server: Server) -> None:
        server.play(reply(302, location="/there"), reply(200))
        assert get(server.url, "-L").stdout.count("attempt 1: ") == 2
        assert server.received[-1].target == "/there"

    def test_a_redirect_is_not_followed_by_default(self, server: Server) -> None:
        server.play(reply(302, location="/there"))
        result = get(server.url)
        assert "302 Found, 1 attempt" in result.stdout
        assert result.exit_code == 0

    def test_the_target_of_a_redirect_is_printed_without_its_query(
        self, server: Server
    ) -> None:
        server.play(reply(302, location="/there?key=secret"), reply())
        lines = lines_of(get(server.url, "--location").stdout)
        assert lines[1:3] == [
            f"redirected to GET {server.url}there",
            "attempt 1: 200 OK, N s",
        ]

    def test_a_redirect_to_an_invalid_port_is_reported_without_a_traceback(
        self, server: Server
    ) -> None:
        server.play(reply(302, location="http://127.0.0.1:99999/"))
        result = get(server.url, "--location")
        assert "OverflowError: connect(): port must be" in result.stdout
        assert result.exit_code == 1

    @pytest.mark.parametrize(
        "url", ["http://user:se/cret@x/", "http://xn--/cret", "//user:cret/x@host:1/"]
    )
    def test_the_url_of_an_invalid_redirect_is_not_printed(
        self, server: Server, url: str
    ) -> None:
        server.play(reply(302, location=url))
        result = get(server.url, "--location")
        assert result.exit_code == 1
        assert "cret" not in result.output


def test_a_malformed_header_line_is_not_printed(server: Server) -> None:
    line = b"Set-Cookie\x00: session=hunter2"
    server.play(close(b"HTTP/1.1 200 OK\r\n" + line + b"\r\n\r\n"))
    for more in ((), ("--json",), ("-v",)):
        output = get(server.url, *more).output
        assert "RemoteProtocolError: illegal header line" in output
        assert "hunter2" not in output


def test_no_secret_of_a_request_is_printed(server: Server) -> None:
    server.play(reply(503))
    url = server.url.replace("//", "//user:hunter2@") + "path?key=hunter2"
    for more in ((), ("--json",)):
        result = get(url, "-H", "Authorization: hunter2", *more)
        assert "hunter2" not in result.output
        assert server.received[-1].target == "/path?key=hunter2"
    assert "hunter2" not in check(url, "-n", "1").output
