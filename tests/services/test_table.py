"""Each answer of the table of services is followed by what is right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from support.world import LIBRARIES

from httpx_resilient import hints_in_body
from httpx_resilient.testing import virtual_time
from services.table import BACKOFF, FINAL, READERS, ROWS, At, Reader, Row

LONGEST_BACKOFF = 1.0
"""Seconds of the longest backoff before a second attempt."""


def each(rows: Sequence[Row] = ROWS) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("row", rows, ids=lambda row: row.id)


both_ways = pytest.mark.parametrize(
    "rates", [False, True], ids=["alone", "with the rate layer"]
)


def waited(
    row: Row, library: str = "httpx", *, rates: bool = False, readers: Any = ()
) -> float:
    """Return the seconds until the second attempt, or `FINAL` if there is none."""
    module, ours = LIBRARIES[library]
    sent: list[float] = []

    def service(request: Any) -> Any:
        sent.append(clock.elapsed)
        if len(sent) > 1:
            return module.Response(200)
        headers = {name: str(value) for name, value in row.headers.items()}
        headers["Date"] = str(At(0, "http"))
        return module.Response(row.status, headers=headers, content=row.body.encode())

    with virtual_time() as clock:
        inner: Any = module.MockTransport(service)
        if rates:
            inner = ours.RateLimitingTransport(inner)
        used: tuple[Reader, ...] = readers or ((row.reader,) if row.reader else ())
        option = hints_in_body(*used) if used else None
        transport = ours.RetryingTransport(inner, body_hints=option)
        key = {"Idempotency-Key": "1"} if row.has_key else {}
        with module.Client(transport=transport) as client:
            client.request(row.method, "https://api.example.com/", headers=key)
    return sent[1] - sent[0] if len(sent) > 1 else FINAL


def is_right(row: Row, seconds: float) -> bool:
    """Whether a wait is as long as told, and longer only by its jitter or a backoff."""
    if FINAL in (row.right, seconds):
        return seconds == row.right
    if row.right == BACKOFF:
        return 0 < seconds <= LONGEST_BACKOFF
    return row.right <= seconds <= max(row.right * 1.1, LONGEST_BACKOFF)


@pytest.mark.parametrize("library", LIBRARIES)
@both_ways
@each()
def test_the_next_attempt_comes_when_it_is_right(
    row: Row, rates: bool, library: str
) -> None:
    seconds = waited(row, library, rates=rates)
    assert is_right(row, seconds), seconds


@each()
def test_no_reader_spoils_what_is_right_for_another_service(row: Row) -> None:
    seconds = waited(row, readers=READERS)
    assert is_right(row, seconds), seconds


@each([row for row in ROWS if row.reader])
def test_a_row_has_a_reader_only_if_it_needs_one(row: Row) -> None:
    assert not is_right(row, waited(replace(row, reader=None)))


@both_ways
@each([row for row in ROWS if row.told is not None])
def test_what_may_have_been_processed_is_sent_again_with_an_idempotency_key(
    row: Row, rates: bool
) -> None:
    assert row.right == FINAL
    safe = replace(row, has_key=True, right=row.told or 0.0)
    seconds = waited(safe, rates=rates)
    assert is_right(safe, seconds), seconds


def test_the_rows_have_names_of_their_own() -> None:
    assert len({row.id for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize(
    ("moment", "written"),
    [
        (At(20), "1795000020"),
        (At(1.337), "1795000001.337"),
        (At(15, "http"), "Wed, 18 Nov 2026 11:06:55 GMT"),
        (At(7, "iso"), "2026-11-18T11:06:47Z"),
        (At(-40, "minute"), "2026-11-18T11:06Z"),
        (
            At(2, "javascript"),
            "Wed Nov 18 2026 11:06:42 GMT+0000 (Coordinated Universal Time)",
        ),
    ],
)
def test_a_moment_is_written_in_its_form(moment: At, written: str) -> None:
    assert str(moment) == written
