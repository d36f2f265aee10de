"""The Python of the README and of the pages in docs/ runs, against a local server."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import places
import pytest
from support.server import Server, reply

README = places.ROOT / "README.md"
OF_THEIR_OWN = {"migration.md", "simulator.md"}
"""Pages with a test file of their own."""

BLOCK = re.compile(
    r"^(?:<!-- (?P<mark>not run|needs): (?P<why>[^\n]+) -->\n)?"
    r"```python\n(?P<source>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


class Block(NamedTuple):
    """A block of Python on a page, and the imports of the blocks before it."""

    source: str
    earlier: str
    mark: str | None
    why: str | None


def blocks_of(path: Path) -> list[Block]:
    blocks: list[Block] = []
    earlier: list[str] = []
    for found in BLOCK.finditer(path.read_text()):
        source = found["source"]
        blocks.append(Block(source, "\n".join(earlier), found["mark"], found["why"]))
        if found["mark"] is None:
            earlier += imports(source)
    return blocks


def imports(source: str) -> list[str]:
    return [
        ast.unparse(node)
        for node in ast.parse(source).body
        if isinstance(node, (ast.Import, ast.ImportFrom))
    ]


ALL = [
    pytest.param(block, id=f"{path.relative_to(places.ROOT)}-{number}")
    for path in (README, *places.pages())
    if path.name not in OF_THEIR_OWN
    for number, block in enumerate(blocks_of(path))
]


def test_the_readme_and_most_pages_have_blocks() -> None:
    assert len(blocks_of(README)) >= 2
    assert len(ALL) >= 40


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("block", ALL)
async def test_a_block_runs(server: Server, block: Block, anyio_backend: str) -> None:
    if block.mark == "not run":
        assert ast.parse(block.source).body
        return
    if block.mark == "needs":
        pytest.importorskip(block.why or "")
    server.play(reply(503), reply(200))
    source = block.source.replace("https://api.example.com/", server.url)
    # A whole program has an event loop of its own.
    if "\nasyncio.run(" in source:
        source = source.replace("\nasyncio.run(main())", "\nawait main()")
    code = compile(source, "page", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    async with httpx.AsyncClient() as client:
        names: dict[str, Any] = {"client": client, "url": server.url}
        exec(block.earlier, names)
        running = eval(code, names)
        if inspect.isawaitable(running):
            await running
    if isinstance(response := names.get("response"), httpx.Response):
        assert response.is_success
