"""The imports part of the benchmarks: ratios to the import of the library."""

from __future__ import annotations

import pytest

from benchmarks import imports

COUNTED = {
    statement
    for library, compared in imports.STATEMENTS.items()
    for statement in (library, *compared)
}


def test_a_ratio_is_over_a_bare_interpreter() -> None:
    counts = dict.fromkeys(COUNTED, 230) | {imports.NOTHING: 100, "import httpx": 200}
    rows = {row.statement: row for row in imports.rows_of(counts)}
    row = rows["from httpx_resilient import RetryingTransport"]
    assert (row.instructions, row.ratio) == (130, pytest.approx(1.3))
    assert row.reached


def test_a_ratio_above_the_goal_does_not_reach_it() -> None:
    counts = dict.fromkeys(COUNTED, 300) | {imports.NOTHING: 100, "import httpx": 200}
    rows = {row.statement: row for row in imports.rows_of(counts)}
    assert rows["import httpx_resilient"].reached is False
    assert rows["import httpx"].reached is None


def test_the_table_shows_the_statements_if_valgrind_is_missing() -> None:
    rows = imports.rows_of(None)
    assert {row.statement for row in rows} == COUNTED
    assert all(row.ratio is None for row in rows)
    assert imports.table_of(rows).row_count == len(COUNTED)
