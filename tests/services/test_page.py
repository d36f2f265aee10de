"""The page of services shows the table, and its blocks run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from services.page import PATH, render
from services.table import READERS, ROWS

BLOCKS = re.findall(
    r"^```python\n(.*?)^```$", PATH.read_text(), re.MULTILINE | re.DOTALL
)


def test_the_page_shows_the_table() -> None:
    assert PATH.read_text() == render()


def test_the_page_has_one_line_for_each_answer() -> None:
    lines = [line for line in PATH.read_text().splitlines() if line.startswith("| ")]
    assert len(lines) == len(ROWS) + 1
    assert {len(re.findall(r" \| ", line)) for line in lines} == {4}


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_of_the_page_runs(block: str) -> None:
    exec(block, {})


def test_the_page_names_each_reader() -> None:
    for reader in READERS:
        assert reader.__name__ in "".join(BLOCKS)


def test_the_program_prints_the_page() -> None:
    folder = Path(__file__).parent
    done = subprocess.run(
        [sys.executable, folder], capture_output=True, text=True, check=True
    )
    assert done.stdout == render()
