"""The layer in ARCHITECTURE.md runs as it is printed, and stays short."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parent.parent.parent / "ARCHITECTURE.md"
BLOCKS = re.findall(
    r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL
)


def test_the_layer_of_ones_own_is_a_program_that_runs() -> None:
    (source,) = BLOCKS
    exec(compile(source, str(PAGE), "exec"), {"__name__": "layer"})


def test_the_layer_of_ones_own_takes_sixty_lines_of_code() -> None:
    (source,) = BLOCKS
    code = [line for line in source.splitlines() if line.strip()]
    assert len(code) <= 60


@pytest.mark.parametrize(
    "folder", sorted(set(re.findall(r"`(_\w+/(?:\w+/)?)`", PAGE.read_text())))
)
def test_every_folder_named_on_the_page_exists(folder: str) -> None:
    assert (PAGE.parent / "httpx_resilient" / folder).is_dir()
