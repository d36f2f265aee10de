"""
What services answer when they throttle or fail, and what is right then.

The sources are pages of the vendors, and their SDKs: "run" means that the SDK was driven
against a server on loopback, with its requests and its sleeps recorded.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import formatdate
from typing import NamedTuple

from httpx_resilient import (
    BodyAnswer,
    BodyHints,
    aws_errors,
    discord_errors,
    google_errors,
    openai_errors,
    telegram_errors,
)

SENT = 1_795_000_000
"""The `Date` of all responses: 18 November 2026, 11:06:40 UTC."""

FINAL = math.inf
BACKOFF = 0.0

Reader = Callable[[BodyAnswer], BodyHints | None]

_FORMS: Mapping[str, str] = {
    "iso": "%Y-%m-%dT%H:%M:%SZ",
    "minute": "%Y-%m-%dT%H:%MZ",
    "javascript": "%a %b %d %Y %H:%M:%S GMT+0000 (Coordinated Universal Time)",
}


class At(NamedTuple):
    """
    A moment in a header.

    Args:
        seconds: Seconds after the `Date` of the response.
        form: How it is written: `epoch`, `http`, `iso`, `minute` or `javascript`.
    """

    seconds: float
    form: str = "epoch"

    def __str__(self) -> str:
        moment = SENT + self.seconds
        if self.form == "epoch":
            return f"{moment:.10g}" if self.seconds % 1 == 0 else f"{moment:.3f}"
        if self.form == "http":
            return formatdate(moment, usegmt=True)
        return datetime.fromtimestamp(moment, UTC).strftime(_FORMS[self.form])


@dataclass(frozen=True)
class Row:
    """
    An answer of a service.

    Args:
        id: A name.
        service: The service.
        method: The method of the request.
        status: The status code.
        source: Where it is from.
        right: Seconds that the next attempt has to wait, `BACKOFF` if nothing is told,
            or `FINAL`.
        headers: The headers of the response besides its `Date`.
        body: Its body.
        has_key: Whether the request has an `Idempotency-Key`.
        told: Seconds that are told to a request that is final only because it may have
            been processed. With an `Idempotency-Key`, it waits for them.
        reader: The reader without which the body says nothing.
        note: Why that is right.
    """

    id: str
    service: str
    method: str
    status: int
    source: str = field(kw_only=True)
    right: float = field(kw_only=True)
    headers: Mapping[str, str | At] = field(default_factory=dict, kw_only=True)
    body: str = field(default="", kw_only=True)
    has_key: bool = field(default=False, kw_only=True)
    told: float | None = field(default=None, kw_only=True)
    reader: Reader | None = field(default=None, kw_only=True)
    note: str = field(default="", kw_only=True)


READERS = (google_errors, openai_errors, aws_errors, telegram_errors, discord_errors)

ROWS = (
    Row(
        "gh-secondary",
        "GitHub",
        "GET",
        403,
        headers={
            "Retry-After": "5",
            "X-RateLimit-Remaining": "4999",
            "X-RateLimit-Reset": At(1800),
        },
        body='{"message": "You have exceeded a secondary rate limit."}',
        right=5,
        source="docs.github.com rate-limits-for-the-rest-api (github/docs 21143d5); PyGithub 2.10.0, githubkit 0.16.1",
    ),
    Row(
        "gh-primary-403",
        "GitHub",
        "GET",
        403,
        headers={
            "X-RateLimit-Limit": "5000",
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": At(20),
            "X-RateLimit-Resource": "core",
        },
        body='{"message": "API rate limit exceeded"}',
        right=20,
        source="docs.github.com rate-limits-for-the-rest-api (github/docs 21143d5); PyGithub 2.10.0, githubkit 0.16.1",
    ),
    Row(
        "gh-primary-far",
        "GitHub",
        "GET",
        403,
        headers={
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": At(1800),
        },
        body='{"message": "API rate limit exceeded"}',
        right=FINAL,
        note="the reset is further away than max_retry_after",
        source="docs.github.com rate-limits-for-the-rest-api (github/docs 21143d5); PyGithub 2.10.0, githubkit 0.16.1",
    ),
    Row(
        "gh-secondary-none",
        "GitHub",
        "GET",
        429,
        headers={
            "X-RateLimit-Remaining": "4990",
            "X-RateLimit-Reset": At(1800),
        },
        body='{"message": "You have exceeded a secondary rate limit."}',
        right=60,
        note="GitHub asks for a minute where it tells no time",
        source="docs.github.com rate-limits-for-the-rest-api (github/docs 21143d5); PyGithub 2.10.0, githubkit 0.16.1",
    ),
    Row(
        "gh-forbidden",
        "GitHub",
        "GET",
        403,
        headers={
            "X-RateLimit-Remaining": "4990",
            "X-RateLimit-Reset": At(1800),
        },
        body='{"message": "Resource not accessible by integration"}',
        right=FINAL,
        source="docs.github.com rate-limits-for-the-rest-api (github/docs 21143d5); PyGithub 2.10.0, githubkit 0.16.1",
    ),
    Row(
        "stripe-no",
        "Stripe",
        "GET",
        500,
        headers={
            "Stripe-Should-Retry": "false",
        },
        right=FINAL,
        source="stripe 16.1.0 `_should_retry`: header decides before the status",
    ),
    Row(
        "stripe-409-yes",
        "Stripe",
        "POST",
        409,
        headers={
            "Stripe-Should-Retry": "true",
        },
        body='{"error": {"code": "lock_timeout"}}',
        right=BACKOFF,
        has_key=True,
        source="stripe 16.1.0 `_should_retry`: header decides before the status",
    ),
    Row(
        "stripe-400-yes",
        "Stripe",
        "POST",
        400,
        headers={
            "Stripe-Should-Retry": "true",
        },
        right=BACKOFF,
        has_key=True,
        source="stripe 16.1.0 `_should_retry`: header decides before the status",
    ),
    Row(
        "openai-ms",
        "OpenAI",
        "POST",
        429,
        headers={
            "retry-after-ms": "1500",
            "Retry-After": "2",
            "x-ratelimit-remaining-requests": "0",
            "x-ratelimit-reset-requests": "1.5s",
        },
        body='{"error": {"code": "rate_limit_exceeded"}}',
        right=1.5,
        source="openai 3.57.0 (run); OpenAI error and rate limit pages via learn.microsoft.com dev-proxy and developersdigest.tech, 2026-10",
    ),
    Row(
        "openai-req-reset",
        "OpenAI",
        "POST",
        429,
        headers={
            "x-ratelimit-limit-requests": "60",
            "x-ratelimit-remaining-requests": "0",
            "x-ratelimit-reset-requests": "8.64s",
        },
        body='{"error": {"code": "rate_limit_exceeded"}}',
        right=8.64,
        source="openai 3.57.0 (run); OpenAI error and rate limit pages via learn.microsoft.com dev-proxy and developersdigest.tech, 2026-10",
    ),
    Row(
        "openai-quota",
        "OpenAI",
        "POST",
        429,
        body='{"error": {"code": "credit_balance_exhausted"}}',
        right=FINAL,
        reader=openai_errors,
        note="no waiting helps",
        source="openai 3.57.0 (run); OpenAI error and rate limit pages via learn.microsoft.com dev-proxy and developersdigest.tech, 2026-10",
    ),
    Row(
        "openai-slow",
        "OpenAI",
        "POST",
        503,
        headers={
            "Retry-After": "3",
        },
        body='{"error": {"code": "slow_down"}}',
        right=FINAL,
        told=3,
        source="openai 3.57.0 (run); OpenAI error and rate limit pages via learn.microsoft.com dev-proxy and developersdigest.tech, 2026-10",
    ),
    Row(
        "anthropic-429",
        "Anthropic",
        "POST",
        429,
        headers={
            "retry-after": "7",
            "anthropic-ratelimit-requests-remaining": "0",
            "anthropic-ratelimit-requests-reset": At(7, "iso"),
            "x-should-retry": "true",
        },
        body='{"error": {"type": "rate_limit_error"}}',
        right=7,
        source="anthropic 2.14.0 (run); docs.aws.amazon.com/claude-platform rate-limits 2026",
    ),
    Row(
        "anthropic-tok",
        "Anthropic",
        "POST",
        429,
        headers={
            "anthropic-ratelimit-requests-remaining": "49",
            "anthropic-ratelimit-requests-reset": At(1, "iso"),
            "anthropic-ratelimit-input-tokens-remaining": "0",
            "anthropic-ratelimit-input-tokens-reset": At(9, "iso"),
        },
        right=9,
        note="the quota of tokens is the one that is spent",
        source="anthropic 2.14.0 (run); docs.aws.amazon.com/claude-platform rate-limits 2026",
    ),
    Row(
        "anthropic-529-plain",
        "Anthropic",
        "POST",
        529,
        body='{"type": "error", "error": {"type": "overloaded_error"}}',
        right=BACKOFF,
        source="anthropic 2.14.0 (run); docs.aws.amazon.com/claude-platform rate-limits 2026",
    ),
    Row(
        "groq-429",
        "Groq",
        "POST",
        429,
        headers={
            "retry-after": "2",
            "x-ratelimit-remaining-requests": "14370",
            "x-ratelimit-reset-requests": "2m59.56s",
            "x-ratelimit-remaining-tokens": "0",
            "x-ratelimit-reset-tokens": "7.66s",
        },
        right=2,
        source="Groq, docs on rate limits",
    ),
    Row(
        "gemini-retryinfo",
        "Google Gemini",
        "POST",
        429,
        body='{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7.5s"}]}}',
        right=7.5,
        reader=google_errors,
        source="google.rpc.RetryInfo in error.details; dev.to report of 2026-10-07; google-genai 3.6.1 does not read it (run)",
    ),
    Row(
        "google-403",
        "Google APIs (Drive)",
        "GET",
        403,
        body='{"error": {"code": 403, "errors": [{"reason": "userRateLimitExceeded"}]}}',
        right=BACKOFF,
        reader=google_errors,
        source="google-api-python-client 2.202.0 `_should_retry_response`",
    ),
    Row(
        "azure-openai",
        "Azure OpenAI",
        "POST",
        429,
        headers={
            "retry-after": "2",
            "retry-after-ms": "1200",
            "x-ratelimit-remaining-requests": "0",
            "x-ratelimit-reset-requests": "2",
        },
        right=1.2,
        source="azure-core 1.41.0 `is_retry`, `get_retry_after`; learn.microsoft.com",
    ),
    Row(
        "azure-neg",
        "Azure OpenAI",
        "POST",
        429,
        headers={
            "retry-after": "4",
            "x-ratelimit-remaining-tokens": "-1",
            "x-ratelimit-limit-tokens": "-1",
            "x-ratelimit-reset-tokens": "0",
        },
        right=4,
        note="a negative number is unknown",
        source="azure-core 1.41.0 `is_retry`, `get_retry_after`; learn.microsoft.com",
    ),
    Row(
        "azure-413",
        "Azure (any)",
        "GET",
        413,
        headers={
            "Retry-After": "2",
        },
        right=2,
        note="a 413 that names a time is temporary (RFC 9110 §15.5.14)",
        source="azure-core 1.41.0 `is_retry`, `get_retry_after`; learn.microsoft.com",
    ),
    Row(
        "cosmos-429",
        "Azure Cosmos DB",
        "POST",
        429,
        headers={
            "x-ms-retry-after-ms": "350",
            "x-ms-substatus": "3200",
        },
        right=0.35,
        source="azure-cosmos 4.17.1 http_constants, _resource_throttle_retry_policy",
    ),
    Row(
        "graph-429",
        "Microsoft Graph",
        "GET",
        429,
        headers={
            "Retry-After": "10",
        },
        right=10,
        source="microsoft-graph-docs throttling.md; microsoft-kiota-http 1.16.0 retry_handler",
    ),
    Row(
        "graph-503",
        "Microsoft Graph",
        "POST",
        503,
        headers={
            "Retry-After": "10",
        },
        right=FINAL,
        told=10,
        source="microsoft-graph-docs throttling.md; microsoft-kiota-http 1.16.0 retry_handler",
    ),
    Row(
        "discord-429",
        "Discord",
        "POST",
        429,
        headers={
            "Retry-After": "2",
            "X-RateLimit-Limit": "5",
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": At(1.337),
            "X-RateLimit-Reset-After": "1.337",
            "X-RateLimit-Bucket": "abcd",
            "X-RateLimit-Scope": "user",
            "Via": "1.1 google",
        },
        body='{"message": "You are being rate limited.", "retry_after": 1.337, "global": false}',
        right=2,
        note="the longer of the two times that are told",
        source="docs.discord.com/developers/topics/rate-limits; discord-api-docs e9d6bd0; discord.py 2.7.1 http.py",
    ),
    Row(
        "discord-ban",
        "Discord (Cloudflare ban)",
        "GET",
        429,
        headers={
            "Content-Type": "text/html",
        },
        body="<html>",
        right=FINAL,
        reader=discord_errors,
        note="an address that goes on is banned for longer",
        source="docs.discord.com/developers/topics/rate-limits; discord-api-docs e9d6bd0; discord.py 2.7.1 http.py",
    ),
    Row(
        "notion-429",
        "Notion",
        "POST",
        429,
        headers={
            "Retry-After": "12",
        },
        body='{"code": "rate_limited"}',
        right=12,
        source="developers.notion.com/reference/request-limits (2026)",
    ),
    Row(
        "notion-529",
        "Notion",
        "PATCH",
        529,
        headers={
            "Retry-After": "12",
        },
        body='{"code": "service_overload"}',
        right=12,
        source="developers.notion.com/reference/request-limits (2026)",
    ),
    Row(
        "shopify-rest",
        "Shopify REST",
        "POST",
        429,
        headers={
            "Retry-After": "2.0",
            "X-Shopify-Shop-Api-Call-Limit": "40/40",
        },
        body='{"errors": "Exceeded 2 calls per second"}',
        right=2,
        source="shopify.dev admin-rest rate-limits",
    ),
    Row(
        "hf-429",
        "Hugging Face",
        "GET",
        429,
        headers={
            "RateLimit": '"api";r=0;t=25',
            "RateLimit-Policy": '"fixed window";"api";q=500;w=300',
        },
        right=25,
        source="hub-docs rate-limits.md 221d4b2; huggingface_hub 2.4.0 (run)",
    ),
    Row(
        "cf-429",
        "Cloudflare API",
        "GET",
        429,
        headers={
            "Retry-After": "15",
            "Ratelimit": '"default";r=0;t=15',
            "Ratelimit-Policy": '"default";q=1200;w=300',
        },
        right=15,
        source="developers.cloudflare.com/fundamentals/api/reference/limits (2026-04-20)",
    ),
    Row(
        "cf-old-reset",
        "Cloudflare API (to 2025)",
        "GET",
        429,
        headers={
            "x-ratelimit-remaining": "0",
            "x-ratelimit-reset": At(15, "http"),
        },
        right=15,
        source="cloudflare-docs limits.mdx 030a000 (older)",
    ),
    Row(
        "cf-520",
        "Cloudflare in front",
        "POST",
        520,
        headers={
            "Server": "cloudflare",
        },
        right=FINAL,
        note="it may have been processed",
        source="cloudflare-docs error-52x.mdx, read 521 522 523 524 525 526 530",
    ),
    Row(
        "cf-521",
        "Cloudflare in front",
        "POST",
        521,
        headers={
            "Server": "cloudflare",
        },
        right=BACKOFF,
        note="the server refused the connection",
        source="cloudflare-docs error-52x.mdx, read 521 522 523 524 525 526 530",
    ),
    Row(
        "cf-523",
        "Cloudflare in front",
        "POST",
        523,
        headers={
            "Server": "cloudflare",
        },
        right=BACKOFF,
        note="the server was not reached",
        source="cloudflare-docs error-52x.mdx, read 521 522 523 524 525 526 530",
    ),
    Row(
        "cf-524",
        "Cloudflare in front",
        "POST",
        524,
        headers={
            "Server": "cloudflare",
        },
        right=FINAL,
        note="it may have been processed",
        source="cloudflare-docs error-52x.mdx, read 521 522 523 524 525 526 530",
    ),
    Row(
        "cf-525",
        "Cloudflare in front",
        "POST",
        525,
        headers={
            "Server": "cloudflare",
        },
        right=BACKOFF,
        note="the handshake failed",
        source="cloudflare-docs error-52x.mdx, read 521 522 523 524 525 526 530",
    ),
    Row(
        "cf-526",
        "Cloudflare in front",
        "GET",
        526,
        headers={
            "Server": "cloudflare",
        },
        right=FINAL,
        note="a certificate does not change soon",
        source="cloudflare-docs error-52x.mdx, read 521 522 523 524 525 526 530",
    ),
    Row(
        "gitlab",
        "GitLab",
        "GET",
        429,
        headers={
            "RateLimit-Limit": "60",
            "RateLimit-Observed": "67",
            "RateLimit-Remaining": "0",
            "RateLimit-Reset": At(12),
            "RateLimit-ResetTime": At(12, "http"),
            "Retry-After": "12",
        },
        right=12,
        source="gitlab.com production-engineering#25372; python-gitlab 8.6.0 utils.Retry",
    ),
    Row(
        "gitlab-nora",
        "GitLab",
        "GET",
        429,
        headers={
            "RateLimit-Limit": "60",
            "RateLimit-Remaining": "0",
            "RateLimit-Reset": At(12),
        },
        right=12,
        source="gitlab.com production-engineering#25372; python-gitlab 8.6.0 utils.Retry",
    ),
    Row(
        "reddit",
        "Reddit",
        "GET",
        429,
        headers={
            "x-ratelimit-used": "100",
            "x-ratelimit-remaining": "0.0",
            "x-ratelimit-reset": "23",
        },
        right=23,
        source="prawcore 4.0.0 rate_limit.py",
    ),
    Row(
        "x",
        "X",
        "GET",
        429,
        headers={
            "x-rate-limit-limit": "15",
            "x-rate-limit-remaining": "0",
            "x-rate-limit-reset": At(40),
        },
        right=40,
        source="tweepy 4.17.0 client.py",
    ),
    Row(
        "okta-conc",
        "Okta concurrency",
        "GET",
        429,
        headers={
            "X-Rate-Limit-Limit": "0",
            "X-Rate-Limit-Remaining": "0",
            "X-Rate-Limit-Reset": At(60),
        },
        right=BACKOFF,
        note="a limit of 0 counts requests in progress, and has no reset",
        source="okta 3.4.6 request_executor.py",
    ),
    Row(
        "datadog",
        "Datadog",
        "GET",
        429,
        headers={
            "X-RateLimit-Limit": "300",
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Period": "60",
            "X-RateLimit-Reset": "17",
        },
        right=17,
        source="datadog-api-client 2.62.0 rest.py",
    ),
    Row(
        "datadog-503",
        "Datadog",
        "POST",
        503,
        headers={
            "X-RateLimit-Reset": "17",
        },
        right=FINAL,
        told=17,
        source="datadog-api-client 2.62.0 rest.py",
    ),
    Row(
        "jira-429",
        "Jira Cloud",
        "GET",
        429,
        headers={
            "Retry-After": "9",
            "X-RateLimit-Reset": At(-40, "minute"),
            "X-RateLimit-Remaining": "0",
            "RateLimit-Reason": "jira-burst-based",
        },
        right=9,
        source="jira.atlassian.com JRACLOUD-69262; developer.atlassian.com 2026-10-20",
    ),
    Row(
        "smartsheet",
        "Smartsheet",
        "GET",
        429,
        headers={
            "X-RateLimit-Limit": "120",
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": At(18),
        },
        right=18,
        source="developers.smartsheet.com throttling",
    ),
    Row(
        "aws-ms",
        "AWS",
        "POST",
        500,
        headers={
            "x-amz-retry-after": "1500",
        },
        right=FINAL,
        told=1.5,
        source="botocore 1.44.8 retries/standard.py (run)",
    ),
    Row(
        "aws-429-ms",
        "AWS",
        "GET",
        429,
        headers={
            "x-amz-retry-after": "4500",
        },
        right=4.5,
        source="botocore 1.44.8 retries/standard.py (run)",
    ),
    Row(
        "aws-throttle-400",
        "AWS (DynamoDB)",
        "POST",
        400,
        headers={
            "x-amzn-ErrorType": "ThrottlingException",
        },
        body='{"__type": "com.amazon.coral.availability#ThrottlingException"}',
        right=BACKOFF,
        source="botocore 1.44.8 retries/standard.py (run)",
    ),
    Row(
        "dropbox-429",
        "Dropbox",
        "POST",
        429,
        headers={
            "Retry-After": "15",
        },
        body='{"error": {"reason": {".tag": "too_many_requests"}, "retry_after": 15}}',
        right=15,
        source="dropbox 12.2.4 dropbox_client.py",
    ),
    Row(
        "box-202",
        "Box",
        "GET",
        202,
        headers={
            "Retry-After": "3",
        },
        right=FINAL,
        note="a success is tried again only if the policy names it",
        source="box-sdk-gen 1.17.0 networking/retries.py",
    ),
    Row(
        "box-429",
        "Box",
        "GET",
        429,
        headers={
            "Retry-After": "3",
        },
        right=3,
        source="box-sdk-gen 1.17.0 networking/retries.py",
    ),
    Row(
        "telegram",
        "Telegram Bot API",
        "POST",
        429,
        body='{"ok": false, "error_code": 429, "parameters": {"retry_after": 6}}',
        right=6,
        reader=telegram_errors,
        source="python-telegram-bot 22.8 (run), aiogram 3.31.0",
    ),
    Row(
        "elastic",
        "Elasticsearch",
        "POST",
        429,
        body='{"error": {"type": "es_rejected_execution_exception"}}',
        right=BACKOFF,
        source="elastic-transport 9.4.2: retries 429 502 503 504 (run)",
    ),
    Row(
        "pinecone",
        "Pinecone",
        "POST",
        429,
        headers={
            "Retry-After": "4",
        },
        right=4,
        source="pinecone 10.2.0 _internal/http_client.py",
    ),
    Row(
        "databricks",
        "Databricks",
        "POST",
        503,
        headers={
            "Retry-After": "2",
        },
        body='{"error_code": "TEMPORARILY_UNAVAILABLE"}',
        right=FINAL,
        told=2,
        source="databricks-sdk 0.162.0 errors/customizer.py",
    ),
    Row(
        "lemlist",
        "lemlist",
        "GET",
        429,
        headers={
            "X-RateLimit-Limit": "20",
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": At(2, "javascript"),
            "Retry-After": "2",
        },
        right=2,
        source="developer.lemlist.com rate-limits",
    ),
    Row(
        "akamai",
        "Akamai",
        "GET",
        429,
        headers={
            "X-RateLimit-Limit": "60",
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Next": At(14, "iso"),
        },
        right=14,
        source="techdocs.akamai.com (msl, cloudlets)",
    ),
    Row(
        "prisjakt",
        "Prisjakt",
        "GET",
        429,
        headers={
            "X-Rate-Limit-Remaining": "0",
            "X-Rate-Limit-Reset": "6000",
        },
        right=6,
        note="milliseconds",
        source="developer.prisjakt.nu rate-limit",
    ),
    Row(
        "persona",
        "Persona",
        "GET",
        429,
        headers={
            "ratelimit-limit": "300",
            "ratelimit-remaining": "0",
            "ratelimit-reset": "13",
        },
        right=13,
        source="docs.withpersona.com rate-limiting",
    ),
    Row(
        "omnisend",
        "Omnisend",
        "GET",
        429,
        headers={
            "X-Rate-Limit-Remaining": "0",
            "X-Rate-Limit-Reset": "21",
        },
        right=21,
        source="api-docs.omnisend.com v5",
    ),
    Row(
        "draft07",
        "draft-07 server (express-rate-limit)",
        "GET",
        429,
        headers={
            "RateLimit": "limit=100, remaining=0, reset=11",
            "RateLimit-Policy": "100;w=60",
        },
        right=11,
        source="draft-ietf-httpapi-ratelimit-headers (11: 2026-05-23; 07: 2023-06)",
    ),
    Row(
        "supabase-520",
        "Supabase",
        "GET",
        520,
        right=BACKOFF,
        source="postgrest 2.34.1 (run): GET/HEAD on 503 and 520",
    ),
    Row(
        "prefect-maint",
        "Prefect",
        "POST",
        503,
        headers={
            "Prefect-Maintenance": "true",
            "Retry-After": "5",
        },
        right=FINAL,
        told=5,
        source="prefect 3.9.1 client/base.py (run)",
    ),
    Row(
        "mistral",
        "Mistral",
        "POST",
        429,
        headers={
            "Retry-After": "3",
        },
        right=3,
        source="mistralai 3.7.0 (run)",
    ),
    Row(
        "helix",
        "Perforce Helix ALM",
        "GET",
        429,
        headers={
            "X-RateLimit-Limit": "30",
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": "17",
        },
        right=17,
        source="help.perforce.com RateLimits 2026.1",
    ),
    Row(
        "s3-slow-down",
        "AWS (S3)",
        "POST",
        503,
        body="<Error><Code>SlowDown</Code></Error>",
        right=BACKOFF,
        reader=aws_errors,
        note="HTTP/1.1 says it in the reason phrase, too, which is read without a reader",
        source="botocore 1.44.8 retries/standard.py",
    ),
    Row(
        "gemini-day",
        "Google Gemini",
        "POST",
        429,
        body='{"error": {"details": [{"violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]}, {"retryDelay": "27s"}]}}',
        right=FINAL,
        reader=google_errors,
        note="a quota of a day: what retryDelay tells does not help",
        source="google.rpc.QuotaFailure in error.details; gemini-cli googleQuotaErrors.ts",
    ),
)
