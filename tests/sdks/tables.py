"""
The matrix and the recipes of docs/sdks.md, made from the results and the rows of the matrix.

    from tables import in_page, render

Standard library only, as in `matrix.py`.
"""

from __future__ import annotations

import ast
import json
import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from matrix import ROWS, SCENARIOS, Row

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "sdks.md"
RESULTS = Path(__file__).with_name("results.json")
REQUIREMENTS = Path(__file__).with_name("requirements")

BEGIN = "<!-- made by `python3 tests/sdks --write`: change the matrix, not this -->"
END = "<!-- end of what the matrix made -->"
NO_RETRIES = "It has no retries of its own here"
COUNTED = {"own retries off", "own retries on"}

Results = dict[str, dict[str, str]]
"""By row: its version, and the outcome of each of its scenarios."""


def read_results() -> Results:
    content: Results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    return content


def requirements(row: Row) -> Path:
    """Return the requirement file that installs the row's SDK."""
    return REQUIREMENTS / f"{row.name}.txt"


def outcomes(result: dict[str, str]) -> dict[str, str]:
    """Return the outcome of each scenario: all of a result but the version."""
    return {key: value for key, value in result.items() if key != "version"}


def render(results: Results) -> str:
    parts = [_matrix(results), *_failures(results), *_recipes()]
    return "\n".join([BEGIN, "", *parts, END])


def in_page(text: str, made: str) -> str:
    """Return the page with the made part replaced."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + made + after


def _matrix(results: Results) -> str:
    head = ["SDK", "version", "library", *SCENARIOS.values()]
    rows = [
        [
            _name(row),
            results.get(row.name, {}).get("version", "not run"),
            row.family,
            *(_cell(row, scenario, results) for scenario in SCENARIOS),
        ]
        for row in ROWS
    ]
    return _table(head, rows)


def _cell(row: Row, scenario: str, results: Results) -> str:
    if scenario not in row.scenarios():
        return "n/a"
    outcome = results.get(row.name, {}).get(scenario)
    if outcome is None:
        return "not run"
    if outcome != "passed":
        return f"**{outcome}**"
    if scenario not in COUNTED:
        return "✓"
    return str(row.requests if scenario == "own retries on" else 3)


def _failures(results: Results) -> Iterable[str]:
    """Yield the reason for each scenario that did not pass."""
    for row in ROWS:
        for scenario, outcome in outcomes(results.get(row.name, {})).items():
            if outcome != "passed":
                why = row.fails.get(scenario, "not yet understood")
                yield f"* {row.name}, {scenario}: {why}.\n"


def _recipes() -> Iterable[str]:
    """Yield a section for each SDK that has an example."""
    yield "## Each SDK\n"
    for row in ROWS:
        if row.example:
            off = f"To turn its own retries off: {row.off}" if row.off else NO_RETRIES
            yield f"### {row.name}\n"
            yield f"<!-- not run: the matrix runs it -->\n```python\n{_lines(row)}\n```\n"
            yield f"* {off}.\n* Not covered: {row.uncovered}.\n"
            yield f"The whole program: {_name(row)}\n"


def _name(row: Row) -> str:
    return f"[{row.name}](../examples/{row.example}.py)" if row.example else row.name


def _lines(row: Row) -> str:
    """Return the statements of the example's `connect`."""
    source = (ROOT / "examples" / f"{row.example}.py").read_text()
    connect = next(
        node
        for node in ast.parse(source).body
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and node.name == "connect"
    )
    first, last = connect.body[0], connect.body[-1]
    lines = source.splitlines()[first.lineno - 1 : last.end_lineno]
    body = textwrap.dedent("\n".join(lines))
    # `return` is valid here: the source is parsed only, not compiled.
    return "\n".join(_statement(body, node) for node in ast.parse(body).body)


def _statement(source: str, node: ast.stmt) -> str:
    if not isinstance(node, ast.Return) or node.value is None:
        return ast.get_source_segment(source, node) or ""
    # A tuple also has what must be closed; the client comes last.
    made = node.value.elts[-1] if isinstance(node.value, ast.Tuple) else node.value
    text = ast.get_source_segment(source, made) or ""
    return text if isinstance(made, ast.Name) else f"client = {text}"


def _table(head: list[str], rows: list[list[Any]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    cells = [[str(cell).replace("|", "\\|") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells) + "\n"
