"""The transports inside of a transport, also behind those of others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, cast

from httpx_resilient._transport.inner import Side
from httpx_resilient._transport.recognition import is_transport

_DEPTH = 3
"""How many containers, closures or clients may be around a transport that is found."""


def transports_in(transport: object, depth: int = _DEPTH) -> Iterator[object]:
    """Yield this transport and each one inside it, also behind those of others."""
    seen: set[int] = set()
    pending = [transport]
    while pending:
        this = pending.pop()
        if is_transport(this) and id(this) not in seen:
            seen.add(id(this))
            yield this
            # A transport of another package may hold its inner ones by any name, one
            # that routes by address in a list or a dictionary.
            for value in _attributes(this):
                pending += _held(value, depth)


def _attributes(holder: object) -> Iterator[object]:
    yield from getattr(holder, "__dict__", {}).values()
    for kind in type(holder).__mro__:
        names = vars(kind).get("__slots__", ())
        for name in (names,) if isinstance(names, str) else names:
            yield getattr(holder, name, None)
    for handler in ("handle_request", "handle_async_request"):
        yield getattr(type(holder), handler, None)


def _held(value: Any, depth: int) -> list[object]:
    """Return what an attribute holds, which may be a transport."""
    held: Iterable[object] = ()
    if isinstance(value, Side):
        return [value.made]
    if is_transport(value) or not depth:
        return [value]
    if isinstance(value, dict):
        held = list(cast("dict[object, object]", value).values())
    elif isinstance(value, list | tuple | set | frozenset):
        held = list(cast("Iterable[object]", value))
    elif closure := getattr(value, "__closure__", None):
        held = [_content(cell) for cell in closure]
    elif hasattr(value, "_mounts"):  # a client
        held = [getattr(value, "_transport", None), value._mounts]  # noqa: SLF001 - it has no public one
    return [each for one in held for each in _held(one, depth - 1)]


def _content(cell: Any) -> object:
    try:
        content: object = cell.cell_contents
    except ValueError:  # it is empty still
        return None
    return content
