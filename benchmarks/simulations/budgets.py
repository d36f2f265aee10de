"""
Clients with retry budgets: our own, and those that others have published.

All clients use `RetryingTransport`, with its waits and its retry strategy. The budgets
of others are tenacity stop strategies with at most three attempts, written from their
descriptions: they decide after each failure, and observe each call and its success.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import httpx
from tenacity import stop_after_delay

from httpx_resilient import RetryBudget, RetryingTransport, RetryState, attempts_of
from httpx_resilient.simulation._clock import SimulatedClock

ATTEMPTS = 3


class Budget:
    """No limit: every call may make three attempts."""

    def __init__(self, clock: SimulatedClock) -> None:
        self._now = clock.now

    def on_call(self) -> None:
        """Observe the start of a call."""

    def on_success(self, retries: int) -> None:
        """Observe the success of a call, and the number of its retries."""

    def on_failure(self) -> None:
        """Observe a failed attempt."""

    def withdraw(self, _state: RetryState) -> bool:
        """Withdraw the cost of a retry; return whether the budget allows it."""
        return True

    def __call__(self, state: RetryState) -> bool:
        """Return whether to stop."""
        self.on_failure()
        return state.attempt_number >= ATTEMPTS or not self.withdraw(state)


class NoRetries(Budget):
    """No retries: every call makes one attempt."""

    def withdraw(self, _state: RetryState) -> bool:
        """Withdraw the cost of a retry, if the balance allows it."""
        return False


class GRPC(Budget):
    """gRPC A6, "Throttling Retry Attempts", with the values of its example."""

    MOST = 10.0
    RATIO = 0.1

    def __init__(self, clock: SimulatedClock) -> None:
        super().__init__(clock)
        self._tokens = self.MOST

    def on_success(self, retries: int) -> None:  # noqa: ARG002 - each success counts alike
        """Deposit a fraction of a token."""
        self._tokens = min(self.MOST, self._tokens + self.RATIO)

    def on_failure(self) -> None:
        """Withdraw a token."""
        self._tokens = max(0.0, self._tokens - 1)

    def withdraw(self, _state: RetryState) -> bool:
        """Withdraw the cost of a retry, if the balance allows it."""
        return self._tokens > self.MOST / 2


class Finagle(Budget):
    """
    Finagle's `RetryBudget`, which linkerd and reqwest use, too.

    It allows a fifth of the requests of the last ten seconds, and ten more per second.
    """

    SECONDS = 10
    SHARE = 0.2
    FLOOR = 10.0

    def __init__(self, clock: SimulatedClock) -> None:
        super().__init__(clock)
        self._cost = 1 / self.SHARE
        self._reserve = self.FLOOR * self.SECONDS * self._cost
        self._changes: deque[tuple[float, float]] = deque()
        self._balance = 0.0

    def on_call(self) -> None:
        """Deposit a call."""
        self._change(1.0)

    def _change(self, by: float) -> None:
        now, changes = self._now(), self._changes
        changes.append((now, by))
        self._balance += by
        while changes[0][0] < now - self.SECONDS:
            self._balance -= changes.popleft()[1]

    def withdraw(self, _state: RetryState) -> bool:
        """Withdraw the cost of a retry, if the balance allows it."""
        self._change(0.0)
        if self._balance + self._reserve < self._cost:
            return False
        self._change(-self._cost)
        return True


class AWS(Budget):
    """The quota of the AWS SDKs, as of 2026: 500 tokens, 14 for a transient failure."""

    MOST = 500
    COST = 14

    def __init__(self, clock: SimulatedClock) -> None:
        super().__init__(clock)
        self._tokens = self.MOST

    def on_success(self, retries: int) -> None:
        """Deposit the cost of a retry that helped, else one token."""
        self._tokens = min(self.MOST, self._tokens + (self.COST if retries else 1))

    def withdraw(self, _state: RetryState) -> bool:
        """Withdraw the cost of a retry, if the balance allows it."""
        if self._tokens < self.COST:
            return False
        self._tokens -= self.COST
        return True


NONE = "no retries"
UNLIMITED = "3 attempts"
FINAGLE = "Finagle 20 % + 10/s"
AWS_2026 = "AWS 2026 500/14"
GRPC_A6 = "gRPC 10/0.1"
OURS = "ours"
PATIENT = "ours, patient"
BUDGETS: dict[str, Callable[[SimulatedClock], Budget] | None] = {
    NONE: NoRetries,
    UNLIMITED: Budget,
    FINAGLE: Finagle,
    AWS_2026: AWS,
    GRPC_A6: GRPC,
    OURS: None,
}
"""The budgets by name. `None` stands for the library with its own budget."""


def patience() -> dict[str, Any]:
    """Return the options with which a client waits for ten seconds."""
    return {"stop": stop_after_delay(10), "budget": RetryBudget(grace=10)}


class Client:
    """A client process: its transport and its budget."""

    REQUEST = httpx.Request("GET", "http://localhost/")

    def __init__(
        self, policy: str, clock: SimulatedClock, server: httpx.AsyncBaseTransport
    ) -> None:
        make = BUDGETS.get(policy)
        self._budget = Budget(clock) if make is None else make(clock)
        options: dict[str, Any] = {}
        if make is not None:
            options = {"stop": self._budget, "budget": False}
        elif policy == PATIENT:
            options = patience()
        self._transport = RetryingTransport(server, **options)

    async def call(self) -> bool:
        """Make a call, and return whether it succeeded."""
        self._budget.on_call()
        try:
            response = await self._transport.handle_async_request(self.REQUEST)
        except httpx.TransportError:
            return False
        if response.status_code >= 400:
            return False
        self._budget.on_success(len(attempts_of(response)) - 1)
        return True
