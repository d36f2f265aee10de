"""The markers `wire` and `quick`, which follow from what a test uses and where it stands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

TESTS = Path(__file__).parent.parent
SERVERS = {"Server", "H2Server", "TLSServer", "create_server"}
SLOW = {
    # Programs, other people's packages and simulations: the whole suite runs these.
    "benchmarks",
    "composition",
    "docs",
    "simulation/test_simulate.py",
    "typing",
    # Each of these starts processes.
    "cli/test_commands.py",
    "cli/test_module.py",
    "cli/test_simulate.py",
    "pool/test_fork.py",
    "testing/test_pytest_plugin.py",
    "transfers/download/test_killed.py",
    "transfers/upload/test_servers.py",
    "transport/test_alias_httpx.py",
}
WORLDS = [
    {"runtime": "asyncio", "library": "httpx"},
    {"runtime": "sync", "library": "httpx2"},
]
"""The quick loop opens sockets in these two of the six worlds."""


def mark(item: pytest.Item) -> None:
    """Set the markers of a test."""
    place = item.path.relative_to(TESTS)
    wire = place.parts[0] == "composition" or opens_a_socket(item)
    if wire:
        item.add_marker("wire")
    fast = SLOW.isdisjoint({place.parts[0], place.as_posix()})
    if fast and (not wire or is_in_the_worlds(item)):
        item.add_marker("quick")


def opens_a_socket(item: Any) -> bool:
    """Return whether a test uses the fixture `server`, or starts a server by itself."""
    if "server" in item.fixturenames:
        return True
    code = getattr(item.function, "__code__", None)
    return code is not None and not SERVERS.isdisjoint(names_in(code))


def is_in_the_worlds(item: Any) -> bool:
    """Return whether the parameters of a test agree with one of `WORLDS`."""
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    return any(
        all(parameters.get(key, value) == value for key, value in world.items())
        for world in WORLDS
    )


def names_in(code: CodeType) -> Iterator[str]:
    """Yield the global names in a function and in those defined in it."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from names_in(constant)
