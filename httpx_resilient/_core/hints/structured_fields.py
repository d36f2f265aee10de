"""Read the fields `RateLimit` and `RateLimit-Policy`, which are structured fields."""

from __future__ import annotations

from typing import Any

_REQUEST_UNITS = ("requests", "request")
"""The units of a quota of requests (sections 3.1.2 and 10.3 of the draft)."""


def read_ratelimit(
    limits: bytes, policies: bytes
) -> list[tuple[int, float, str | None]]:
    """
    Read `RateLimit`, and take a missing window from `RateLimit-Policy`.

    Returns:
        The remaining requests, the seconds until they are renewed, and the name of the
        policy; the one that allows least for the longest time first. A malformed field
        is ignored (section 7 of the draft).
    """
    quotas: list[tuple[Any, ...]] = []
    policy_of = {str(name): more for name, more in _parsed(policies, "list") or ()}
    for name, more in _parsed(limits, "list") or ():
        policy = policy_of.get(str(name), {})
        if policy.get("qu", "requests") in _REQUEST_UNITS:
            quotas.append((more.get("r"), more.get("t", policy.get("w")), str(name)))
    if not quotas:
        # Draft 07: limit=100, remaining=50, reset=5.
        one: dict[str, Any] = _parsed(limits, "dictionary") or {}
        left, seconds = (one.get(k, (None,))[0] for k in ("remaining", "reset"))
        quotas.append((left, seconds, None))
    usable: list[tuple[int, float, str | None]] = [
        (left, seconds, name)
        for left, seconds, name in quotas
        if type(left) is type(seconds) is int and left >= 0 and seconds > 0
    ]
    return sorted(usable, key=lambda each: (each[0], -each[1]))


def _parsed(value: bytes, kind: str) -> Any:
    # Imported here, because few servers send these fields.
    from http_sf import parse  # noqa: PLC0415

    try:
        return parse(value, tltype=kind)
    except ValueError:
        return None
