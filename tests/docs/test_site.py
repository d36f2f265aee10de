"""The pages of the site are complete and current, and the builder checks what it built."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from pathlib import Path

import generated
import places
import pytest
import reference
import source
import verify

import httpx_resilient
import httpx_resilient.testing
from httpx_resilient import events, otel, prometheus, simulation

README = places.ROOT / "README.md"
ROOT_PAGES = [places.ROOT / f"{name}.md" for name in places.INCLUDED]
PAGES = [*places.pages(), *ROOT_PAGES]


def each_page() -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        "page", PAGES, ids=lambda page: str(page.relative_to(places.ROOT))
    )


def named_in(nav: object) -> list[str]:
    if isinstance(nav, dict):
        nav = list(nav.values())
    if isinstance(nav, list):
        return [name for entry in nav for name in named_in(entry)]
    return [str(nav)]


def test_every_page_is_in_the_navigation_once() -> None:
    nav = named_in(source.CONFIGURATION["nav"])
    pages = [str(places.place_of(page)) for page in PAGES]
    assert Counter(nav) == Counter([*pages, "examples/index.md"]), (
        "a page of docs/ needs a line in `nav` of zensical.toml"
    )


@each_page()
def test_a_page_has_a_title_and_a_summary(page: Path) -> None:
    assert source.title_of(page.read_text())
    assert source.summary_of(page.read_text())


@each_page()
def test_a_page_links_only_to_files_that_exist(page: Path) -> None:
    text = page.read_text()
    places.for_site(text, page)  # raises for a file that is not on the site
    assert not missing(text, page)


def test_the_readme_links_only_to_files_that_exist() -> None:
    assert not missing(README.read_text(), README)


def missing(text: str, page: Path) -> list[str]:
    plain = places.outside_code(text, lambda part: part + "\0")
    targets = [*places.LINK.findall(plain), *re.findall(r'src(?:set)?="(.*?)"', plain)]
    paths = [target.partition("#")[0] for target in targets]
    return [path for path in paths if not (page.parent / path).exists()]


def test_the_readme_is_one_to_three_screens() -> None:
    assert len(README.read_text().splitlines()) <= 150


def test_the_description_on_a_package_index_has_no_relative_links() -> None:
    project = tomllib.loads((places.ROOT / "pyproject.toml").read_text())
    hook = project["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]
    text = README.read_text()
    for each in hook["substitutions"]:
        text = re.sub(each["pattern"], each["replacement"], text)
    assert not re.findall(r"\]\((?!https://)|<img|<source", text)


@pytest.mark.parametrize("page", places.pages(), ids=lambda page: page.name)
def test_the_generated_tables_of_a_page_are_current(page: Path) -> None:
    assert generated.with_tables(page) == page.read_text(), (
        "run: python docs/builder --write"
    )


def test_every_public_name_is_in_the_reference_once() -> None:
    pages = (places.DOCS / "reference").glob("*.md")
    found = [
        name for page in pages for name in reference.DIRECTIVE.findall(page.read_text())
    ]
    modules = (
        httpx_resilient,
        httpx_resilient.testing,
        events,
        otel,
        prometheus,
        simulation,
    )
    public = [f"{m.__name__}.{name}" for m in modules for name in m.__all__]
    # An alias has no docstring.
    public.remove("httpx_resilient.events.Listener")
    assert Counter(found) == Counter(public)


def test_a_link_becomes_that_of_the_site() -> None:
    page = places.DOCS / "layers" / "retry.md"
    text = "[a](../../examples/budget.py) `[b](../x)` [c](../why.md#d) [e](#f)"
    assert places.for_site(text, page) == (
        "[a](../examples/budget.md) `[b](../x)` [c](../why.md#d) [e](#f)"
    )


def test_a_link_to_a_file_that_is_not_on_the_site_is_refused() -> None:
    with pytest.raises(places.NoPlaceError, match=r"noxfile\.py is not on the site"):
        places.for_site("[a](../noxfile.py)", places.DOCS / "why.md")


def test_the_reference_as_markdown_has_the_docstrings() -> None:
    text = reference.as_markdown("::: httpx_resilient.standard_transport")
    assert "Build the recommended stack of layers" in text
    for page in (places.DOCS / "reference").glob("*.md"):
        assert "```text\n\n```" not in reference.as_markdown(page.read_text()), page


@pytest.mark.parametrize(
    ("html", "problem"),
    [
        (
            '<script src="https://cdn.example.com/a.js"></script>',
            "https://cdn.example.com/a.js is loaded from elsewhere",
        ),
        (
            '<link rel="stylesheet" href="//fonts.example.com/a.css">',
            "//fonts.example.com/a.css is loaded from elsewhere",
        ),
        ('<pre class="mermaid">', "mermaid is loaded from elsewhere"),
        ("<p>```python no-run", "a block of code is not recognized"),
        ('<img src="missing.png">', "missing.png does not exist"),
        ('<a href="missing.html">a</a>', "missing.html does not exist"),
    ],
)
def test_the_builder_finds_what_is_wrong(
    html: str, problem: str, tmp_path: Path
) -> None:
    (tmp_path / "page.html").write_text(html)
    assert list(verify.problems(tmp_path)) == [f"page.html: {problem}"]


def test_the_builder_accepts_links_to_elsewhere_and_files_that_exist(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.png").touch()
    html = '<img src="a.png"><a href="https://example.com">b</a><a href="#c">d</a>'
    assert not list(verify.problems_of(html, tmp_path))
