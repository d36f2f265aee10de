"""The command line over a real wire: what is sent, what is told, how it ends."""

from __future__ import annotations

import errno
import json
import os
import re
import runpy
import signal
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import typer
from support.server import Connection, Server, Step, close, reply, reset, stall
from typer.testing import CliRunner, Result

import httpx_resilient
import httpx_resilient.__main__
from httpx_resilient import _cli
from httpx_resilient._cli import get as _getting
from httpx_resilient._cli import request as _asked
from httpx_resilient._cli.app import app
from httpx_resilient._cli.load_report import Tally

ROOT = Path(httpx_resilient.__file__).parent.parent

NOW = ("--wait", "0")
"""For tests about what is told, not about when."""


@pytest.fixture(autouse=True)
def plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")


def run(*arguments: str, **options: Any) -> Result:
    return CliRunner().invoke(app, arguments, catch_exceptions=False, **options)


def get(*arguments: str, **options: Any) -> Result:
    return run("get", *arguments, *NOW, **options)


def check(*arguments: str) -> Result:
    return run("check", *arguments, *NOW)


def lines_of(text: str) -> list[str]:
    """Without what time it took."""
    return [re.sub(r"\d[\d.e-]* s\b", "N s", line) for line in text.splitlines()]


def python(*arguments: str, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "httpx_resilient", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def interrupting(then: Step) -> Step:
    """Press Ctrl-C, in the thread that Python handles it in."""

    def step(connection: Connection) -> bool:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        return then(connection)

    return step


# Getting something.


def test_a_line_for_each_attempt_and_a_summary(server: Server) -> None:
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


def test_the_wait_is_kept_and_told(server: Server) -> None:
    server.play(reply(503), reply())
    started = time.monotonic()
    result = run("get", server.url, "--wait", "0.2")
    assert time.monotonic() - started >= 0.2
    assert "next in 0.2 s" in result.stdout


def test_what_the_server_asks_for_is_told(server: Server) -> None:
    server.play(reply(503, retry_after="0.01"), reply())
    assert "503 Service Unavailable, Retry-After 0.01 s, " in get(server.url).stdout


def test_a_status_of_an_error_is_an_error(server: Server) -> None:
    server.play(reply(404, b"no"))
    result = get(server.url)
    assert lines_of(result.stdout)[-1] == (
        "404 Not Found, 1 attempt in N s, new connection, 2 bytes"
    )
    assert result.exit_code == 1


def test_one_without_a_name_has_a_number(server: Server) -> None:
    server.play(reply(299))
    assert lines_of(get(server.url).stdout)[0] == "attempt 1: 299, N s"


def test_the_reason_to_give_up_is_told(server: Server) -> None:
    server.play(reply(500))
    result = get(server.url, "--data", "x=1")
    assert lines_of(result.stdout)[0] == (
        "attempt 1: 500 Internal Server Error, and POST is not idempotent, N s"
    )


def test_it_gives_up(server: Server) -> None:
    server.play(reset())
    result = get(server.url, "--attempts", "2")
    first, second, summary = lines_of(result.stdout)
    assert first == "attempt 1: ReadError, N s, next in N s"
    assert second == "attempt 2: ReadError, N s"
    assert re.fullmatch("ReadError.*, 2 attempts in N s", summary)
    assert result.exit_code == 1


def test_nobody_there_is_no_traceback(server: Server) -> None:
    server.stop()
    result = get(server.url)
    assert "ConnectError: All connection attempts failed, 3 att" in result.stdout
    assert result.exit_code == 1


def test_a_body_that_breaks_off_is_an_error(server: Server) -> None:
    server.play(close(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"))
    result = get(server.url)
    assert re.search(r"200 OK, RemoteProtocolError: .*, 4 bytes", result.stdout)
    assert result.exit_code == 1


def test_a_limit_for_all_of_it(server: Server) -> None:
    server.play(stall())
    result = get(server.url, "--max-time", "0.1")
    assert "its headers did not come within 0.1 s" in result.stdout
    assert "\nattempt 1: " in result.stdout
    assert "\nDeadlineExceeded: " in result.stdout
    assert result.exit_code == 1


def test_a_limit_for_a_step(server: Server) -> None:
    server.play(stall(), reply())
    result = get(server.url, "--timeout", "0.1")
    assert result.stdout.startswith("attempt 1: ReadTimeout, 0.1")
    assert result.exit_code == 0


def test_a_hedge_is_told_of(server: Server) -> None:
    server.play(stall(), reply())
    result = get(server.url, "--hedge", "0.05")
    assert "hedge" in result.stdout
    assert result.exit_code == 0


def test_a_stop_by_time_is_kept_to_if_there_is_no_budget(server: Server) -> None:
    server.play(reply(503))
    spent = "the retry budget of its origin is spent"
    assert spent in get(server.url, "--stop", "5s").stdout
    assert spent not in get(server.url, "--stop", "0.2s", "--no-budget").stdout


def test_an_asked_for_status_is_tried_again(server: Server) -> None:
    server.play(reply(404), reply())
    assert get(server.url, "--retry-status", "404").exit_code == 0


def test_redirects_are_followed_if_that_is_wanted(server: Server) -> None:
    server.play(reply(302, location="/there"), reply(200))
    assert get(server.url, "-L").stdout.count("attempt 1: ") == 2
    assert server.received[-1].target == "/there"


def test_each_redirect_is_told(server: Server) -> None:
    server.play(reply(302, location="/there?key=secret"), reply())
    lines = lines_of(get(server.url, "--location").stdout)
    assert lines[1:3] == [
        f"redirected to GET {server.url}there",
        "attempt 1: 200 OK, N s",
    ]


def test_a_redirect_to_no_port_is_no_traceback(server: Server) -> None:
    server.play(reply(302, location="http://127.0.0.1:99999/"))
    result = get(server.url, "--location")
    assert "OverflowError, 2 attempts" in result.stdout
    assert result.exit_code == 1


def test_the_certificates_are_not_the_servers_time(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = ssl.create_default_context

    def slow(*args: Any, **options: Any) -> ssl.SSLContext:
        time.sleep(0.3)  # what must not be seen below
        return real(*args, **options)

    monkeypatch.setattr(ssl, "create_default_context", slow)
    for arguments in (["get"], ["check", "-n", "1"]):
        result = run(*arguments, server.url, "--json")
        assert json.loads(result.stdout)["seconds"] < 0.3


def test_and_left_alone_if_it_is_not(server: Server) -> None:
    server.play(reply(302, location="/there"))
    result = get(server.url)
    assert "302 Found, 1 attempt" in result.stdout
    assert result.exit_code == 0


@pytest.mark.parametrize("url", ["http://user:se/cret@x/", "http://xn--/cret"])
def test_a_redirect_to_nowhere_is_told_without_its_url(
    server: Server, url: str
) -> None:
    server.play(reply(302, location=url))
    result = get(server.url, "--location")
    assert result.exit_code == 1
    assert "cret" not in result.output


# What is sent.


def test_method_headers_and_data_are_those_given(server: Server) -> None:
    get(server.url, "-X", "put", "-H", "X-One: 1", "-H", "x-two:zwölf", "-d", "a=b")
    (request,) = server.received
    assert (request.method, request.body) == ("PUT", b"a=b")
    assert request.headers["x-one"] == "1"
    assert request.headers["x-two"].encode("latin-1").decode() == "zwölf"
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"


def test_data_come_from_a_file_or_the_standard_input(
    server: Server, tmp_path: Path
) -> None:
    file = tmp_path / "data.json"
    file.write_bytes(b"{}")
    get(server.url, "-d", f"@{file}", "-H", "content-type: application/json")
    get(server.url, "-d", "@-", input=b"\x00\xff")
    assert server.bodies == [b"{}", b"\x00\xff"]
    assert server.received[0].headers["content-type"] == "application/json"


def test_nothing_secret_is_told(server: Server) -> None:
    server.play(reply(503))
    url = server.url.replace("//", "//user:hunter2@") + "path?key=hunter2"
    for more in ((), ("--json",)):
        result = get(url, "-H", "Authorization: hunter2", *more)
        assert "hunter2" not in result.output
        assert server.received[-1].target == "/path?key=hunter2"
    assert "hunter2" not in check(url, "-n", "1").output


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (["localhost/hunter2"], "URL"),
        (["ftp://localhost/hunter2"], "URL"),
        (["http://user:hunter2/@localhost/"], "URL"),
        (["http:///hunter2"], "URL"),
        (["http://xn--/hunter2"], "URL"),
        (["http://localhost/", "-H", "hunter2"], "--header"),
        (["http://localhost/", "-H", "a: b\nhunter2"], "--header"),
        (["http://localhost/", "-H", "hun ter2: a"], "--header"),
        (["http://localhost/", "-X", "hunter2 /"], "--method"),
        (["http://localhost:99999/hunter2"], "URL"),
        (["http://localhost/", "-d", "@/hunter2"], "--data"),
        (["http://localhost/", "--json", "-o", "-"], "--output"),
    ],
)
def test_what_cannot_be_sent_is_a_mistake_of_use_and_not_repeated(
    arguments: list[str], option: str
) -> None:
    result = get(*arguments)
    assert f"Error: Invalid value for {option}: " in result.stderr
    assert "hunter2" not in result.output
    assert not result.stdout
    assert result.exit_code == 2


def test_a_proxy_that_cannot_be_used_is_one_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "gopher://user:hunter2@localhost")
    for command in get, check:
        result = command("http://example.invalid/")
        assert result.exit_code == 2
        assert "for the environment: " in result.stderr
        assert "hunter2" not in result.output


def test_nor_are_certificates_that_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none"))
    for command in get, check:
        result = command("http://example.invalid/")
        assert result.exit_code == 2
        assert "SSL_CERT_FILE: the certificates cannot be read: No" in result.stderr


def test_a_proxy_whose_package_is_missing_names_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://user:hunter2@localhost")
    monkeypatch.setattr(_asked, "find_spec", lambda name: None)
    for command in get, check:
        result = command("http://example.invalid/")
        assert result.exit_code == 2
        assert "pip install 'httpx_resilient[socks]'" in result.stderr
        assert "hunter2" not in result.output


def test_without_a_standard_input_there_are_no_data_in_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(typer.BadParameter, match="there is no standard input"):
        _asked.asked("http://localhost/", None, [], "@-")


# Where it goes to.


def test_the_body_goes_to_a_file(server: Server, tmp_path: Path) -> None:
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
        ("kept", "Permission denied"),
        ("new", "Permission denied"),
    ],
)
def test_nothing_is_sent_if_its_file_cannot_be_written(
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    file: str,
    problem: str,
) -> None:
    (tmp_path / "kept").touch()
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write all
    result = get(server.url, "--data", "x=1", "-o", str(tmp_path / file))
    assert f"--output: that file cannot be written: {problem}" in result.stderr
    assert result.exit_code == 2
    assert not server.requests


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no full disk here")
def test_a_full_disk_is_an_error(server: Server) -> None:
    server.play(reply(200, b"body"))
    result = get(server.url, "-o", "/dev/full")
    assert "200 OK, OSError: [Errno 28] No space left on device" in result.stdout
    assert result.exit_code == 1


def test_the_body_on_the_standard_output_is_alone_there(server: Server) -> None:
    server.play(reply(503, b"no"), reply(200, b"\x00body"))
    result = get(server.url, "-o", "-")
    assert result.stdout_bytes == b"\x00body"
    assert "200 OK, 2 attempts" in result.stderr


def test_a_machine_gets_one_document(server: Server) -> None:
    server.play(reply(503), reply(200, b"hello"))
    result = get(f"{server.url}path?query", "--json")
    told = json.loads(result.stdout)
    assert [each["outcome"] for each in told["attempts"]] == [503, 200]
    assert [each["number"] for each in told["attempts"]] == [1, 2]
    assert told["attempts"][0]["reason"] == "503"
    assert told["events"][0]["kind"] == "AttemptStarted"
    del told["attempts"], told["events"]
    assert told.pop("seconds") > 0
    assert told == {
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


def test_of_a_failure_too(server: Server) -> None:
    server.play(close())
    result = get(server.url, "--json")
    told = json.loads(result.stdout)
    assert (told["ok"], told["status"]) == (False, None)
    assert told["error"] == "RemoteProtocolError"
    assert told["message"].startswith("RemoteProtocolError: ")
    assert [each["outcome"] for each in told["attempts"]] == [told["error"]] * 3
    assert result.exit_code == 1


def test_on_a_terminal_something_moves(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    server.play(reply(503), reply())
    result = run("get", server.url, "--wait", "0.2")
    assert "\x1b[?25l" in result.stdout  # the cursor is hidden ...
    assert "\x1b[?25h" in result.stdout  # ... and shown again
    assert "waits 0.2 s" in result.stdout
    assert "\x1b[?25l" not in get(server.url, "--json").stdout


def test_but_not_where_it_would_wipe_out_the_body(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    server.play(reply(200, b"body"))
    assert "\x1b[?25l" in get(server.url, "-o", "-").stderr
    with monkeypatch.context() as patch:
        patch.setattr(_getting, "sys", mock.Mock())  # stdout is a terminal
        assert "\x1b[?25l" not in get(server.url, "-o", "-").stderr


def test_what_a_server_says_does_nothing_to_a_terminal(server: Server) -> None:
    server.play(close(b"HTTP/1.1 200 \x1b[2J\x07\r\n\r\n"))
    assert "\x1b" not in get(server.url).output


# Loading something.


def test_a_load_is_told_in_numbers(server: Server) -> None:
    server.play(*[reply(503)] * 2, *[reply()] * 10, reply(404), reply())
    result = check(server.url, "-n", "20", "-c", "4", "--rate", "1000")
    lines = result.stdout.splitlines()
    assert re.fullmatch(rf"GET {server.url}: 20 requests in [\d.]+ s", lines[0])
    assert " 200             19   95.0 " in lines
    assert " 404              1    5.0 " in lines
    assert re.search(r"attempts     22, \S+ a second: ", result.stdout)
    assert re.search(
        r"connections  \d opened, reused \d+ times, 0 given", result.stdout
    )
    assert re.search(r"of an attempt( +[\d.e-]+){4}", result.stdout)
    assert re.search(r"of a request, with retries( +[\d.e-]+){4}", result.stdout)
    assert not result.stderr
    assert server.requests == 22
    assert result.exit_code == 1


def test_a_load_that_goes_well(server: Server) -> None:
    result = check(server.url, "-n", "2")
    assert "2, " in result.stdout
    assert result.exit_code == 0


def test_it_goes_no_faster_than_the_rate(server: Server) -> None:
    check(server.url, "-n", "11", "--rate", "50")
    times = [request.at for request in server.received]
    assert max(times) - min(times) >= 0.18


def test_and_no_more_at_a_time_than_was_said(server: Server) -> None:
    server.play(lambda c: time.sleep(0.01) or reply()(c))
    check(server.url, "-n", "30", "-c", "3", "--rate", "1000")
    assert server.connections <= 3


def test_errors_are_outcomes(server: Server) -> None:
    server.play(reset())
    result = check(server.url, "-n", "2", "--attempts", "1", "--json")
    told = json.loads(result.stdout)
    assert told["outcomes"] == {"ReadError": 2}
    assert told["attempts"] == {"sent": 2, "of_requests": {"1": 2}}
    assert result.exit_code == 1


def test_a_body_that_breaks_off_is_one(server: Server) -> None:
    server.play(close(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"))
    told = json.loads(check(server.url, "-n", "1", "--json").stdout)
    assert told["outcomes"] == {"RemoteProtocolError": 1}
    assert told["attempts"]["sent"] == 1


def test_an_attempt_that_a_limit_cuts_off_is_counted(server: Server) -> None:
    server.play(stall(), reply(503), stall())
    result = check(server.url, "-n", "2", "-m", "0.3", "-c", "1", "--json")
    told = json.loads(result.stdout)
    assert told["outcomes"] == {"DeadlineExceeded": 2}
    assert told["attempts"] == {"sent": 3, "of_requests": {"1": 1, "2": 1}}


def test_how_long_it_would_have_taken_nobody_knows() -> None:
    tally = Tally()
    tally.add("DeadlineExceeded", (), started=1, failed=True)
    assert tally.sent == 1
    assert not tally.of_attempts
    assert not tally.of_requests


def test_a_machine_gets_the_numbers(server: Server) -> None:
    told = json.loads(check(f"{server.url}?q", "-n", "4", "-c", "2", "--json").stdout)
    latency = told.pop("latency")
    assert list(latency) == ["attempt", "request"]
    assert list(latency["attempt"]) == ["p50", "p90", "p99", "max"]
    assert told.pop("seconds") > 0
    assert told.pop("connections")["opened"] in {1, 2}
    assert told == {
        "request": f"GET {server.url}",
        "ok": True,
        "interrupted": False,
        "asked": {"requests": 4, "concurrency": 2, "rate": 50.0},
        "outcomes": {"200": 4},
        "attempts": {"sent": 4, "of_requests": {"1": 4}},
    }


@pytest.mark.parametrize(
    "options",
    [
        ("--requests", "10001"),
        ("--concurrency", "101"),
        ("--rate", "1001"),
        ("--rate", "0"),
        ("--rate", "inf"),
    ],
)
def test_no_load_is_without_a_limit(options: tuple[str, str]) -> None:
    result = check("http://localhost/", *options)
    assert result.exit_code == 2
    assert options[0] in result.stderr


def test_a_terminal_has_a_bar(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    result = check(server.url, "-n", "3")
    assert "3/3" in result.stderr
    assert "\x1b[?25h" in result.stderr


# Ctrl-C.


def test_a_request_is_interrupted(server: Server) -> None:
    server.play(reply(503), interrupting(stall()))
    result = get(server.url)
    assert lines_of(result.stdout)[1:] == [
        "attempt 2: cancelled, N s",
        "interrupted, 2 attempts in N s, new connection",
    ]
    assert result.exit_code == 130


def test_a_load_is_interrupted_and_tells_what_it_knows(server: Server) -> None:
    server.play(reply(), reply(), interrupting(stall()))
    result = check(server.url, "-n", "9", "-c", "1")
    assert ": 2 requests in " in result.stdout
    assert result.stdout.endswith("interrupted, 9 were to be sent\n")
    assert result.exit_code == 130


def test_before_anything_has_ended_there_is_not_much(server: Server) -> None:
    server.play(interrupting(stall()))
    result = check(server.url, "-n", "9", "-c", "1")
    assert "attempts     0, 0 a second: none" in result.stdout
    assert result.exit_code == 130


@pytest.mark.parametrize("command", ["get", "check"])
def test_ctrl_c_in_a_process_of_its_own_is_clean(server: Server, command: str) -> None:
    server.play(stall())
    with python(command, server.url, "--json") as process:
        while not server.requests:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert json.loads(out)["interrupted"]
    assert not err
    assert process.returncode == 130


# The program.


def test_it_runs_as_a_module(server: Server) -> None:
    server.play(reply(503), reply(200, b"hello"))
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    with python("get", server.url, env=environment) as process:
        out, err = process.communicate(timeout=20)
    assert lines_of(out)[-1].startswith("200 OK, 2 attempts in N s")
    assert not err
    assert process.returncode == 0


def test_a_reader_that_has_enough_is_no_traceback() -> None:
    with python("explain") as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()


def test_nor_is_one_of_a_body(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    server.play(reply(200, b"body"))
    gone = mock.Mock(**{"buffer.write.side_effect": BrokenPipeError(errno.EPIPE, "")})
    monkeypatch.setattr(_getting, "sys", mock.Mock(stdout=gone))
    result = get(server.url, "-o", "-")
    assert "Error" not in result.output
    assert result.exit_code == 1


def test_the_module_is_its_main(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert httpx_resilient.__main__.main is _cli.main
    monkeypatch.setattr(sys, "argv", ["httpx_resilient", "--version"])
    monkeypatch.delitem(sys.modules, "httpx_resilient.__main__")
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("httpx_resilient", run_name="__main__")
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"{httpx_resilient.__version__}\n"


def test_without_the_extra_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "httpx_resilient._cli.app")
    monkeypatch.setitem(sys.modules, "typer", None)
    with pytest.raises(SystemExit) as ended:
        _cli.main()
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert told == "typer is missing: pip install 'httpx_resilient[cli]'\n"


def test_what_else_is_missing_is_no_matter_of_the_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "httpx_resilient._cli.app", None)
    with pytest.raises(ModuleNotFoundError):
        _cli.main()


@pytest.mark.parametrize("command", ["get", "check", "explain"])
def test_each_command_tells_its_exit_codes(command: str) -> None:
    told = " ".join(run(command, "--help").stdout.split())
    assert "Exit codes: 0 all went well, 1 an error or a status code from 400" in told
    assert "--json" in told


def test_without_a_command_it_tells_which_there_are() -> None:
    result = run()
    assert "explain" in result.output
    assert result.exit_code == 2


def test_the_library_does_not_need_it() -> None:
    code = (
        "import sys; sys.modules['typer'] = sys.modules['rich'] = None; "
        "import httpx_resilient, httpx_resilient._cli"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, cwd=ROOT)
