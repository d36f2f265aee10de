"""Runs the rows that `--row` names, and records the outcome of each scenario."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from matrix import ROWS, Row
from sdk import SDK, Api


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--row", action="append", help="a row of the matrix")
    parser.addoption("--results", type=Path, help="the file for the outcomes")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each row that has the scenario."""
    (marker,) = metafunc.definition.iter_markers("scenario")
    named = metafunc.config.getoption("--row") or [row.name for row in ROWS]
    rows = [
        pytest.param(row, id=row.name, marks=known_failures(row, marker.args[0]))
        for row in ROWS
        if row.name in named and marker.args[0] in row.scenarios()
    ]
    metafunc.parametrize("row", rows)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Drop the scenarios that none of the rows has."""
    items[:] = [each for each in items if isinstance(each.callspec.params["row"], Row)]


def known_failures(row: Row, scenario: str) -> list[pytest.MarkDecorator]:
    reason = row.fails.get(scenario)
    return [pytest.mark.xfail(reason=reason, strict=True)] if reason else []


@pytest.fixture(autouse=True)
def no_settings_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith(("_proxy", "_api_key", "_token", "_base_url")):
            monkeypatch.delenv(name)


@pytest.fixture
def sdk(row: Row) -> SDK:
    driver = import_module(f"drivers.{row.driver or row.name}").Driver
    return driver(row)


@pytest.fixture
def api(sdk: SDK) -> Iterator[Api]:
    with Api(sdk) as api:
        yield api


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


results: dict[str, dict[str, str]] = {}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Iterator[None]:
    report = yield
    (marker,) = item.iter_markers("scenario")
    row = item.callspec.params["row"].name
    known = results.setdefault(row, {}).get(marker.args[0], "passed")
    results[row][marker.args[0]] = known if report.passed else "failed"
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    path = session.config.getoption("--results")
    if path is not None:
        path.write_text(json.dumps(results))
