"""Ctrl-C during a command: it reports what has ended, and exits with 130."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator

import pytest
from support.command_line import check, get, lines_of, python
from support.gates import eventually
from support.server import Connection, Server, Step, reply, stall


@pytest.fixture(autouse=True)
def default_sigint() -> Iterator[None]:
    """
    Restore the default handler of SIGINT, for this process and the ones it starts.

    A shell without job control starts `pytest ... &` with SIGINT ignored.
    """
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, previous)


def interrupting(then: Step) -> Step:
    """Send SIGINT to the main thread, which Python handles signals in."""

    def step(connection: Connection) -> bool:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        return then(connection)

    return step


def test_an_interrupted_request_reports_its_attempts(server: Server) -> None:
    server.play(reply(503), interrupting(stall()))
    result = get(server.url)
    assert lines_of(result.stdout)[1:] == [
        "attempt 2: cancelled, N s",
        "interrupted, 2 attempts in N s, new connection",
    ]
    assert result.exit_code == 130


def test_an_interrupted_load_reports_the_requests_that_have_ended(
    server: Server,
) -> None:
    server.play(reply(), reply(), interrupting(stall()))
    result = check(server.url, "-n", "9", "-c", "1")
    assert ": 2 requests in " in result.stdout
    assert result.stdout.endswith("interrupted after 2 of 9 requests\n")
    assert result.exit_code == 130


def test_a_load_that_is_interrupted_at_once_reports_no_attempts(server: Server) -> None:
    server.play(interrupting(stall()))
    result = check(server.url, "-n", "9", "-c", "1")
    assert "attempts     0, 0 per second\n" in result.stdout
    assert result.exit_code == 130


@pytest.mark.parametrize("command", ["get", "check"])
def test_ctrl_c_ends_a_process_without_a_traceback(
    server: Server, command: str
) -> None:
    server.play(stall())
    with python(command, server.url, "--json") as process:
        eventually(lambda: server.requests)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert json.loads(out)["interrupted"]
    assert not err
    assert process.returncode == 130
