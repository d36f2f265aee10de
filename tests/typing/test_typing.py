"""mypy and pyright, both strict: what they accept, and what they refuse."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = ["tests/typing/accepted.py", "tests/typing/refused.py"]
MARKER = re.compile(r"  # E: (\S+) (\S+)$")


def expected(checker: int) -> set[str]:
    """Return the errors that the files name, as `file:line code`."""
    return {
        f"{file}:{number} {code}"
        for file in FILES
        for number, line in enumerate((ROOT / file).read_text().splitlines(), 1)
        if (marker := MARKER.search(line))
        for code in marker[checker].split(",")
    }


def run(*arguments: str) -> str:
    command = [sys.executable, "-m", *arguments, *FILES]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 1, done.stdout + done.stderr  # there are errors
    return done.stdout


def test_mypy_refuses_the_mistakes_and_nothing_else() -> None:
    pytest.importorskip("mypy")
    lines = run("mypy", "--output", "json").splitlines()
    reported = [json.loads(line) for line in lines if line.startswith("{")]
    assert {
        f"{each['file']}:{each['line']} {each['code']}"
        for each in reported
        if each["severity"] == "error"
    } == expected(1)


def test_pyright_refuses_the_mistakes_and_nothing_else() -> None:
    pytest.importorskip("pyright")
    printed = run("pyright", "--outputjson", "--pythonpath", sys.executable)
    assert {
        f"{Path(each['file']).relative_to(ROOT)}:{each['range']['start']['line'] + 1} "
        f"{each.get('rule', 'syntax')}"
        for each in json.loads(printed)["generalDiagnostics"]
    } == expected(2)


def test_each_checker_is_asked_about_every_mistake() -> None:
    marked = (ROOT / FILES[1]).read_text().count("  # E: ")
    assert len({each.split()[0] for each in expected(1)}) == marked
