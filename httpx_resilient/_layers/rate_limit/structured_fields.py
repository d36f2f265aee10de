"""Read the fields `RateLimit` and `RateLimit-Policy`, which are structured fields."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from httpx_resilient._core.events.log import logger

_REQUEST_UNITS = ("requests", "request")
"""The units of a quota of requests (sections 3.1.2 and 10.3 of the draft)."""


def read_ratelimit(limits: bytes, policies: bytes) -> list[tuple[int, float]]:
    """
    Read `RateLimit`, and take a missing window from `RateLimit-Policy`.

    Returns:
        The remaining requests and the seconds until they are renewed. Of several
        policies the one that allows least for the longest time, or an empty list.
    """
    quotas: list[tuple[Any, ...]] = []
    policy_of = {str(name): more for name, more in _parsed(policies, "list") or ()}
    for name, more in _parsed(limits, "list") or ():
        policy = policy_of.get(str(name), {})
        if policy.get("qu", "requests") in _REQUEST_UNITS:
            quotas.append((more.get("r"), more.get("t", policy.get("w"))))
    if not quotas:
        # Draft 07: limit=100, remaining=50, reset=5.
        one: dict[str, Any] = _parsed(limits, "dictionary") or {}
        quotas.append(tuple(one.get(k, (None,))[0] for k in ("remaining", "reset")))
    usable: list[tuple[int, float]] = [
        (left, seconds)
        for left, seconds in quotas
        if type(left) is type(seconds) is int and left >= 0 and seconds > 0
    ]
    return sorted(usable, key=lambda each: (each[0], -each[1]))[:1]


def _parsed(value: bytes, kind: str) -> Any:
    parse = _parser()
    try:
        return None if parse is None else parse(value, tltype=kind)
    except ValueError:
        return None


@cache
def _parser() -> Callable[..., Any] | None:
    try:
        from http_sf import parse  # noqa: PLC0415 - an extra, and few servers need it
    except ImportError:
        # Logged once, because the result is cached.
        logger.warning(
            "a server sends RateLimit fields, which are ignored because http-sf is not "
            "installed; to respect them: pip install httpx_resilient[ratelimit]"
        )
        return None
    return parse
