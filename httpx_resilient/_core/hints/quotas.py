"""
Read the quotas that a server reports in the headers of a response.

`RateLimit` and `RateLimit-Policy` are fields of the draft
draft-ietf-httpapi-ratelimit-headers-11. The other fields are only defined by their
senders:

    RateLimit-Remaining, -Reset         drafts up to 06, Envoy, Kong; GitLab's reset is
                                        in seconds since the epoch; -ResetTime is a date
    X-RateLimit-Remaining, -Reset       GitHub, Smartsheet: seconds since the epoch;
                                        Reddit: seconds, and remaining has decimals;
                                        Upstash: milliseconds since the epoch; Jira and
                                        Rachio: a date of ISO 8601
    X-RateLimit-Reset-After             Discord: seconds, more precise than its reset
    X-RateLimit-Interval-Seconds        Confluence, Jira Data Center: when tokens come
    X-RateLimit-Next                    Akamai: a date of ISO 8601
    X-Rate-Limit-Remaining, -Reset      X, Okta: seconds since the epoch; Prisjakt:
                                        milliseconds
    X-RateLimit-Remaining-Requests,     OpenAI, Groq: `6m0s`, `12ms`; Azure: seconds
      -Reset-Requests, and -Tokens
    X-RateLimit-Requests-Remaining      Linear: milliseconds since the epoch
    Anthropic-RateLimit-Requests-...    a date of RFC 3339; also for tokens
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from httpx_resilient._core.hints.structured_fields import read_ratelimit
from httpx_resilient._core.hints.values import moment, plain_number, seconds_until

Fields = Mapping[bytes, bytes]
"""Header fields by lower-case name. Several lines are one list (RFC 9110 §5.3)."""


class ReportedQuota(NamedTuple):
    """
    A quota that one response reports.

    Args:
        left: What the server still allows; `None` if it names a reset only.
        resets: Seconds until it allows more, above 0.
        bucket: The name of the quota, if the server gives one.
        of_requests: Whether it counts requests, and not tokens.
        is_dated: Whether the reset is a moment since the epoch.
    """

    left: int | None
    resets: float
    bucket: str | None = None
    of_requests: bool = True
    is_dated: bool = False

    @property
    def is_spent(self) -> bool:
        """Whether the server allows nothing more before the reset."""
        return self.left is not None and self.left <= 0


class _Counter(NamedTuple):
    """The fields of one quota, those of its reset best first."""

    left: bytes
    resets: tuple[bytes, ...]
    limit: bytes
    of_requests: bool = True


_ANTHROPIC = (b"input-tokens", b"output-tokens", b"tokens")

_COUNTERS = (
    _Counter(
        b"ratelimit-remaining",
        (b"ratelimit-reset", b"ratelimit-resettime"),
        b"ratelimit-limit",
    ),
    _Counter(
        b"x-ratelimit-remaining-requests",
        (b"x-ratelimit-reset-requests",),
        b"x-ratelimit-limit-requests",
    ),
    _Counter(
        b"anthropic-ratelimit-requests-remaining",
        (b"anthropic-ratelimit-requests-reset",),
        b"anthropic-ratelimit-requests-limit",
    ),
    _Counter(
        b"x-ratelimit-remaining",
        (
            b"x-ratelimit-reset-after",
            b"x-ratelimit-reset",
            b"x-ratelimit-interval-seconds",
            b"x-ratelimit-next",
        ),
        b"x-ratelimit-limit",
    ),
    _Counter(
        b"x-rate-limit-remaining", (b"x-rate-limit-reset",), b"x-rate-limit-limit"
    ),
    _Counter(
        b"x-ratelimit-requests-remaining",
        (b"x-ratelimit-requests-reset",),
        b"x-ratelimit-requests-limit",
    ),
    _Counter(
        b"x-ratelimit-remaining-tokens",
        (b"x-ratelimit-reset-tokens",),
        b"x-ratelimit-limit-tokens",
        of_requests=False,
    ),
    *(
        _Counter(
            b"anthropic-ratelimit-" + name + b"-remaining",
            (b"anthropic-ratelimit-" + name + b"-reset",),
            b"anthropic-ratelimit-" + name + b"-limit",
            of_requests=False,
        )
        for name in _ANTHROPIC
    ),
)

_BUCKETS = (b"x-ratelimit-resource", b"x-ratelimit-bucket", b"ratelimit-reason")
"""What names the quota of a request: GitHub, Discord, Jira."""

_OF_ALL = b"jira-quota-"
"""Jira's reasons are such as `jira-quota-tenant-based`, or of an endpoint or issue."""

QUOTA_FIELDS = frozenset(
    {b"ratelimit", *(name for each in _COUNTERS for name in (each.left, *each.resets))}
)
"""A response without any of these fields reports no quota."""


def quotas_in(found: Fields, now: float) -> Iterator[ReportedQuota]:
    """
    Read the quotas of a response.

    Args:
        found: The fields.
        now: When the response was sent, in seconds since the epoch.

    Yields:
        Each quota whose reset is still to come, the most reliable first. A quota whose
        limit is 0 counts what is in progress (Okta), and has no reset.
    """
    bucket = bucket_of(found)
    if b"ratelimit" in found:
        policies = found.get(b"ratelimit-policy", b"")
        for left, seconds, name in read_ratelimit(found[b"ratelimit"], policies):
            yield ReportedQuota(left, seconds, bucket or name)
    for counter in _COUNTERS:
        # Docker Hub adds its window: `100;w=21600`.
        counted = plain_number(found.get(counter.left, b"").partition(b";")[0])
        if counted is None and counter.left in found:
            continue  # a negative number is unknown (Azure)
        if plain_number(found.get(counter.limit)) == 0:
            continue
        for reset in counter.resets:
            seconds = seconds_until(found[reset], now) if reset in found else 0.0
            if seconds > 0:
                number = None if counted is None else int(counted)
                is_dated = moment(found[reset]) is not None
                yield ReportedQuota(
                    number, seconds, bucket, counter.of_requests, is_dated
                )


def bucket_of(found: Fields) -> str | None:
    """
    Return the name of the quota that a response tells of, if it has one.

    A quota that is global (Discord), or that of a whole app or tenant (Jira), binds all
    requests, as one without a name does.
    """
    scope = found.get(b"x-ratelimit-scope", b"").strip().lower()
    if scope == b"global" or b"x-ratelimit-global" in found:
        return None
    for name in _BUCKETS:
        value = found.get(name, b"").strip()
        if value and not value.lower().startswith(_OF_ALL):
            return value.decode("latin-1")
    return None
