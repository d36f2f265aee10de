"""Requests of a rate limit, with a scripted IO and without any."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import httpx

from httpx_resilient import RateLimit
from httpx_resilient._core.clock import Clock
from httpx_resilient._layers.rate_limit.answer import Answer
from httpx_resilient._layers.rate_limit.asking import asker_of
from httpx_resilient._layers.rate_limit.headers import ServerQuota
from support.fake_io import FakeIO


class IO(FakeIO):
    """An IO whose waiters let time pass until their timers run out."""

    turn = Clock.turn
    is_dead = False

    def waiter(self) -> Any:
        return self

    async def wait(self, seconds: float | None) -> None:
        assert seconds is not None
        await self.sleep(seconds)

    def close(self) -> None:
        self.did.append("closed")


def answer(status: int = 200, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, headers=named)


def asking(now: float, path: str = "/", **headers: str) -> Any:
    """Return the context of a request, as far as a rate limit reads it."""
    url = f"https://example.org{path}"
    return SimpleNamespace(now=now, request=httpx.Request("GET", url, headers=headers))


def told(
    limit: RateLimit,
    visit: Any,
    quota: ServerQuota | None,
    now: float,
    path: str = "/",
    **headers: str,
) -> None:
    """Record the end of a request, which may tell of a quota."""
    asker = asker_of(asking(now, path, **headers).request)
    is_refused = quota is not None and quota.pause is not None
    answer = Answer(asker, not is_refused, is_personal=True, quota=quota)
    limit.record(visit, answer, now)


def in_flight(limit: RateLimit, key: Any) -> int:
    """Return how many requests are counted as in flight."""
    server = limit._rates.peek(key).server
    return sum(b.in_flight for b in server.buckets.values()) if server else 0
