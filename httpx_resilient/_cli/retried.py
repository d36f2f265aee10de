"""The outcomes that a policy retries: its strategy is called with each of them."""

from __future__ import annotations

from collections.abc import Iterator

import httpx

from httpx_resilient._cli.schedule import new_state
from httpx_resilient._layers.retry.policy import RetryPolicy


def retried_statuses(policy: RetryPolicy, method: str) -> list[str]:
    """List the status codes, with neighbours as ranges such as `502-504`."""
    ranges: list[tuple[int, int]] = []
    for status in range(200, 600):
        state = new_state(policy, method)
        state.returned(httpx.Response(status), 0.0)
        if policy.retry(state):
            first = status
            if ranges and ranges[-1][1] == status - 1:
                first, _ = ranges.pop()
            ranges.append((first, status))
    return [str(a) if a == b else f"{a}-{b}" for a, b in ranges]


def retried_errors(policy: RetryPolicy, method: str) -> list[str]:
    """List the exceptions of httpx, by name."""
    names: list[str] = []
    for kind in _concrete_errors(httpx.TransportError):
        state = new_state(policy, method)
        state.raised(kind(""), 0.0)
        if policy.retry(state):
            names.append(kind.__name__)
    return sorted(names)


def _concrete_errors(
    kind: type[httpx.TransportError],
) -> Iterator[type[httpx.TransportError]]:
    """Iterate over the leaves of httpx's own tree, without subclasses of others."""
    below = [
        each
        for each in kind.__subclasses__()
        if getattr(httpx, each.__name__, None) is each
    ]
    if not below:
        yield kind
    for each in below:
        yield from _concrete_errors(each)
