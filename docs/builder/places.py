"""Where each file of the repository is on the site, and the links between them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
EXAMPLES = ROOT / "examples"
PICTURES = ROOT / "benchmarks" / "results"
INCLUDED = ("ARCHITECTURE", "CHANGELOG", "CONTRIBUTING", "SECURITY")
"""Pages that stand in the root of the repository, where its readers look for them."""

LINK = re.compile(r"(?<=\]\()(?!\w+:|#)([^)\s]+)(?=\))")
CODE = re.compile(r"^(`{3,})[^\n]*\n.*?^\1$|`[^`\n]+`", re.MULTILINE | re.DOTALL)


NOT_RUN = re.compile(r"(?<=^```python) no-run$", re.MULTILINE)
"""What the tests read behind a block, and the generator does not know."""


class NoPlaceError(ValueError):
    """A page links to a file that is not on the site."""


def pages() -> list[Path]:
    """Return the pages of docs/, without what belongs to the builder."""
    builder = DOCS / "builder"
    return sorted(page for page in DOCS.rglob("*.md") if builder not in page.parents)


def place_of(path: Path) -> PurePosixPath:
    """
    Return the path on the site of a file of the repository.

    Raises:
        NoPlaceError: The site does not have the file.
    """
    relative = PurePosixPath(path.relative_to(ROOT).as_posix())
    folder, *rest = relative.parts
    if not rest and relative.stem in INCLUDED:
        return PurePosixPath(f"{relative.stem.lower()}.md")
    if folder == "docs":
        return PurePosixPath(*rest)
    if folder == "examples" and relative.suffix == ".py":
        return relative.with_suffix(".md")
    if folder == "examples":
        return relative
    if path.parent == PICTURES:
        return PurePosixPath("results", *rest[1:])
    msg = f"{relative} is not on the site: link to a page, an example or a result"
    raise NoPlaceError(msg)


def for_site(text: str, path: Path) -> str:
    """
    Return a page of the repository with its links as they are on the site.

    Args:
        text: The text of the page.
        path: The page, in the repository.
    """

    def moved(link: re.Match[str]) -> str:
        target, hash_sign, anchor = link[1].partition("#")
        file = Path(os.path.normpath(path.parent / target))
        return between(path, file) + hash_sign + anchor

    return outside_code(NOT_RUN.sub("", text), lambda part: LINK.sub(moved, part))


def between(page: Path, file: Path) -> str:
    """Return the relative link on the site from a page to a file."""
    return os.path.relpath(place_of(file), place_of(page).parent)


def outside_code(text: str, change: Callable[[str], str]) -> str:
    """Apply a change to everything but blocks and spans of code."""
    parts: list[str] = []
    end = 0
    for code in CODE.finditer(text):
        parts += [change(text[end : code.start()]), code[0]]
        end = code.end()
    return "".join([*parts, change(text[end:])])
