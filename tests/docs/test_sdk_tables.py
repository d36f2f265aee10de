"""The tables of docs/sdks.md show all results of the matrix."""

from __future__ import annotations

import pytest
from matrix import ROWS, Row
from tables import (
    PAGE,
    REQUIREMENTS,
    in_page,
    outcomes,
    read_results,
    render,
    requirements,
)


def test_the_page_shows_the_results_of_the_matrix() -> None:
    text = PAGE.read_text()
    assert in_page(text, render(read_results())) == text


def each_row() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)


@each_row()
def test_every_scenario_of_a_row_has_a_result(row: Row) -> None:
    assert set(outcomes(read_results()[row.name])) == set(row.scenarios())


@each_row()
def test_the_requirements_of_a_row_install_its_sdk(row: Row) -> None:
    lines = requirements(row).read_text().splitlines()
    assert any(line.startswith(row.package) for line in lines)


def test_every_requirement_file_belongs_to_a_row() -> None:
    assert set(REQUIREMENTS.iterdir()) == {requirements(row) for row in ROWS}


@each_row()
def test_the_failures_of_a_row_are_the_declared_ones(row: Row) -> None:
    failing = {
        scenario
        for scenario, outcome in outcomes(read_results()[row.name]).items()
        if outcome != "passed"
    }
    assert failing == set(row.fails)
