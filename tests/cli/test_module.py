"""The module that `python -m httpx_resilient` runs: its start, its help, its end."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import NoReturn

import pytest
from support.command_line import ROOT, lines_of, python, run
from support.server import Server, reply

import httpx_resilient
import httpx_resilient.__main__
from httpx_resilient import _cli
from httpx_resilient._cli import app as app_module


def test_a_command_runs_in_a_process_with_an_ascii_terminal(server: Server) -> None:
    server.play(reply(503), reply(200, b"hello"))
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    with python("get", server.url, env=environment) as process:
        out, err = process.communicate(timeout=20)
    assert lines_of(out)[-1].startswith("200 OK, 2 attempts in N s")
    assert not err
    assert process.returncode == 0


def test_a_closed_standard_output_causes_no_traceback() -> None:
    with python("explain") as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("more", [[], ["--json"]])
def test_a_full_disk_behind_standard_output_causes_no_traceback(
    more: list[str],
) -> None:
    with Path("/dev/full").open("w") as full:
        process = subprocess.run(
            [sys.executable, "-m", "httpx_resilient", "explain", *more],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    expected = "the output cannot be written: No space left on device\n"
    assert process.stderr == expected
    assert process.returncode == 1


@pytest.mark.parametrize(
    ("error", "printed"),
    [
        (OSError(28, "No space left"), "the output cannot be written: No space left\n"),
        (BrokenPipeError(), ""),
    ],
)
def test_an_output_that_fails_exits_with_1(
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    error: OSError,
    printed: str,
) -> None:
    def fail(**options: object) -> NoReturn:
        raise error

    monkeypatch.setattr(app_module, "app", fail)
    with pytest.raises(SystemExit) as ended:
        _cli.main()
    assert ended.value.code == 1
    assert capfd.readouterr().err == printed


def test_the_script_is_named_in_its_help(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    ((name, main),) = project["scripts"].items()
    script = EntryPoint(name, main, "console_scripts")
    monkeypatch.setattr(sys, "argv", [f"/usr/bin/{name}", "--help"])
    with pytest.raises(SystemExit):
        script.load()()
    assert "Usage: httpx-resilient " in capsys.readouterr().out


def test_running_the_module_calls_main(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert httpx_resilient.__main__.main is _cli.main
    monkeypatch.setattr(sys, "argv", ["httpx_resilient", "--version"])
    monkeypatch.delitem(sys.modules, "httpx_resilient.__main__")
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("httpx_resilient", run_name="__main__")
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"{httpx_resilient.__version__}\n"


def test_without_the_extra_the_error_names_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "httpx_resilient._cli.app")
    monkeypatch.setitem(sys.modules, "typer", None)
    with pytest.raises(SystemExit) as ended:
        _cli.main()
    assert ended.value.code == 2
    assert capsys.readouterr().err == (
        "the command line needs typer: pip install 'httpx_resilient[cli]'\n"
    )


def test_a_missing_module_that_is_not_of_the_extra_is_raised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "httpx_resilient._cli.app", None)
    with pytest.raises(ModuleNotFoundError):
        _cli.main()


@pytest.mark.parametrize("command", ["get", "check", "explain", "simulate"])
def test_the_help_of_each_command_lists_the_exit_codes(command: str) -> None:
    text = " ".join(run(command, "--help").stdout.split())
    assert "Exit codes: 0 success, 1 an error or a status code of 400 or above" in text
    assert "--json" in text


def test_without_a_command_the_help_is_printed() -> None:
    result = run()
    assert "explain" in result.output
    assert result.exit_code == 2


def test_the_library_can_be_imported_without_the_extra() -> None:
    code = (
        "import sys; sys.modules['typer'] = sys.modules['rich'] = None; "
        "import httpx_resilient, httpx_resilient._cli"
    )
    root = Path(httpx_resilient.__file__).parent.parent
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, cwd=root)
