"""Uploads against a model of a server: any order of cuts, lost answers and late bytes."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from httpx_resilient._transfers.upload.decision import after, next_step
from httpx_resilient._transfers.upload.draft import Draft
from httpx_resilient._transfers.upload.state import (
    Answer,
    Kind,
    NoAnswer,
    Outcome,
    Step,
    UploadState,
)
from httpx_resilient._transfers.upload.tus import Tus
from httpx_resilient._transfers.upload.verdict import Done, Failed

FAULTS = (
    "ok", "ok", "ok", "ok", "cut", "lost answer", "unsent", "503", "busy", "part", "late",
)  # fmt: skip


@dataclass
class Server:
    """A server that stores a prefix of the content, and writes late what it was sent."""

    is_draft: bool
    content: bytes
    offset: int = 0
    complete: bool = False
    created: int = 0
    acknowledged: int = 0
    pending: tuple[int, int, bool] | None = None
    """What a broken request has sent, and the server has not written yet."""
    completions: int = 0
    log: list[str] = field(default_factory=list)

    def write(self, start: int, end: int, *, is_last: bool) -> None:
        assert start == self.offset, "written at a place that is not the end"
        self.offset = end
        is_complete = end == len(self.content) and (is_last or not self.is_draft)
        if is_complete and not self.complete:
            self.complete = True
            self.completions += 1

    def handle(self, step: Step, fault: str, rng: Random) -> tuple[Outcome, int]:
        """Return the outcome, and how many bytes the client has handed out."""
        self.log.append(f"{step} {fault}")
        self.settle(rng)
        if fault == "unsent":
            return NoAnswer("ConnectError", is_unsent=True), 0
        if fault == "503":
            return Answer(503, {}), step.size
        if step.kind is Kind.CREATE:
            self.created += 1
            if fault in {"cut", "lost answer", "late"}:
                return NoAnswer("ReadError"), 0
            return Answer(201, {"location": "/1"}, "http://a/"), 0
        if fault == "busy":
            return Answer(rng.choice([409, 423]), {}), step.size
        if step.kind is Kind.LOCATE:
            return self._locate(fault, rng), 0
        return self._append(step, fault, rng)

    def settle(self, rng: Random) -> None:
        """Write what was late, or a part of it."""
        if self.pending is None or rng.random() < 0.5:
            return
        start, end, is_last = self.pending
        if start == self.offset:
            written = rng.randint(start, end)
            self.write(start, written, is_last=is_last and written == end)
            self.pending = (written, end, is_last) if written < end else None
        else:
            self.pending = None

    def _locate(self, fault: str, rng: Random) -> Outcome:
        if fault in {"cut", "lost answer"}:
            return NoAnswer("ReadError")
        offset = self.offset
        if fault == "late" and not self.complete:  # servers that tell an old offset
            offset = rng.randint(self.acknowledged, self.offset)
        self.acknowledged = offset
        return Answer(
            rng.choice([200, 204]),
            {
                "upload-offset": str(offset),
                "upload-length": str(len(self.content)),
                "upload-complete": f"?{self.complete:d}",
            },
        )

    def _append(self, step: Step, fault: str, rng: Random) -> tuple[Outcome, int]:
        if step.start != self.offset or self.complete:
            status = rng.choice([409, 403, 404] if self.complete else [409])
            right = {"upload-offset": str(self.offset)} if self.is_draft else {}
            if right:
                self.acknowledged = self.offset
            return Answer(status, {**right, "upload-complete": "?0"}), step.size
        if fault in {"cut", "late"}:
            taken = rng.choice([step.size, rng.randint(0, step.size)])
            kept = rng.choice([0, taken, rng.randint(0, taken)])
            # A server of the draft may have all bytes of an upload that is not complete.
            is_whole = step.is_last and kept == step.size and rng.random() < 0.5
            self.write(step.start, step.start + kept, is_last=is_whole)
            end = step.start + taken
            self.pending = (self.offset, end, step.is_last and taken == step.size)
            return NoAnswer("WriteError"), taken
        end = step.end
        if fault == "part" and step.size:
            end = rng.randint(step.start, step.end)
        self.write(step.start, end, is_last=step.is_last and end == step.end)
        if fault == "lost answer":
            return NoAnswer("ReadError"), step.size
        self.acknowledged = end
        if self.is_draft:
            told = {} if end == step.end else {"upload-offset": str(end)}
            return Answer(
                200, {**told, "upload-complete": f"?{self.complete:d}"}
            ), step.size
        return Answer(204, {"upload-offset": str(end)}), step.size


@pytest.mark.parametrize("dialect", [Tus(), Draft()], ids=["tus", "draft"])
@settings(max_examples=150)
@given(
    length=st.integers(0, 40),
    piece=st.integers(1, 20),
    stalls=st.integers(1, 6),
    faults=st.lists(st.sampled_from(FAULTS), max_size=40),
    seed=st.integers(0, 2**32),
)
def test_an_upload_ends_and_neither_loses_nor_doubles_a_byte(
    dialect: Tus | Draft,
    length: int,
    piece: int,
    stalls: int,
    faults: list[str],
    seed: int,
) -> None:
    for each in range(seed, seed + 10):  # ten servers that meet the same faults
        check(dialect, length, piece, stalls, faults, Random(each))


def check(
    dialect: Tus | Draft,
    length: int,
    piece: int,
    stalls: int,
    faults: list[str],
    rng: Random,
) -> None:
    state = UploadState(length, piece, piece, stalls)
    server = Server(isinstance(dialect, Draft), bytes(length))
    sent = handed = 0
    # In the end nothing fails any more, so that an upload that goes on is complete.
    for fault in [*faults, *["ok"] * 60]:
        step = next_step(state)
        outcome, taken = server.handle(step, fault, rng)
        if step.kind is Kind.APPEND:
            assert step.start >= state.offset
            handed += max(0, min(sent, step.start + taken) - step.start)
            sent = max(sent, step.start + taken)
        verdict = after(state, step, outcome, dialect, taken, taken)
        if isinstance(verdict, Done):
            assert server.offset == length
            assert server.complete or length == 0
            assert verdict.state.repeated == handed
            break
        if isinstance(verdict, Failed):
            # It says that the upload is incomplete only if that is sure, also later.
            while server.pending is not None:
                server.settle(rng)
            assert verdict.is_unknown or not server.complete
            break
        state = verdict.state
        assert state.offset <= server.offset
    else:
        pytest.fail("the upload does not end")
    assert server.completions <= 1
