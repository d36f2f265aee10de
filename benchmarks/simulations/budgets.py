"""
Clients with budgets for their retries: ours, and those of others as published.

All of them are `RetryingTransport`, with its waits and its choice of what is retried.
The budgets of others are tenacity stop strategies of three attempts at most, written
from their descriptions: asked at each failure, and told of each call and its success.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import httpx

from benchmarks.simulations.clock import Clock
from benchmarks.simulations.simulated import NOWHERE, Send, SimulatedIO, nested
from httpx_resilient import RetryingTransport, RetryState, attempts_of

ATTEMPTS = 3


class Budget:
    """Without a limit: three attempts."""

    def __init__(self, clock: Clock) -> None:
        self._now = clock.now

    def begins(self) -> None:
        """Hear of a call."""

    def succeeded(self, retries: int) -> None:
        """Hear that it went well, after so many retries."""

    def failed(self) -> None:
        """Hear of each failed attempt."""

    def pays(self, _state: RetryState) -> bool:
        """Say whether there may be another attempt, and pay for it."""
        return True

    def __call__(self, state: RetryState) -> bool:
        """Say whether to stop."""
        self.failed()
        return state.attempt_number >= ATTEMPTS or not self.pays(state)


class NoRetries(Budget):
    """One attempt."""

    def pays(self, _state: RetryState) -> bool:
        """Say whether there is enough."""
        return False


class GRPC(Budget):
    """gRPC A6, "Throttling Retry Attempts", with the values of its example."""

    MOST = 10.0
    RATIO = 0.1

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self._tokens = self.MOST

    def succeeded(self, retries: int) -> None:  # noqa: ARG002 - each success counts
        """Earn."""
        self._tokens = min(self.MOST, self._tokens + self.RATIO)

    def failed(self) -> None:
        """Lose."""
        self._tokens = max(0.0, self._tokens - 1)

    def pays(self, _state: RetryState) -> bool:
        """Say whether there is enough."""
        return self._tokens > self.MOST / 2


class Finagle(Budget):
    """
    Finagle's `RetryBudget`, which linkerd and reqwest have as well.

    A fifth of the requests of the last ten seconds, and ten a second whatever happens.
    """

    SECONDS = 10
    SHARE = 0.2
    FLOOR = 10.0

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self._price = 1 / self.SHARE
        self._reserve = self.FLOOR * self.SECONDS * self._price
        self._changes: deque[tuple[float, float]] = deque()
        self._sum = 0.0

    def begins(self) -> None:
        """Count it."""
        self._change(1.0)

    def _change(self, by: float) -> None:
        now, changes = self._now(), self._changes
        changes.append((now, by))
        self._sum += by
        while changes[0][0] < now - self.SECONDS:
            self._sum -= changes.popleft()[1]

    def pays(self, _state: RetryState) -> bool:
        """Say whether there is enough."""
        self._change(0.0)
        if self._sum + self._reserve < self._price:
            return False
        self._change(-self._price)
        return True


class AWS(Budget):
    """The quota of the AWS SDKs, as of 2026: 500 tokens, 14 for a transient failure."""

    MOST = 500
    PRICE = 14

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self._tokens = self.MOST

    def succeeded(self, retries: int) -> None:
        """Earn."""
        self._tokens = min(self.MOST, self._tokens + (self.PRICE if retries else 1))

    def pays(self, _state: RetryState) -> bool:
        """Say whether there is enough."""
        if self._tokens < self.PRICE:
            return False
        self._tokens -= self.PRICE
        return True


NONE = "no retries"
UNLIMITED = "3 attempts"
FINAGLE = "Finagle 20 % + 10/s"
AWS_2026 = "AWS 2026 500/14"
GRPC_A6 = "gRPC 10/0.1"
OURS = "ours"
BUDGETS: dict[str, Callable[[Clock], Budget] | None] = {
    NONE: NoRetries,
    UNLIMITED: Budget,
    FINAGLE: Finagle,
    AWS_2026: AWS,
    GRPC_A6: GRPC,
    OURS: None,
}
"""`None` for the library as it comes, with its own budget."""


class Client:
    """A process that calls: its transport, and what it counts."""

    REQUEST = httpx.Request("GET", "http://localhost/")

    def __init__(self, policy: str, clock: Clock, send: Send) -> None:
        make = BUDGETS[policy]
        self._budget = Budget(clock) if make is None else make(clock)
        options: dict[str, Any] = {}
        if make is not None:
            options = {"stop": self._budget, "budget": False}
        transport = RetryingTransport(NOWHERE, **options)
        self._send = nested(transport, SimulatedIO(clock, send))

    async def call(self) -> bool:
        """Call, and tell whether it went well."""
        self._budget.begins()
        try:
            response = await self._send(self.REQUEST)
        except httpx.TransportError:
            return False
        if response.status_code >= 400:
            return False
        self._budget.succeeded(len(attempts_of(response)) - 1)
        return True
