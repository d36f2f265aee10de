"""The pages that the generator reads: those of docs/, and those made of other files."""

from __future__ import annotations

import ast
import re
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path

import places
import reference

CONFIGURATION = tomllib.loads((places.ROOT / "zensical.toml").read_text())["project"]

TITLE = re.compile(r"^# (.+)$", re.MULTILINE)
PICTURE = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)\.png\)")


def write(folder: Path) -> None:
    """Write all pages, pictures and results to a folder."""
    for name, text in pages():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(themed(reference.for_mkdocstrings(text)))
    examples = (f for f in places.EXAMPLES.iterdir() if f.suffix in {".json", ".yml"})
    for file in (*places.PICTURES.iterdir(), *examples, *places.DOCS.rglob("*.png")):
        path = folder / places.place_of(file)
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, path)
    for file in places.DOCS.rglob("*.css"):
        shutil.copy(file, folder / places.place_of(file))


def write_markdown(folder: Path) -> None:
    """Write each page as Markdown beside its HTML, and `llms.txt`, which lists them."""
    known = dict(pages())
    for name, text in known.items():
        (folder / name).write_text(reference.as_markdown(text))
    lines = ["# httpx_resilient", "", f"> {CONFIGURATION['site_description']}"]
    for entry in CONFIGURATION["nav"]:
        ((section, inside),) = entry.items()
        names = (
            [inside]
            if isinstance(inside, str)
            else [p for e in inside for p in e.values()]
        )
        lines += ["", f"## {section}", ""]
        for name in names:
            title, summary = title_of(known[name]), summary_of(known[name])
            lines.append(f"- [{title}]({name}): {summary}")
    (folder / "llms.txt").write_text("\n".join(lines) + "\n")


def pages() -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each page."""
    for path in (*places.pages(), *(places.ROOT / f"{n}.md" for n in places.INCLUDED)):
        yield str(places.place_of(path)), places.for_site(path.read_text(), path)
    scripts = sorted(places.EXAMPLES.glob("*.py"))
    for script in scripts:
        yield str(places.place_of(script)), page_of(script)
    yield "examples/index.md", list_of(scripts)


def page_of(script: Path) -> str:
    """Return the page of an example."""
    source = script.read_text()
    command = f"python examples/{script.name}"
    return f"# {script.name}\n\nRun it: `{command}`\n\n````python\n{source}````\n"


def list_of(scripts: list[Path]) -> str:
    """Return the page that lists the examples."""
    lines = ["# Examples", "", "The tests run each of these programs.", ""]
    for script in scripts:
        docstring = ast.get_docstring(ast.parse(script.read_text())) or ""
        first = " ".join(docstring.partition("\n\n")[0].split())
        lines.append(f"* [{script.name}]({script.stem}.md): {first}")
    return "\n".join(lines) + "\n"


def themed(text: str) -> str:
    """Show the dark variant of a picture in the dark theme."""

    def both(picture: re.Match[str]) -> str:
        alt, path = picture.groups()
        repository = places.PICTURES / f"{Path(path).name}-dark.png"
        if not repository.exists():
            return picture[0]
        light = f"![{alt}]({path}.png#only-light)"
        return f"{light}\n![{alt}]({path}-dark.png#only-dark)"

    return places.outside_code(text, lambda part: PICTURE.sub(both, part))


def title_of(text: str) -> str:
    """Return the first heading of a page."""
    found = TITLE.search(text)
    return found[1] if found else ""


def summary_of(text: str) -> str:
    """Return the first sentence after the title of a page."""
    body = text.partition("\n\n")[2]
    body = re.sub(r"^(<!--.*?-->|#.*?)\n\s*", "", body, flags=re.DOTALL)
    paragraph = " ".join(body.partition("\n\n")[0].split())
    plain = re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", paragraph)
    return re.split(r"(?<=[.:]) ", plain, maxsplit=1)[0].rstrip(":")
