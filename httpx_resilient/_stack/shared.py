"""The public names that are the same objects for both libraries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from httpx_resilient._stack.lazy import lazy

if TYPE_CHECKING:
    from httpx_resilient._budget.budget import RetryBudget
    from httpx_resilient._core.attempts import Attempt, attempts_of
    from httpx_resilient._core.context import RequestContext
    from httpx_resilient._core.current_attempt import CurrentAttempt, current_attempt
    from httpx_resilient._core.explain import explain
    from httpx_resilient._core.key_by import key_by_header, key_by_path
    from httpx_resilient._core.redaction import redact_tokens
    from httpx_resilient._layers.circuit_breaker.breaker import CircuitBreaker
    from httpx_resilient._layers.circuit_breaker.circuit_state import CircuitState
    from httpx_resilient._layers.concurrency.limit import (
        AdaptiveConcurrencyLimit,
        ConcurrencyLimit,
    )
    from httpx_resilient._layers.concurrency.state import ConcurrencyState
    from httpx_resilient._layers.credentials.credentials import Credentials
    from httpx_resilient._layers.failover.group import Failover
    from httpx_resilient._layers.hedging.policy import HedgePolicy
    from httpx_resilient._layers.rate_limit.limit import RateLimit
    from httpx_resilient._layers.rate_limit.limit_state import RateLimitState
    from httpx_resilient._layers.retry.body_answer import BodyAnswer, BodyHints
    from httpx_resilient._layers.retry.body_hints import hints_in_body
    from httpx_resilient._layers.retry.body_readers import (
        aws_errors,
        discord_errors,
        google_errors,
        openai_errors,
        telegram_errors,
    )
    from httpx_resilient._layers.retry.retries import (
        retry_if_idempotent,
        retry_if_status,
        retry_if_transient,
    )
    from httpx_resilient._layers.retry.waits import wait_retry_after, wait_transient
    from httpx_resilient._layers.throttle.throttle import AdaptiveThrottle
    from httpx_resilient._pool.stats import PoolStats
    from httpx_resilient._transfers.download.result import (
        Download,
        DownloadBreak,
        DownloadProgress,
    )
    from httpx_resilient._transfers.upload.record import Upload, upload_of
    from httpx_resilient._transport.stage import Stage
else:
    __getattr__ = lazy(
        __name__,
        {
            "_budget.budget": ("RetryBudget",),
            "_core.attempts": ("Attempt", "attempts_of"),
            "_core.context": ("RequestContext",),
            "_core.current_attempt": ("CurrentAttempt", "current_attempt"),
            "_core.explain": ("explain",),
            "_core.key_by": ("key_by_header", "key_by_path"),
            "_core.redaction": ("redact_tokens",),
            "_layers.circuit_breaker.breaker": ("CircuitBreaker",),
            "_layers.circuit_breaker.circuit_state": ("CircuitState",),
            "_layers.concurrency.limit": (
                "AdaptiveConcurrencyLimit",
                "ConcurrencyLimit",
            ),
            "_layers.concurrency.state": ("ConcurrencyState",),
            "_layers.credentials.credentials": ("Credentials",),
            "_layers.failover.group": ("Failover",),
            "_layers.hedging.policy": ("HedgePolicy",),
            "_layers.rate_limit.limit": ("RateLimit",),
            "_layers.rate_limit.limit_state": ("RateLimitState",),
            "_layers.retry.body_answer": ("BodyAnswer", "BodyHints"),
            "_layers.retry.body_hints": ("hints_in_body",),
            "_layers.retry.body_readers": (
                "aws_errors",
                "discord_errors",
                "google_errors",
                "openai_errors",
                "telegram_errors",
            ),
            "_layers.retry.retries": (
                "retry_if_idempotent",
                "retry_if_status",
                "retry_if_transient",
            ),
            "_layers.retry.waits": ("wait_retry_after", "wait_transient"),
            "_layers.throttle.throttle": ("AdaptiveThrottle",),
            "_pool.stats": ("PoolStats",),
            "_transfers.download.result": (
                "Download",
                "DownloadBreak",
                "DownloadProgress",
            ),
            "_transfers.upload.record": ("Upload", "upload_of"),
            "_transport.stage": ("Stage",),
        },
    )

__all__ = [
    "AdaptiveConcurrencyLimit",
    "AdaptiveThrottle",
    "Attempt",
    "BodyAnswer",
    "BodyHints",
    "CircuitBreaker",
    "CircuitState",
    "ConcurrencyLimit",
    "ConcurrencyState",
    "Credentials",
    "CurrentAttempt",
    "Download",
    "DownloadBreak",
    "DownloadProgress",
    "Failover",
    "HedgePolicy",
    "PoolStats",
    "RateLimit",
    "RateLimitState",
    "RequestContext",
    "RetryBudget",
    "Stage",
    "Upload",
    "attempts_of",
    "aws_errors",
    "current_attempt",
    "discord_errors",
    "explain",
    "google_errors",
    "hints_in_body",
    "key_by_header",
    "key_by_path",
    "openai_errors",
    "redact_tokens",
    "retry_if_idempotent",
    "retry_if_status",
    "retry_if_transient",
    "telegram_errors",
    "upload_of",
    "wait_retry_after",
    "wait_transient",
]
