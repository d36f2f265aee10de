"""The Python and the commands of the README run, against a real local server."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.server import Server, reply
from typer.testing import CliRunner

from httpx_resilient._cli.app import app

README = Path(__file__).parent.parent.parent / "README.md"
BLOCKS = re.findall(
    r"^```python\n(.*?)^```$", README.read_text(), re.MULTILINE | re.DOTALL
)


def test_the_readme_has_python_blocks() -> None:
    assert len(BLOCKS) >= 5


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("number", range(len(BLOCKS)))
async def test_a_python_block_runs(
    server: Server, number: int, anyio_backend: str
) -> None:
    server.play(reply(503), reply(200))
    source = BLOCKS[number].replace("https://api.example.com/", server.url)
    code = compile(source, str(README), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    async with httpx.AsyncClient() as client:
        names: dict[str, Any] = {"client": client, "url": server.url}
        earlier = "\n".join(
            line for block in BLOCKS[:number] for line in imports(block)
        )
        exec(earlier, names)
        running = eval(code, names)
        if inspect.isawaitable(running):
            await running


def imports(block: str) -> list[str]:
    tree = ast.parse(block)
    return [
        ast.unparse(n) for n in tree.body if isinstance(n, (ast.Import, ast.ImportFrom))
    ]


COMMANDS = re.findall(
    r"^\$ python -m httpx_resilient (.*)\n((?:(?!\$ |```).*\n)+)",
    README.read_text(),
    re.MULTILINE,
)


def test_the_readme_shows_each_command() -> None:
    assert [line.split()[0] for line, _ in COMMANDS] == ["get", "check", "explain"]


@pytest.mark.parametrize(("line", "shown"), COMMANDS)
def test_a_command_prints_the_output_in_the_readme(
    server: Server, line: str, shown: str
) -> None:
    slow = reply(429, retry_after="1")
    server.play(reply(503), slow if line.startswith("get") else reply(503), reply())
    arguments = re.sub(r"http://[^/]*/", server.url, line).split()
    printed = CliRunner().invoke(app, arguments, env={"COLUMNS": "80"}).stdout
    assert words_of(printed) == words_of(shown)
    if line.startswith("explain"):
        assert lines_of(printed) == lines_of(shown)


def lines_of(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines() if line.strip()]


def words_of(text: str) -> list[str]:
    """Split a text into words, with all numbers replaced, because they vary."""
    text = re.sub(r"\d[\d.e-]*", "N", re.sub("http://[^/]*/", "URL/", text))
    return re.sub(r"(, N with N)+|─+", "", text).split()


def test_the_block_about_assert_attempts_needs_no_network() -> None:
    exec(next(block for block in BLOCKS if "assert_attempts" in block), {})
