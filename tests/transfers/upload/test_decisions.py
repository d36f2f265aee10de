"""The decisions of an upload, as values: what follows from each answer."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.upload_rows import (
    BROKEN,
    DRAFT,
    HEAD,
    LAST,
    NEW,
    OPTIONS,
    PATCH,
    POST,
    ROWS,
    STATE,
    TUS,
    answer,
    at,
)

from httpx_resilient._transfers.upload.decision import after, next_step
from httpx_resilient._transfers.upload.fields import (
    boolean,
    integer,
    limits,
    upload_metadata,
)
from httpx_resilient._transfers.upload.state import (
    Kind,
    Limits,
    NoAnswer,
    Step,
    UploadState,
)
from httpx_resilient._transfers.upload.tus import Tus
from httpx_resilient._transfers.upload.verdict import Failed, Verdict


def judged(
    protocol: str, state: UploadState, step: Step, outcome: Any, taken: Any
) -> Verdict:
    dialect = TUS if protocol == "tus" else DRAFT
    return after(state, step, outcome, dialect, taken or 0, taken or 0)


@pytest.mark.parametrize(
    ("protocol", "state", "step", "outcome", "taken", "kind", "reason"), ROWS
)
def test_each_answer_has_one_consequence(
    protocol: str,
    state: UploadState,
    step: Step,
    outcome: Any,
    taken: int | None,
    kind: type[Verdict],
    reason: str,
) -> None:
    verdict = judged(protocol, state, step, outcome, taken)
    assert type(verdict) is kind, verdict
    assert reason in verdict.reason


def test_the_next_request_follows_from_the_state() -> None:
    rows = [
        (NEW, POST),
        (replace(NEW, checksum="sha1"), OPTIONS),
        (replace(NEW, checksum="sha1", is_discovered=True), POST),
        (STATE, PATCH),
        (BROKEN, HEAD),
        (replace(STATE, offset=600), Step(Kind.APPEND, 600, 400, is_last=True)),
        (replace(STATE, offset=1_000), Step(Kind.APPEND, 1_000, 0, is_last=True)),
        (replace(STATE, length=None), PATCH),
        (replace(STATE, limits=Limits(min_append_size=700)), Step(Kind.APPEND, 200, 700)),
    ]  # fmt: skip
    assert [next_step(state) for state, _ in rows] == [step for _, step in rows]


def test_what_is_sent_twice_is_counted() -> None:
    first = judged("tus", STATE, PATCH, NoAnswer("lost"), 300)
    assert (first.state.sent, first.state.repeated) == (500, 0)
    located = judged("tus", first.state, HEAD, at(350), None)
    again = Step(Kind.APPEND, 350, 400)
    assert judged("tus", located.state, again, at(750), 400).state.repeated == 150
    # An authentication has sent the piece twice, within one request of the flow.
    twice = after(STATE, PATCH, at(600), TUS, 400, 700)
    assert twice.state.repeated == 300


def test_a_piece_is_halved_from_the_second_break_on_and_grows_again() -> None:
    state = UploadState(10**8, 2**20, 2**20, 9, location="http://a/1")
    step, sizes = Step(Kind.APPEND, 0, 2**20), []
    for _ in range(6):
        state = judged("tus", state, step, NoAnswer("lost"), 5).state
        sizes.append(state.piece)
    assert sizes == [2**20, 2**19, 2**18, 2**17, 2**16, 2**16]
    state = judged("tus", state, Step(Kind.APPEND, 0, 2**16), at(2**16), 2**16).state
    assert (state.piece, state.stalls) == (2**17, 0)


def test_a_failure_after_the_last_piece_is_unknown_until_a_head_tells() -> None:
    lost = judged("tus", STATE, LAST, NoAnswer("lost"), 800)
    assert lost.state.is_ending
    for outcome in (NoAnswer("lost"), answer(401), answer(404)):
        ended = judged("tus", replace(lost.state, stalls=2), HEAD, outcome, None)
        assert isinstance(ended, Failed)
        assert ended.is_unknown
    # A refusal of the first sending proves that it is not complete.
    refused = judged("tus", STATE, LAST, answer(403), 800).state
    gone = judged("tus", refused, HEAD, answer(404), None)
    assert isinstance(gone, Failed)
    assert not gone.is_unknown


@pytest.mark.parametrize(
    ("value", "number"),
    [("7", 7), (" 7 ", 7), ("7;a=1", 7), ("007", 7), ("9" * 18, 10**18 - 1),
     ("9" * 19, None), ("-1", None), ("1.0", None), ("1_0", None), ("٣", None),
     ("7, 7", None), ("", None), (None, None)],
)  # fmt: skip
def test_an_integer_is_read_strictly(value: str | None, number: int | None) -> None:
    assert integer(value) == number


@given(st.text())
def test_any_field_is_read_without_an_exception(value: str) -> None:
    integer(value)
    boolean(value)
    limits(value)


def test_the_limits_are_a_structured_dictionary() -> None:
    assert limits("max-size=9, min-append-size=2;x=1, other=?1") == Limits(
        9, 0, math.inf, 2
    )
    assert limits("max-age=60") == Limits()
    for void in (
        'max-size="9"',
        "max-size=-1",
        "max-size=?1",
        "max-size=1.5",
        "=",
        "max-age=x",
    ):
        assert limits(void) is None
    assert limits(None) is None


def test_metadata_is_written_in_base64() -> None:
    given: dict[str, str | bytes] = {
        "filename": "ü.mp4",
        "raw": b"\0",
        "is_private": "",
    }
    assert upload_metadata(given) == "filename w7wubXA0,raw AA==,is_private"
    for wrong in ("", "a b", "a,b", "ü"):
        with pytest.raises(ValueError, match="a key is ASCII"):
            upload_metadata({wrong: "x"})


def test_the_headers_of_each_protocol() -> None:
    unknown = replace(STATE, length=None, is_deferred=True)
    assert TUS.creation(unknown)["Upload-Defer-Length"] == "1"
    assert TUS.append(unknown, LAST)["Upload-Length"] == "1000"
    assert "Upload-Length" not in TUS.append(STATE, LAST)
    assert "Upload-Length" not in DRAFT.creation(unknown)
    assert DRAFT.append(STATE, LAST)["Upload-Complete"] == "?1"
    assert Tus("a YQ==").creation(STATE)["Upload-Metadata"] == "a YQ=="
