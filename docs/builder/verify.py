"""Checks of the built site that its generator does not make."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ASSETS = {
    "link": "href",
    "script": "src",
    "img": "src",
    "source": "src",
    "iframe": "src",
    "video": "src",
}
"""The attribute of each element that makes a browser load something by itself."""

FETCHED = ("mermaid", "glightbox")
"""Classes for which the theme's script loads a library from elsewhere."""


class References(HTMLParser):
    """Collects what a page loads, and what it links to."""

    def __init__(self) -> None:
        super().__init__()
        self.assets: list[str] = []
        self.links: list[str] = []
        self.classes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect the references of one element."""
        values = {name: value or "" for name, value in attrs}
        self.classes |= set(values.get("class", "").split())
        # A canonical address and its like are not loaded.
        if tag in ASSETS and values.get("rel") not in ("canonical", "prev", "next"):
            self.assets += filter(None, [values.get(ASSETS[tag])])
        elif tag == "a":
            self.links += filter(None, [values.get("href")])


def problems(site: Path) -> Iterator[str]:
    """Yield what is wrong: assets from elsewhere, and files that do not exist."""
    for page in sorted(site.rglob("*.html")):
        name = page.relative_to(site)
        # The page for unknown addresses is shown at any depth.
        start = site if name.name == "404.html" else page.parent
        yield from (f"{name}: {each}" for each in problems_of(page.read_text(), start))


def problems_of(html: str, folder: Path) -> Iterator[str]:
    """Yield what is wrong with a page in a folder."""
    found = References()
    found.feed(html)
    if "<p>```" in html:
        yield "a block of code is not recognized"
    for fetched in found.classes.intersection(FETCHED):
        yield f"{fetched} is loaded from elsewhere"
    for asset in found.assets:
        if urlsplit(asset).netloc:
            yield f"{asset} is loaded from elsewhere"
    for reference in (*found.assets, *found.links):
        target = urlsplit(reference)
        if target.scheme or target.netloc or not target.path:
            continue
        if not (folder / unquote(target.path).lstrip("/")).exists():
            yield f"{reference} does not exist"
