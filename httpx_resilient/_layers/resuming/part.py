"""A later answer, whose body goes on with the first one."""

from __future__ import annotations

from typing import Any

from httpx_resilient._core.resuming.judgements import Anew, Spliced
from httpx_resilient._core.resuming.rejoining import Rejoining
from httpx_resilient._core.resuming.representation import Representation


class Part:
    """
    A later answer, whose body goes on with the first one.

    Args:
        judged: What its headers prove.
        first: What the first answer said.
        offset: The position of the next byte that is wanted.
        digest: The hash of the bytes at hand, if there is one.
    """

    def __init__(
        self,
        judged: Spliced | Anew,
        first: Representation,
        offset: int,
        digest: bytes | None,
    ) -> None:
        self.last = judged.last
        """The position of its last byte. `None`: its end is that of the body."""
        self.ahead = self.again = 0
        """Bytes before those at hand, and bytes at hand, that come once more."""
        self.by = _proof(first)
        """What proves that it is of the same version."""
        self.is_usable = True
        """Whether there is a proof, or a hash to find one."""
        if isinstance(judged, Anew):
            start = first.first or 0
            self.ahead, self.again = start - judged.first, offset - start
            if judged.is_proven:
                digest = None
            else:
                self.by, self.is_usable = "hash", digest is not None
        else:
            digest = None
        self.is_broken = False
        """Whether it broke before its first new byte."""
        self.rejoining = Rejoining(self.ahead, self.again, digest)

    @property
    def is_last(self) -> bool:
        """Whether its end, which has come, is that of the body."""
        return self.last is None and self.rejoining.is_over and not self.is_broken

    @property
    def differs(self) -> bool:
        """Whether what came once more is not the same."""
        return self.rejoining.is_over and not self.rejoining.is_same

    async def first_new(self, iterator: Any, *, asynchronous: bool) -> bytes | None:
        """
        Read up to the first new chunk.

        Returns:
            The chunk, or `None` if the answer ends before it, or differs.
        """
        while True:
            chunk: bytes | None = (
                await anext(iterator, None) if asynchronous else next(iterator, None)
            )
            fresh = b"" if chunk is None else self.rejoining.feed(chunk)
            if self.differs:
                return None
            if fresh or chunk is None:
                return fresh or None


def _proof(first: Representation) -> str:
    if first.strong_etag is not None:
        return f"ETag {first.strong_etag}"
    if first.strong_date is not None:
        return f"Last-Modified {first.strong_date}"
    return "its headers"  # before the first byte, nothing else can contradict
