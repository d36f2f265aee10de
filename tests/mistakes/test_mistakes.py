"""Each typical mistake is told, in words that say what to do."""

from __future__ import annotations

import pytest

from mistakes.catalogue import MISTAKES
from mistakes.mistake import Mistake, message

ALL = [each for mistakes in MISTAKES.values() for each in mistakes]


@pytest.mark.parametrize("mistake", ALL, ids=lambda each: each.code)
def test_the_message_says_what_to_do(mistake: Mistake, library: str) -> None:
    error = mistake.made(library)
    assert error is not None
    assert type(error) is mistake.error
    assert mistake.expected(library) in message(error)


def test_no_mistake_is_listed_twice() -> None:
    assert len({each.code for each in ALL}) == len(ALL)
