"""The Python of the pages in docs/ runs, against a real local server."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from typing import Any

import pytest
from support.server import Server, reply

DOCS = Path(__file__).parent.parent.parent / "docs"
RUN = ["language-models.md", "secrets.md"]
"""The pages whose blocks are whole programs."""

BLOCKS = [
    (name, block)
    for name in RUN
    for block in re.findall(
        r"^```python\n(.*?)^```$", (DOCS / name).read_text(), re.MULTILINE | re.DOTALL
    )
]


def test_each_page_has_a_block() -> None:
    assert {name for name, _ in BLOCKS} == set(RUN)


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize(("name", "block"), BLOCKS)
async def test_a_block_of_a_page_runs(
    server: Server, name: str, block: str, anyio_backend: str
) -> None:
    server.play(reply(503), reply(200))
    source = block.replace("https://api.example.com/", server.url)
    code = compile(source, name, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    names: dict[str, Any] = {}
    running = eval(code, names)
    if inspect.isawaitable(running):
        await running
    assert names["response"].status_code == 200
