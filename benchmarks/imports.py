"""
The imports part: the cost of importing the library, relative to httpx.

callgrind counts the instructions of a process that runs one import statement, and
subtracts those of a process that imports nothing. Modules are compiled before, as they
are after the first start of a program.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.progress import Progress
from rich.table import Table

from benchmarks import layout, overhead

GOAL = 1.35
"""The limit for the import of a `RetryingTransport`, as a multiple of the import of the
HTTP library itself. httpx-retries takes 1.18."""

NOTHING = "pass"
STATEMENTS: Mapping[str, Mapping[str, float | None]] = {
    "import httpx": {
        "import httpx_retries": None,
        "import httpx_resilient": GOAL,
        "from httpx_resilient import RetryingTransport": GOAL,
        "from httpx_resilient import standard_transport as s; s()": None,
        "from httpx_resilient import *": None,
    },
    "import httpx2": {
        "import httpx_resilient.httpx2": GOAL,
        "from httpx_resilient.httpx2 import RetryingTransport": GOAL,
    },
}
"""The import of each library, and the statements that are compared with it."""

NOTE = (
    "All costs are over a bare interpreter. `import httpx_resilient` loads nothing "
    "else: the layers and the HTTP library are loaded with the first name that needs "
    "them. httpx is imported without its command line, as `pip install httpx` has it."
)

_WITHOUT_COMMAND_LINE = "import sys; sys.modules['click'] = None; "
"""httpx imports click and rich if they are installed, as they are for benchmarks: that
would add half of its own cost."""


@dataclass(frozen=True)
class Import:
    """A row of the table."""

    statement: str
    instructions: float | None
    ratio: float | None
    goal: float | None

    @property
    def reached(self) -> bool | None:
        """Whether it reaches its goal; `None` if it has no goal or was not counted."""
        if self.ratio is None or self.goal is None:
            return None
        return self.ratio <= self.goal


def measure(progress: Progress) -> list[Import]:
    """Count the instructions of each statement. Without valgrind none are counted."""
    statements = [NOTHING]
    for library, compared in STATEMENTS.items():
        statements += [library, *compared]
    return rows_of(_instructions(statements, progress))


def rows_of(counts: Mapping[str, int] | None) -> list[Import]:
    """Relate the instructions of each statement to those of its library."""
    rows: list[Import] = []
    for library, compared in STATEMENTS.items():
        for statement, goal in {library: None, **compared}.items():
            if counts is None:
                rows.append(Import(statement, None, None, goal))
                continue
            added = counts[statement] - counts[NOTHING]
            ratio = added / (counts[library] - counts[NOTHING])
            rows.append(Import(statement, added, ratio, goal))
    return rows


def _instructions(
    statements: Sequence[str], progress: Progress
) -> dict[str, int] | None:
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        return None
    with tempfile.TemporaryDirectory() as bytecode:

        def count(statement: str) -> int:
            command = [sys.executable, "-c", _WITHOUT_COMMAND_LINE + statement]
            environment = {"PYTHONPYCACHEPREFIX": bytecode}
            _compile(command, environment)
            return overhead.callgrind(valgrind, command, environment)

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            track = progress.track(statements, description="imports")
            return dict(zip(track, pool.map(count, statements), strict=True))


def _compile(command: Sequence[str], environment: Mapping[str, str]) -> None:
    """Run the statement once, so that its modules are compiled."""
    inherited = {**os.environ, **environment}
    inherited.pop("PYTHONDONTWRITEBYTECODE", None)
    subprocess.run(command, cwd=Path(__file__).parent.parent, env=inherited, check=True)


def table_of(imports: Sequence[Import]) -> Table:
    """Lay out the statements."""
    table = layout.table(
        "The cost of an import", "", "instructions", "ratio", "goal", "reached"
    )
    for each in imports:
        table.add_row(
            each.statement,
            "-" if each.instructions is None else f"{each.instructions:,.0f}",
            "-" if each.ratio is None else f"{each.ratio:.2f}",
            "-" if each.goal is None else f"{each.goal:.2f}",
            {True: "[green]yes", False: "[red]no", None: ""}[each.reached],
        )
    return table


def as_json(imports: Sequence[Import]) -> dict[str, Any]:
    """Return the figures."""
    return {"imports": [{**asdict(each), "reached": each.reached} for each in imports]}
