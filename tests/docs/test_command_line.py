"""The page of the command line shows what the commands print."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import places
import pytest
from support.file_server import STRONG, FileServer
from support.server import Server, reply
from typer.testing import CliRunner

from httpx_resilient._cli.app import app

COMMANDS = re.findall(
    r"^\$ python -m httpx_resilient (.*)\n((?:(?!\$ |```).*\n)+)",
    (places.DOCS / "command-line.md").read_text(),
    re.MULTILINE,
)


def test_the_page_shows_each_command() -> None:
    names = [line.split()[0] for line, _ in COMMANDS]
    assert names == ["get", "check", "explain", "download"]


@pytest.mark.parametrize(("line", "shown"), COMMANDS)
def test_a_command_prints_the_output_on_the_page(
    server: Server, line: str, shown: str, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    slow = reply(429, retry_after="1")
    server.play(reply(503), slow if line.startswith("get") else reply(503), reply())
    if line.startswith("download"):
        server.play(FileServer(STRONG, cuts=1))
    arguments = re.sub(r"http://[^/]*/", server.url, line).split()
    printed = CliRunner().invoke(app, arguments, env={"COLUMNS": "80"}).stdout
    assert words_of(printed) == words_of(shown)
    if line.startswith("explain"):
        assert lines_of(printed) == lines_of(shown)


def lines_of(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines() if line.strip()]


def words_of(text: str) -> list[str]:
    """Split a text into words, with all numbers replaced, because they vary."""
    text = re.sub(r"\S+ (\w?B|bytes)/s", "RATE", text)
    text = re.sub(r"\d[\d.e-]*", "N", re.sub("http://[^/]*/", "URL/", text))
    return re.sub(r"(, N with N)+|─+", "", text).split()
