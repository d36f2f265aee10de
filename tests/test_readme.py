"""The README's Python runs, against a real server in place of the example's."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from server import Server, reply

README = Path(__file__).parent.parent / "README.md"
BLOCKS = re.findall(
    r"^```python\n(.*?)^```$", README.read_text(), re.MULTILINE | re.DOTALL
)


def test_there_is_something_to_run() -> None:
    assert len(BLOCKS) >= 5


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("number", range(len(BLOCKS)))
async def test_block_runs(server: Server, number: int, anyio_backend: str) -> None:
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
