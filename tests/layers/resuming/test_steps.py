"""What follows a break, as values."""

from __future__ import annotations

import pytest
from core.resuming.answers import said

from httpx_resilient._core.resuming.representation import Representation
from httpx_resilient._layers.resuming.steps import (
    Ask,
    End,
    Limits,
    Progress,
    needs_hash,
    next_step,
)

STRONG = said(etag='"a"', content_length="100")
NONE = said(content_length="100")
GZIP = said(etag='"a"', content_encoding="gzip", content_length="100")
LIMITS = Limits(max_resumes=20, max_reread=50)


@pytest.mark.parametrize(
    ("first", "offset", "progress", "step"),
    [
        (STRONG, 30, Progress(), Ask("rest", 0.1)),
        (STRONG, 99, Progress(), Ask("rest", 0.1)),
        (STRONG, 30, Progress(resumes=4, fruitless=3), Ask("rest", 0.8)),
        (STRONG, 30, Progress(is_unproven=True), Ask("everything", 0.1)),
        (NONE, 0, Progress(reread=50), Ask("everything", 0.1)),
        (NONE, 50, Progress(), Ask("everything", 0.1)),
        (GZIP, 50, Progress(), Ask("everything", 0.1)),
        (STRONG, 30, Progress(resumes=20), "max_resumes=20 is spent"),
        (STRONG, 30, Progress(resumes=9, fruitless=5), "5 requests have brought"),
        (NONE, 51, Progress(), "has no strong validator (no validator)"),
        (NONE, 30, Progress(reread=21), "again after 21 is more than max_reread=50"),
        (GZIP, 51, Progress(), "a range of Content-Encoding gzip proves nothing"),
        (STRONG, 51, Progress(failure="lied", is_unproven=True), "lied, and to read"),
    ],
)
def test_what_follows_a_break(
    first: Representation, offset: int, progress: Progress, step: Ask | str
) -> None:
    found = next_step(first, offset, progress, LIMITS)
    if isinstance(found, End):
        assert isinstance(step, str)
        assert step in found.reason
    else:
        assert found == step


def test_the_longest_wait_is_five_seconds() -> None:
    found = next_step(STRONG, 1, Progress(fruitless=4), LIMITS)
    assert found == Ask("rest", 1.6)


@pytest.mark.parametrize(
    ("method", "first", "needs"),
    [
        ("GET", STRONG, False),
        ("GET", NONE, True),
        ("GET", GZIP, True),
        ("HEAD", NONE, False),
        ("GET", said(content_type="text/event-stream"), False),
    ],
)
def test_only_a_body_that_may_be_read_again_is_hashed(
    method: str, first: Representation, needs: bool
) -> None:
    assert needs_hash(method, [], first) is needs
