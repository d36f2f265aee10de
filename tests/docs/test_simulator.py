"""The page of the simulator: its commands, its output and its program."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from support.command_line import run

from httpx_resilient._cli.simulated_policy import parse_policy

PAGE = Path(__file__).parent.parent.parent / "docs" / "simulator.md"
TEXT = PAGE.read_text()
PROMPT = "python -m httpx_resilient "
COMMANDS = re.findall(rf"^{PROMPT}(simulate .*)$", TEXT, re.MULTILINE)
SMALL = ["--clients", "5", "--capacity", "7", "--duration", "100"]
"""The commands of the page run with fewer clients."""

SHOWN = re.search(rf"^\$ {PROMPT}(.*)\n((?:(?!```).*\n)+)", TEXT, re.MULTILINE)
FIGURES = re.compile(r"[\d.,]+|[ ▁▂▃▄▅▆▇█]{2,}")
"""Figures and charts: they may change with each policy."""


@pytest.fixture(autouse=True)
def plain_terminal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_page_runs(command: str) -> None:
    result = run(*shlex.split(command), *SMALL)
    assert result.exit_code == 0, result.stderr


def test_the_page_shows_what_its_command_prints() -> None:
    assert SHOWN is not None
    command, shown = SHOWN.groups()
    printed = run(*shlex.split(command)).stdout
    assert skeleton(printed) == skeleton(shown)


def skeleton(text: str) -> list[str]:
    return [FIGURES.sub("#", line.rstrip()) for line in text.splitlines()]


def test_the_program_of_the_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = re.findall(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(block, str(PAGE), "exec"), names)
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert Path("policies.png").read_bytes().startswith(b"\x89PNG")


def test_each_option_of_the_page_exists() -> None:
    text = run("simulate", "--help").stdout
    for option in set(re.findall(r"`(--[a-z-]+)", TEXT)):
        assert option in text or option == "--no-budget"
    assert parse_policy("--no-budget").budget is False


def test_the_picture_of_the_page_exists() -> None:
    assert PAGE.with_name("pictures").joinpath("simulator.png").stat().st_size > 10_000
