"""Which outcomes a policy tries again: asked of its own strategy, one by one."""

from __future__ import annotations

from collections.abc import Iterator

import httpx

from httpx_resilient._cli.schedule import state_of
from httpx_resilient._layers.retry.policy import RetryPolicy


def statuses_retried(policy: RetryPolicy, method: str) -> list[str]:
    """List the status codes as ranges, such as `500` and `502-504`."""
    ranges: list[tuple[int, int]] = []
    for status in range(200, 600):
        state = state_of(policy, method)
        state.returned(httpx.Response(status), 0.0)
        if policy.retry(state):
            first = status
            if ranges and ranges[-1][1] == status - 1:
                first, _ = ranges.pop()
            ranges.append((first, status))
    return [str(a) if a == b else f"{a}-{b}" for a, b in ranges]


def errors_retried(policy: RetryPolicy, method: str) -> list[str]:
    """List the exceptions of httpx."""
    names: list[str] = []
    for kind in _leaves(httpx.TransportError):
        state = state_of(policy, method)
        state.raised(kind(""), 0.0)
        if policy.retry(state):
            names.append(kind.__name__)
    return sorted(names)


def _leaves(kind: type[httpx.TransportError]) -> Iterator[type[httpx.TransportError]]:
    """Its own exceptions, not those that others derive."""
    below = [
        each
        for each in kind.__subclasses__()
        if getattr(httpx, each.__name__, None) is each
    ]
    if not below:
        yield kind
    for each in below:
        yield from _leaves(each)
