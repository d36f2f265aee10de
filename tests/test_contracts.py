"""The structure of the package: which part imports which, and how long each part is."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).parent.parent
CONFIGURATION = ROOT / ".importlinter"
PREFIX = "importlinter:contract:"
FILES = [ROOT / "pytest_httpx_resilient.py", *(ROOT / "httpx_resilient").rglob("*.py")]

MOST_LINES = 220
MOST_LINES_OF_CODE = 50


def contracts() -> list[str]:
    parser = ConfigParser()
    parser.read(CONFIGURATION)
    return [name.removeprefix(PREFIX) for name in parser if name.startswith(PREFIX)]


@pytest.mark.parametrize("contract", contracts())
def test_the_imports_keep_the_contract(
    contract: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    # It would disable the loggers that other tests read.
    monkeypatch.setattr("logging.config.dictConfig", lambda configuration: None)
    status = lint_imports(
        str(CONFIGURATION), (contract,), no_cache=True, no_logo=True, verbose=False
    )
    assert status == 0, capsys.readouterr().out


def test_every_file_is_short_enough() -> None:
    long = {
        name_of(path)
        for path in FILES
        if len(path.read_text().splitlines()) > MOST_LINES
    }
    assert not long, f"more than {MOST_LINES} lines"


def test_every_function_is_short_enough() -> None:
    long = {
        f"{name_of(path)}::{function.name}"
        for path in FILES
        for function, size in functions_in(path.read_text())
        if size > MOST_LINES_OF_CODE
    }
    assert not long, f"more than {MOST_LINES_OF_CODE} lines of code"


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def functions_in(
    source: str,
) -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef, int]]:
    """Yield each function and its lines without docstrings, comments and blanks."""
    tree = ast.parse(source)
    lines = lines_of_code(source) - lines_of_docstrings(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node, len(lines & set(range(node.lineno, node.end_lineno + 1)))


def lines_of_code(source: str) -> set[int]:
    """Return the numbers of the lines that are neither blank nor a comment."""
    ignored = {
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENDMARKER,
    }
    return {
        line
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type not in ignored
        for line in range(token.start[0], token.end[0] + 1)
    }


def lines_of_docstrings(tree: ast.Module) -> set[int]:
    """Return the numbers of the lines of strings that stand alone."""
    return {
        line
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
        for line in range(node.lineno, node.end_lineno + 1)
    }


def test_a_function_is_measured_without_docstrings_comments_and_blank_lines() -> None:
    source = '''
def outer():
    """One
    two."""
    # A comment.
    first = (
        1
    )

    def inner():
        return first

    return inner
'''
    sizes = {function.name: size for function, size in functions_in(source)}
    assert sizes == {"outer": 7, "inner": 2}
