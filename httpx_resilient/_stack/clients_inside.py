"""
Finding the clients inside of an SDK's object, for `wrap`.

The search reads what is there. It evaluates no property and calls no method of the SDK,
so it cannot find a client that does not exist yet.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import MemberDescriptorType, ModuleType
from typing import Any

from httpx_resilient._core.family import Family
from httpx_resilient._transport.recognition import home_of

_DEPTH = 6
"""How many attributes may lead to a client, one after the other."""
_LONGEST = 100
"""The longest list or dictionary to look into. A longer one has data, not clients."""
_MOST = 10_000
"""The most objects to look into: those of an SDK are a few hundred."""

# The methods of these classes are called, and types are asked, not objects: a subclass
# of a list may have an `__iter__` of its own, and a proxy a `__class__`.
_CONTAINERS: tuple[Any, ...] = (list, tuple, set, frozenset)
_DICT: Any = dict
_CLIENTS = frozenset({"AsyncClient", "Client"})
_UNRELATED = frozenset(
    {("aiohttp", "ClientSession"), ("requests", "Session"), ("urllib3", "PoolManager")}
)
_MAY_BE_CLIENTS = ("client", "http", "session")
"""Parts of the names of attributes that have a client when it is made."""

Reached = tuple[str, Any]
"""How an object was reached, such as `._connection._client`, and the object."""


@dataclass
class Clients:
    """
    What a search has found. The keys are the ways to the clients.

    Args:
        own: Clients of the library that is wrapped.
        others: Clients of the other library.
        unrelated: Sessions of libraries that have nothing to do with httpx.
        absent: Attributes that are `None` and named as a client is.
        looked_into: The attributes of the object itself that may have a client.
    """

    own: dict[str, Any] = field(default_factory=dict[str, Any])
    others: dict[str, Any] = field(default_factory=dict[str, Any])
    unrelated: dict[str, Any] = field(default_factory=dict[str, Any])
    absent: list[str] = field(default_factory=list[str])
    looked_into: list[str] = field(default_factory=list[str])


def clients_in(sdk: object, family: Family) -> Clients:
    """Find the clients that an object has, nearest first."""
    found, seen, level = Clients(), {id(sdk)}, [("", sdk)]
    for depth in range(_DEPTH):
        deeper: list[Reached] = []
        for way, value in (each for holder in level for each in _held(holder)):
            if value is None and _may_be_client(way):
                found.absent.append(way)
            if depth == 0 and _may_hold(way, value):
                found.looked_into.append(way)
            if id(value) in seen or len(seen) > _MOST:
                continue
            seen.add(id(value))
            if issubclass(type(value), family.clients):
                found.own[way] = value
            elif is_of_other_library(value, family):
                found.others[way] = value
            elif unrelated_library_of(value):
                found.unrelated[way] = value
            else:
                deeper.append((way, value))
        level = deeper
    return found


def is_of_other_library(value: object, family: Family) -> bool:
    """Whether an object is a client of the other library."""
    return any(
        base.__name__ in _CLIENTS and home_of(base) not in {None, family.home}
        for base in type(value).__mro__
    )


def unrelated_library_of(value: object) -> str | None:
    """Return the library that an object is a session of, if it is none of httpx."""
    names = {(_package_of(base), base.__name__) for base in type(value).__mro__}
    return next((package for package, _ in _UNRELATED & names), None)


def _held(reached: Reached) -> Iterator[Reached]:
    """Yield what an object has in its attributes, and what a container has in it."""
    way, holder = reached
    for base in _CONTAINERS:
        if issubclass(type(holder), base) and base.__len__(holder) <= _LONGEST:
            for index, value in enumerate(list(base.__iter__(holder))):
                yield f"{way}[{index}]", value
    if issubclass(type(holder), dict) and _DICT.__len__(holder) <= _LONGEST:
        for key, value in list(_DICT.items(holder)):
            yield f"{way}[{key!r}]" if type(key) is str else f"{way}[...]", value
    if not _is_opaque(way, holder):
        for name, value in _attributes(holder):
            yield f"{way}.{name}", value


def _attributes(holder: Any) -> Iterator[Reached]:
    try:
        attributes: dict[str, Any] = object.__getattribute__(holder, "__dict__")
    except AttributeError:
        attributes = {}
    yield from list(attributes.items())
    for base in type(holder).__mro__:
        for name, slot in list(vars(base).items()):
            if type(slot) is MemberDescriptorType:
                try:
                    yield name, slot.__get__(holder)
                except AttributeError:  # the slot is empty
                    continue


def _may_be_client(way: str) -> bool:
    name = way.rpartition(".")[2].lower()
    return any(part in name for part in _MAY_BE_CLIENTS)


def _may_hold(way: str, value: object) -> bool:
    return issubclass(type(value), (dict, *_CONTAINERS)) or not _is_opaque(way, value)


def _is_opaque(way: str, value: object) -> bool:
    """Whether an object is no part of an SDK, such as a logger, a lock or a URL."""
    kind = type(value)
    if issubclass(kind, (type, ModuleType)):
        return True
    is_given = not way
    return not is_given and (
        _package_of(kind) in sys.stdlib_module_names or home_of(kind) is not None
    )


def _package_of(kind: type) -> str:
    return str(kind.__module__).partition(".")[0]
