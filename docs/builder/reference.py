"""The reference: each `::: name` of a public name becomes that of its definition."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

from places import ROOT

Definition = ast.ClassDef | ast.FunctionDef

DIRECTIVE = re.compile(r"^::: (\S+)$", re.MULTILINE)
METHODS = {
    "download": "httpx_resilient._transfers.download.function.Downloader",
    "upload": "httpx_resilient._transfers.upload.upload.Uploader",
    "standard_transport": "httpx_resilient._stack.standard.StandardStack",
    "wrap": "httpx_resilient._stack.wrap.ClientWrapper",
}
"""The classes that these functions are methods of, for both libraries."""

LAYERS = {
    "FaultInjectingTransport": "httpx_resilient.testing._transport.FaultInjectionLayer",
    "TracingTransport": "httpx_resilient.otel._tracing.TracingLayer",
}
"""The documented classes of transports that a binding declares by itself."""


def for_mkdocstrings(text: str) -> str:
    """Return a page with the paths of definitions, which have the docstrings."""
    return DIRECTIVE.sub(lambda name: f"::: {definition_of(name[1])}", text)


def as_markdown(text: str) -> str:
    """Return a page with the docstrings themselves, for readers of Markdown."""
    return DIRECTIVE.sub(
        lambda name: f"```text\n{docstring_of(definition_of(name[1]))}\n```", text
    )


def page_of(name: str) -> Path:
    """Return the page of the reference that has a name of `httpx_resilient`."""
    return next(
        page
        for page in (ROOT / "docs" / "reference").glob("*.md")
        if f"::: httpx_resilient.{name}\n" in page.read_text()
    )


def definition_of(name: str) -> str:
    """Return the path of the definition of a public name."""
    module, _, last = name.rpartition(".")
    if last in METHODS:
        return f"{METHODS[last]}.{last}"
    if last in LAYERS:
        return LAYERS[last]
    for file in sources(module):
        if home := imported(file).get(last):
            return f"{home}.{last}"
    return name


def sources(module: str) -> list[Path]:
    """Return the files that state where the names of a public module come from."""
    if module == "httpx_resilient":
        return [
            ROOT / "httpx_resilient/_stack" / f"{n}.py" for n in ("shared", "generic")
        ]
    if module == "httpx_resilient.testing":
        return [ROOT / "httpx_resilient/testing/_shared.py"]
    path = ROOT.joinpath(*module.split("."))
    return [path / "__init__.py" if path.is_dir() else path.with_suffix(".py")]


@cache
def imported(file: Path) -> dict[str, str]:
    """Return the module that each name of a file is imported from."""
    return {
        alias.name: node.module
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }


def docstring_of(definition: str) -> str:
    """Return the docstring at a path such as `httpx_resilient.module.Class.method`."""
    parts = definition.split(".")
    classes = [n for n, part in enumerate(parts) if part[0].isupper()]
    first = classes[0] if classes else len(parts) - 1
    file = ROOT.joinpath(*parts[:first]).with_suffix(".py")
    found: ast.Module | Definition = ast.parse(file.read_text())
    for name in parts[first:]:
        named = [
            node
            for node in ast.walk(found)
            if isinstance(node, Definition) and node.name == name
        ]
        found = named[-1]  # the others are its overloads
    return ast.get_docstring(found) or ""
