"""Answers of all kinds, read by h11 as httpcore uses it, and by the reader of the wire."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.wire.answers import GROUPS, Row
from support.wire.differences import Difference, difference
from support.wire.mutations import compared, mutations
from support.wire.readers import read_by_h11, read_by_ours

ROWS = [
    pytest.param(row, id=f"{group}: {row.name}")
    for group, rows in GROUPS.items()
    for row in rows
]
SMALL = 6_000
"""Bytes of an answer that is read byte by byte. Longer ones are read in pieces."""


def step_for(row: Row) -> int:
    return 1 if len(row.data) < SMALL else 997


@pytest.mark.parametrize("row", ROWS)
def test_an_answer_is_read_as_h11_reads_it_or_as_was_decided(row: Row) -> None:
    h11 = read_by_h11(row.method, row.data, eof=row.eof)
    ours = read_by_ours(row.method, row.data, eof=row.eof)
    assert difference(h11, ours) is row.differs


@pytest.mark.parametrize("row", ROWS)
def test_how_an_answer_is_split_changes_nothing(row: Row) -> None:
    whole = read_by_ours(row.method, row.data, eof=row.eof)
    split = read_by_ours(row.method, row.data, eof=row.eof, step=step_for(row))
    if split.rest:  # what arrives later is not for the reader
        split = replace(split, rest=b"", reusable=whole.reusable)
    assert split == whole


def test_every_decided_difference_has_an_answer_that_shows_it() -> None:
    shown = {row.differs for rows in GROUPS.values() for row in rows}
    assert shown == {None, *Difference}


def test_answers_with_faults_are_read_as_h11_reads_them_or_as_was_decided() -> None:
    # `python -m support.wire.mutations 100000 1` reads more of them.
    found = {compared(method, data) for method, data in mutations(4_000, seed=1)}
    assert {None, Difference.EXTRA, Difference.NO_LENGTH} <= found
