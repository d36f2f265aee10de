"""The README's tables of SDKs are what the matrix found, all of it."""

from __future__ import annotations

import tomllib

import pytest
from matrix import ROWS, Row
from tables import README, ROOT, in_readme, outcomes, read_results, render

EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
    "optional-dependencies"
]


def test_the_readme_shows_the_results() -> None:
    text = README.read_text()
    assert in_readme(text, render(read_results())) == text


def each_row() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)


@each_row()
def test_every_scenario_of_a_row_has_a_result(row: Row) -> None:
    assert set(outcomes(read_results()[row.name])) == set(row.scenarios())


@each_row()
def test_a_row_has_an_extra_that_installs_it(row: Row) -> None:
    assert any(each.startswith(row.package) for each in EXTRAS[row.name])


@each_row()
def test_what_fails_is_known_to(row: Row) -> None:
    failing = {
        scenario
        for scenario, outcome in outcomes(read_results()[row.name]).items()
        if outcome != "passed"
    }
    assert failing == set(row.fails)
