"""The tables that are made from signatures, docstrings and declarations."""

from __future__ import annotations

import ast
import inspect
import os
import re
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import reference

import httpx_resilient
from httpx_resilient import events
from httpx_resilient._metrics.instruments import ALL, underscored

TABLE = re.compile(
    r"(<!-- made by `python docs/builder --write`: (\w+) of (.+?) -->\n)"
    r".*?(<!-- end -->)",
    re.DOTALL,
)
ARGUMENT = re.compile(r"^ {4}\*?(\w+): ", re.MULTILINE)
SHARED = {"on_event", "http"}
"""Options of every transport: the page of all layers has them."""


def with_tables(page: Path) -> str:
    """Return the text of a page with the table after each of its marks made anew."""

    def made(mark: re.Match[str]) -> str:
        begin, kind, names, end = mark.groups()
        made_table = table_of(kind, names.split(", "), page)
        return f"{begin}\n{made_table}\n{end}"

    return TABLE.sub(made, page.read_text())


def table_of(kind: str, names: Sequence[str], page: Path) -> str:
    """Return a table of one kind, for a page."""
    if kind == "options":
        (name,) = names
        return options_of(name, page)
    return {"events": events_of, "metrics": metrics_of}[kind](*names)


def options_of(name: str, page: Path) -> str:
    """Return the options of a public class or function, with a link to all of it."""
    home = os.path.relpath(reference.page_of(name), page.parent)
    subject = getattr(httpx_resilient, name)
    described = descriptions(inspect.getdoc(subject) or "")
    parameters = inspect.signature(subject).parameters
    return table(
        (f"[`{name}`]({home}#{name.lower()})", "default", "meaning"),
        [
            (f"`{option}`", default_of(subject, parameter), described[option])
            for option, parameter in parameters.items()
            if option not in SHARED
        ],
    )


def events_of(*names: str) -> str:
    """Return the table of some events."""
    rows = [(f"`{name}`", first_line(getattr(events, name))) for name in names]
    return table(("event", "when"), rows)


def metrics_of(*names: str) -> str:
    """Return the table of some metrics, by their names in OpenTelemetry, or of all."""
    known = {each.name.removeprefix("httpx_resilient."): each for each in ALL}
    chosen = ALL if names == ("all",) else map(known.__getitem__, names)
    rows = [
        (
            f"`{each.prometheus_name}`",
            each.kind.value.removeprefix("observable "),
            each.description,
            " ".join(f"`{underscored(label)}`" for label in each.labels),
        )
        for each in chosen
    ]
    return table(("metric", "kind", "meaning", "labels"), rows)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ("---",) * len(head), *rows]
    cells = [[cell.replace("|", "\\|") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells) + "\n"


def first_line(subject: Any) -> str:
    """Return the first paragraph of a docstring, in one line."""
    paragraph = (inspect.getdoc(subject) or "").partition("\n\n")[0]
    return " ".join(paragraph.split())


def descriptions(docstring: str) -> dict[str, str]:
    """Return the description of each argument in a docstring."""
    _, _, rest = docstring.partition("\nArgs:\n")
    section = re.split(r"\n(?=\S)", rest, maxsplit=1)[0]
    _, *parts = ARGUMENT.split(section)
    texts = (" ".join(part.split()) for part in parts[1::2])
    return dict(zip(parts[::2], texts, strict=True))


def default_of(subject: Any, parameter: inspect.Parameter) -> str:
    """Return the default of a parameter as a cell of a table."""
    if parameter.kind is parameter.VAR_POSITIONAL:
        return "any number"
    if parameter.default is parameter.empty:
        return "required"
    shown = repr(parameter.default)
    if isinstance(parameter.default, frozenset):
        shown = ", ".join(sorted(parameter.default))
    if isinstance(parameter.default, Mapping):
        shown = repr(dict(parameter.default))
    if " at 0x" in shown:
        shown = in_source(subject, parameter.name)
    return f"`{shown}`"


def in_source(subject: Any, option: str) -> str:
    """Return a default as it stands in the source, without the names of modules."""
    function = next(
        vars(kind)["__init__"] for kind in subject.__mro__ if "__init__" in vars(kind)
    )
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    arguments = next(
        node.args for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)
    )
    positional = arguments.args[-len(arguments.defaults) or len(arguments.args) :]
    defaults = zip(
        [*positional, *arguments.kwonlyargs],
        [*arguments.defaults, *arguments.kw_defaults],
        strict=True,
    )
    found = next(
        default for argument, default in defaults if argument.arg == option and default
    )
    return ast.unparse(found).removeprefix("tenacity.")
