"""Retry policies and their states, for tests of the command line."""

from __future__ import annotations

from typing import Any

import httpx

from httpx_resilient import retry_if_transient
from httpx_resilient._cli.schedule import new_state
from httpx_resilient._cli.strategy_syntax import parse_strategy
from httpx_resilient._layers.retry.policy import RetryPolicy


def policy(wait: str = "0", stop: str = "3") -> RetryPolicy:
    return RetryPolicy(
        retry=retry_if_transient(),
        wait=parse_strategy("wait", wait),
        stop=parse_strategy("stop", stop),
    )


def failed_state(attempt: int = 1, status: int = 500) -> Any:
    """Make the state of a request whose attempts so far have failed."""
    state = new_state(policy())
    state.attempt_number = attempt
    state.returned(httpx.Response(status), 0.0)
    return state
