from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from servers import environment
from servers.trial import Bench


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--environments", help="where the servers of pip are installed, and kept"
    )


@pytest.fixture(scope="session")
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    with tempfile.TemporaryDirectory() as temporary:
        kept = request.config.getoption("--environments")
        yield Bench(environment.programs(Path(kept or temporary)))
