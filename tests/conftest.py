from __future__ import annotations

import os
from collections.abc import Iterator

import hypothesis
import pytest
import trustme
from support.selection import mark
from support.server import Server
from support.world import LIBRARIES, World

# The time of an example measures the machine.
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")

collect_ignore = ["sdks", "servers"]
"""These have environments of their own: `python3 tests/sdks`, `python3 tests/servers`."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Two workers for each CPU: the tests wait for more than half of their time."""
    return 2 * (os.cpu_count() or 1)


@pytest.hookimpl(tryfirst=True)  # before `-m` reads the markers
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        mark(item)


@pytest.fixture(autouse=True)
def no_proxies_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture
def stock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have pools use the connections of httpcore, as without httptools."""
    monkeypatch.setenv("HTTPX_RESILIENT_WIRE", "0")


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have pools use their own connections, also if the suite runs without them."""
    monkeypatch.delenv("HTTPX_RESILIENT_WIRE", raising=False)


@pytest.fixture(params=["wire", "stock"])
def connections(request: pytest.FixtureRequest) -> str:
    """Run a test on both kinds of connections."""
    request.getfixturevalue(request.param)
    return request.param


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(params=["asyncio", "trio", "sync"])
def runtime(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def anyio_backend(runtime: str) -> str:
    return "asyncio" if runtime == "sync" else runtime


@pytest.fixture(params=LIBRARIES)
def library(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def world(library: str, runtime: str) -> World:
    return World(*LIBRARIES[library], sync=runtime == "sync")
