"""The new lines of the migration page run, and make the claimed number of attempts."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from typing import Any

import pytest
from support.server import Server, close, reply
from tenacity import wait_none

from httpx_resilient import attempts_of

PAGE = Path(__file__).parent.parent.parent / "docs" / "migration.md"
BLOCKS = re.findall(
    r"^(<!-- not run: [^\n]+ -->\n)?```python\n(.*?)^```$",
    PAGE.read_text(),
    re.MULTILINE | re.DOTALL,
)
OLD = [source for mark, source in BLOCKS if mark]
IMPORTS, *NEW = [source for mark, source in BLOCKS if not mark]
CLAIM = re.compile(r"([A-Z]+), (\d{3}|disconnect|refused): (\d+) attempts?\b")
CLAIMS = [
    pytest.param(source, method, outcome, int(attempts), id=f"{n}-{method}-{outcome}")
    for n, source in enumerate(NEW)
    for method, outcome, attempts in CLAIM.findall(source)
]


def client_of(source: str) -> Any:
    names: dict[str, Any] = {}
    exec(IMPORTS, names)
    exec(source, names)
    return names["client"]


async def settle(value: Any) -> Any:
    return await value if inspect.isawaitable(value) else value


async def outcome_of(client: Any, method: str, url: str) -> Any:
    quick = {"retry": {"wait": wait_none()}}
    try:
        return await settle(client.request(method, url, extensions=quick))
    except Exception as error:
        return error
    finally:
        await settle(client.aclose() if hasattr(client, "aclose") else client.close())


@pytest.mark.parametrize("source", OLD, ids=range(len(OLD)))
def test_the_old_lines_are_valid_python(source: str) -> None:
    assert ast.parse(source).body


@pytest.mark.parametrize("source", NEW, ids=range(len(NEW)))
def test_the_new_lines_claim_a_number_of_attempts(source: str) -> None:
    assert CLAIM.search(source)


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize(("source", "method", "outcome", "attempts"), CLAIMS)
async def test_the_new_lines_make_the_claimed_number_of_attempts(
    server: Server,
    source: str,
    method: str,
    outcome: str,
    attempts: int,
    anyio_backend: str,
) -> None:
    server.play(reply(int(outcome)) if outcome.isdigit() else close())
    if outcome == "refused":
        server.stop()

    end = await outcome_of(client_of(source), method, server.url)

    assert len(attempts_of(end)) == attempts
    assert server.requests == (0 if outcome == "refused" else attempts)
