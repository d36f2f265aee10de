"""Asking a first connection whether those to its origin take several requests."""

from __future__ import annotations

from typing import Any, Protocol

from httpx_resilient._pool.slots import Slot


class Learner(Protocol):
    """Who is told."""

    def learned(self, slot: Slot, *, multiplexed: bool) -> None: ...


class Asking:
    """The first request to an origin tells which HTTP it got, before it is answered."""

    def __init__(
        self, learner: Learner, slot: Slot, request: Any, *, direct: bool
    ) -> None:
        self._learner = learner
        self._slot = slot
        self._trace = request.extensions.get("trace")
        self._direct = direct

    async def __call__(self, event: str, info: dict[str, Any]) -> None:
        if event.startswith("http2."):
            self._learner.learned(self._slot, multiplexed=True)
        elif event.startswith("http11.") and self._direct:
            # To a proxy it may be HTTP/1.1, and HTTP/2 through it.
            self._learner.learned(self._slot, multiplexed=False)
        if self._trace is not None:
            await self._trace(event, info)
