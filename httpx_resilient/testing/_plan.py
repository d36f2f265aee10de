"""What is to happen to one request: a plan, which its faults write into in turn."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from random import Random
from typing import NamedTuple


class MadeAnswer(NamedTuple):
    """An answer that no server has given."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class BodyFault(NamedTuple):
    """
    What happens to a body that comes.

    Args:
        name: What it is called where it is told of.
        after: Bytes after which it breaks, if there are more.
        reset: Whether the connection is reset then. Else it is closed.
        every: Seconds before each piece.
        size: Bytes of a piece, at most.
    """

    name: str
    after: float = math.inf
    reset: bool = False
    every: float = 0.0
    size: int | None = None


@dataclass
class Plan:
    """
    What is to happen to one request.

    Args:
        seconds: How long after the first request this one came.
        seed: What its dice are made from. They are its own, so that what happens to
            other requests, or does not, changes nothing for this one.
    """

    seconds: float
    seed: str
    wait: float = 0.0
    """Seconds before anything else happens."""
    name: str = ""
    """What ends it, if anything here does."""
    answer: MadeAnswer | None = None
    error: Exception | type[Exception] | None = None
    body: list[BodyFault] = field(default_factory=list[BodyFault])

    @cached_property
    def dice(self) -> Random:
        """Random numbers for this request. Most need none."""
        return Random(self.seed)  # noqa: S311 - they keep no secret

    def waits(self, seconds: float) -> None:
        """Wait so long before it ends, unless how it ends is decided."""
        if not self.name:
            self.wait += seconds

    def ends(
        self,
        name: str,
        *,
        answer: MadeAnswer | None = None,
        error: Exception | type[Exception] | None = None,
    ) -> None:
        """End by an answer, an exception, or else by a reset. The first one counts."""
        if not self.name:
            self.name, self.answer, self.error = name, answer, error

    @property
    def is_lost(self) -> bool:
        """Whether it is sent, and the connection is reset before its answer comes."""
        return bool(self.name) and self.answer is None and self.error is None
