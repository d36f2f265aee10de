"""Loads: many requests with an id each, and what became of them."""

from __future__ import annotations

import asyncio
import re
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

WRONG = "the answer to"
PAYLOAD = b"x" * 200
LONGEST = 120.0
"""Seconds after which what is still on its way is given up, as lost."""


@dataclass(frozen=True)
class Load:
    gets: int = 400
    posts: int = 100
    at_once: int = 20
    work: float | None = None
    """Seconds that a request takes; None: what the server needs."""

    act_after: int = 100
    """The number of answers after which the action begins; 0: when all are sent."""


@dataclass
class Outcome:
    """What a client saw, and what the application counted."""

    failed: dict[str, str] = field(default_factory=dict)
    """The error of each failed request, by `METHOD id`."""

    taken: Counter[str] = field(default_factory=Counter)
    sent: int = 0
    down: float = 0.0

    def _lost(self, method: str) -> list[str]:
        return [ident for ident in self.failed if ident.startswith(method)]

    @property
    def gets_lost(self) -> int:
        return len(self._lost("GET"))

    @property
    def posts_failed(self) -> int:
        return len(self._lost("POST"))

    @property
    def posts_unprocessed(self) -> int:
        """POSTs that failed, and were never processed."""
        return sum(not self.taken[ident] for ident in self._lost("POST"))

    @property
    def wrong(self) -> int:
        """Requests that got the answer to another one."""
        return sum(WRONG in error for error in self.failed.values())

    def twice(self, method: str) -> int:
        return sum(n > 1 for ident, n in self.taken.items() if ident.startswith(method))

    def errors(self) -> list[str]:
        """What the failed requests raised or were answered, the most frequent first."""
        kinds = Counter(
            # Without numbers of streams, which are all different.
            f"{ident.split()[0]} {re.sub('[0-9]+( open|,)', 'N', error)}"
            for ident, error in self.failed.items()
        )
        return [f"{count} x {kind}" for kind, count in kinds.most_common()]


class Run:
    """One load on its way."""

    def __init__(self, client: Any, url: str, load: Load, work: float, version: str):
        self._client, self._url, self._load = client, url, load
        self._ms = 1000 * (work if load.work is None else load.work)
        self._version = version
        self._answers = 0
        self._enough = asyncio.Event()
        self._waiting = deque(mixed(load.gets, load.posts))
        self.outcome = Outcome(sent=len(self._waiting))

    async def __call__(self, act: Callable[[], None] | None) -> Outcome:
        workers = [
            asyncio.create_task(self._worker()) for _ in range(self._load.at_once)
        ]
        acting = asyncio.create_task(self._act(act))
        try:
            async with asyncio.timeout(LONGEST):
                await asyncio.gather(*workers)
        except TimeoutError:
            pass
        finally:
            self._enough.set()
            await acting
        return self.outcome

    async def _act(self, act: Callable[[], None] | None) -> None:
        if self._load.act_after:
            await self._enough.wait()
        else:
            await asyncio.sleep(self._ms / 2000)
        if act is not None:
            await asyncio.to_thread(act)

    async def _worker(self) -> None:
        while self._waiting:
            method, number = self._waiting.popleft()
            ident = f"{method} {number}"
            self.outcome.failed[ident] = "unfinished"
            error = await self.send(method, str(number))
            if error is None:
                del self.outcome.failed[ident]
            else:
                self.outcome.failed[ident] = error
            self._answers += 1
            if self._answers >= self._load.act_after:
                self._enough.set()

    async def send(self, method: str, ident: str) -> str | None:
        """Send a request, and return what is wrong with its answer, if anything is."""
        url = f"{self._url}?id={ident}&ms={self._ms * uneven(ident):.0f}"
        content = PAYLOAD if method == "POST" else None
        try:
            response = await self._client.request(method, url, content=content)
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        if response.status_code != 200:
            return str(response.status_code)
        if response.http_version != self._version:
            return f"answered in {response.http_version}"
        return None if response.text == ident else f"{WRONG} {response.text[:20]}"


def mixed(gets: int, posts: int) -> list[tuple[str, int]]:
    """Return a method and a number for each request, the POSTs spread evenly."""
    total = gets + posts
    return [
        ("POST" if (n + 1) * posts // total > n * posts // total else "GET", n)
        for n in range(total)
    ]


def uneven(ident: str) -> float:
    """Return a factor of 0.5 to 1.5 for each request, so that they do not march in step."""
    return 0.5 + crc32(ident.encode()) % 101 / 100
