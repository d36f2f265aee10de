"""
Names that other tools have for the options of this library, and ours for each of them.

They come from tenacity, stamina, backoff, urllib3, httpx-retries, aiohttp-retry,
Polly, resilience4j, pybreaker, purgatory, circuitbreaker, aiolimiter and Finagle. Names
of Polly and resilience4j are written as in Python: `MaxRetryAttempts` is
`max_retry_attempts`.
"""

from __future__ import annotations

from collections.abc import Mapping

Answer = tuple[str, str] | str
"""The option to give, and its value; or a text that says what to do."""

Names = Mapping[Answer, str]

_PER_ORIGIN = "per_host per_key by key_func group_by"
_OWN_OUTCOME = "leave it out: the last response is returned, the last exception raised"
_EVENTS = (
    "listeners on_open on_opened on_close on_closed on_half_opened on_state_change"
)

FOREIGN_OPTIONS: Mapping[str, Names] = {
    "HTTP": {
        "give the first argument, inner": "transport wrapped wrapped_transport",
        "set it on the client; it applies to each attempt": "timeout",
        "set it on the client": "auth base_url cookies default_encoding event_hooks "
        "follow_redirects headers max_redirects mounts params",
        ("limits", "Limits(...), of your HTTP library"): "max_connections "
        "max_keepalive_connections keepalive_expiry",
        ("proxy", "url"): "proxies proxy_url",
        ("verify", "ssl.create_default_context(cafile=...)"): "ssl ssl_context cafile "
        "ca_certs",
    },
    "RetryingTransport": {
        ("stop", "stop_after_attempt(n)"): "attempts max_attempts max_tries tries "
        "max_attempt_number",
        ("stop", "stop_after_attempt(n + 1)"): "retries max_retries total connect read "
        "status other max_retry_attempts num_retries retry_count",
        ("stop", "stop_after_delay(seconds)"): "max_time max_elapsed_time",
        ("wait", "wait_transient(failure=wait_random_exponential(seconds))"): ""
        "backoff backoff_factor factor multiplier delay base_delay initial_delay "
        "wait_initial wait_gen start_timeout wait_duration interval_function "
        "backoff_type delay_generator",
        ("wait", "wait_transient(failure=wait_random_exponential(max=seconds))"): ""
        "backoff_max max_backoff max_backoff_wait wait_max max_wait max_timeout",
        ("wait", "wait_transient(failure=wait_random_exponential(exp_base=2))"): ""
        "exp_base wait_exp_base",
        ("wait", "wait_transient(max_retry_after=seconds)"): "max_retry_after "
        "retry_after_max",
        ("retry", "retry_if_transient() | retry_if_status(...)"): "statuses "
        "status_codes status_forcelist retry_status_codes retry_on_status",
        ("retry", "retry_if_exception_type((..., ...))"): "on retry_on exception "
        "exceptions retry_exceptions retry_on_exceptions ignore_exceptions",
        ("retry", "a function of the RetryState"): "should_handle predicate giveup "
        "retry_on_result_predicate evaluate_response_callback retry_all_server_errors",
        ("retry", 'retry_if_transient("POST")'): "methods allowed_methods "
        "method_whitelist",
        ("on_event", "a function, which gets AttemptStarted"): "before",
        ("on_event", "a function, which gets AttemptEnded"): "after on_success",
        ("on_event", "a function, which gets RetryScheduled"): "on_retry on_backoff",
        ("on_event", "a function, which gets GaveUp"): "on_giveup",
        ("budget", "RetryBudget(key=...)"): "key",
        "the default has jitter; wait=tenacity.wait_exponential(...) has none": ""
        "jitter use_jitter backoff_jitter wait_jitter",
        "leave it out: Retry-After is respected, see wait_transient": ""
        "respect_retry_after_header retry_after",
        'configure logging.getLogger("httpx_resilient")': "logger backoff_log_level "
        "giveup_log_level",
        _OWN_OUTCOME: "reraise retry_error_cls retry_error_callback raise_on_giveup "
        "raise_on_status raise_on_redirect fail_after_max_attempts",
        'leave the transport out, or send with extensions={"retry": False}': "enabled",
        "in tests, use no_waits() of httpx_resilient.testing": "sleep sleep_func",
        "put DeadlineTransport(RetryingTransport(), seconds) around it": "deadline",
        "put RetryingTransport(ResumingTransport()) in its place": "resume",
        "give inner=DeadlineTransport(None, seconds, body=False)": "attempt",
    },
    "standard_transport": {
        ("breaker", "CircuitBreaker()"): "circuit_breaker circuit",
        ("hedging", "HedgePolicy()"): "hedge",
        ("rate_limit", "RateLimit(n, per=seconds)"): "limit limiter rate_limiter rate",
        ("concurrency", "ConcurrencyLimit(n)"): "bulkhead concurrency_limit "
        "max_concurrency",
        ("throttle", "AdaptiveThrottle()"): "throttling",
        ("failover", "[origin, ...]"): "origins",
        ("deadline", "seconds"): "total total_timeout max_time",
        ("attempt", "seconds"): "attempt_timeout",
        "set it on the client; deadline= limits a whole call, attempt= each attempt": ""
        "timeout",
    },
    "DeadlineTransport": {
        ("total", "seconds"): "timeout seconds deadline limit max_time total_timeout "
        "timeout_duration",
    },
    "CircuitBreaker": {
        ("minimum_calls", "n"): "fail_max failure_threshold threshold max_failures "
        "minimum_throughput minimum_number_of_calls",
        ("failure_rate", "0.5"): "failure_ratio failure_rate_threshold error_threshold",
        ("open_for", "seconds"): "reset_timeout recovery_timeout timeout ttl cooldown "
        "break_duration wait_duration_in_open_state sleep_window timeout_duration",
        ("window", "seconds"): "sampling_duration sliding_window_size window_size",
        ("slow_rate", "0.5"): "slow_call_rate_threshold",
        ("slow_after", "seconds"): "slow_call_duration_threshold",
        ("key", "key_by_path()"): _PER_ORIGIN,
        "give on_event= to the CircuitBreakingTransport": _EVENTS,
        "leave it out: the circuit closes after minimum_calls probes": ""
        "success_threshold half_open_max_calls half_open_max_requests "
        "permitted_number_of_calls_in_half_open_state",
        "leave it out: timeouts, broken connections and 5xx are failures": "exclude "
        "should_handle expected_exception ignore_exceptions record_exceptions",
    },
    "RateLimit": {
        ("requests", "n"): "max_rate rate limit calls max_calls limit_for_period "
        "permit_limit requests_per_second rps",
        ("requests", "n, per=60"): "requests_per_minute rpm",
        ("per", "seconds"): "time_period period interval window duration "
        "limit_refresh_period",
        ("burst", "n"): "capacity bucket_size max_burst token_limit",
        ("max_wait", "seconds"): "timeout timeout_duration max_delay queue_timeout",
        ("key", "key_by_path()"): _PER_ORIGIN,
    },
    "ConcurrencyLimit": {
        ("limit", "n"): "max_concurrent max_concurrent_calls max_concurrency permits "
        "permit_limit max_parallelization value max_connections",
        ("queue", "n"): "queue_limit queue_size max_queue max_queuing_actions",
        ("key", "key_by_path()"): _PER_ORIGIN,
        "set the client's timeout: httpx.Timeout(10, pool=seconds)": "timeout max_wait "
        "max_wait_duration",
    },
    "AdaptiveConcurrencyLimit": {
        ("initial", "n"): "limit initial_limit",
        ("least", "n"): "min_limit minimum min",
        ("most", "n"): "max_limit maximum max",
        ("queue", "n"): "queue_limit queue_size max_queue",
        ("key", "key_by_path()"): _PER_ORIGIN,
    },
    "AdaptiveThrottle": {
        ("k", "2"): "ratio accept_multiplier multiplier",
        ("max_rejection", "0.9"): "max_rejection_rate",
        ("minimum_calls", "n"): "minimum_throughput execution_threshold",
        ("key", "key_by_path()"): _PER_ORIGIN,
    },
    "RetryBudget": {
        ("ratio", "0.2"): "percent percent_can_retry retry_ratio max_rate rate",
        ("least", "n"): "min_retries min_retries_per_second min_concurrency",
        ("most", "n"): "max_tokens capacity max_retries",
        ("window", "seconds"): "ttl",
        ("key", "key_by_path()"): _PER_ORIGIN,
    },
    "HedgePolicy": {
        ("delay", "seconds"): "after hedge_delay",
        ("quantile", "0.95"): "percentile",
        ("extra", "0.05"): "max_extra max_extra_load budget max_hedges "
        "max_hedged_attempts",
        ("methods", '["GET"]'): "allowed_methods",
        ("key", "key_by_path()"): _PER_ORIGIN,
    },
    "Failover": {
        ("origins", "[origin, ...]"): "urls hosts endpoints servers backends",
        ("cooldown", "seconds"): "fail_timeout down_for recovery_timeout ttl",
        "leave it out: the first failure takes an origin out": "max_fails",
    },
    "Credentials": {
        ("fetch", "a function that returns the token"): "token get_token refresh",
        ("origins", "[origin, ...]"): "hosts urls",
        ("max_age", "seconds"): "ttl expires_in",
    },
    "wait_transient": {
        ("failure", "wait_random_exponential(multiplier=seconds, max=seconds)"): ""
        "multiplier min max initial exp_base jitter backoff_factor",
        ("max_retry_after", "seconds"): "retry_after_max max_wait",
    },
}  # fmt: skip
"""The answers by the names of our classes, each with the names that it answers."""

OWN_OPTIONS: Mapping[str, str] = {
    "RetryingTransport": "retry wait stop before_sleep buffer_request_body budget "
    "body_hints retry_response_body complete idempotency_header idempotency_key",
    "DeadlineTransport": "total body",
    "CircuitBreaker": "failure_rate minimum_calls window open_for max_open_for "
    "half_open_wait slow_after slow_rate metrics_only key",
    "RateLimit": "requests per burst key max_wait learn cost used",
    "ConcurrencyLimit": "limit queue per_origin key",
    "AdaptiveConcurrencyLimit": "initial least most queue key",
    "AdaptiveThrottle": "k minimum_calls window max_rejection key",
    "RetryBudget": "ratio least most window grace key",
    "HedgePolicy": "delay quantile samples extra methods key",
    "Failover": "origins cooldown slow_after key",
    "Credentials": "fetch origins max_age",
}
"""The options of our classes, to name the class that one belongs to."""

STATES: Mapping[str, Mapping[str, str]] = {
    "CircuitBreakingTransport": {"breaker": "CircuitBreaker"},
    "RateLimitingTransport": {"limit": "RateLimit"},
    "ConcurrencyLimitingTransport": {"limit": "ConcurrencyLimit"},
    "ThrottlingTransport": {"throttle": "AdaptiveThrottle"},
    "HedgingTransport": {"hedge": "HedgePolicy"},
    "FailoverTransport": {"origins": "Failover"},
    "CredentialsTransport": {"credentials": "Credentials"},
    "RetryingTransport": {"budget": "RetryBudget"},
    "standard_transport": {
        "retry": "RetryingTransport",
        "breaker": "CircuitBreaker",
        "rate_limit": "RateLimit",
        "concurrency": "ConcurrencyLimit",
        "throttle": "AdaptiveThrottle",
        "hedging": "HedgePolicy",
        "budget": "RetryBudget",
        "failover": "Failover",
        "credentials": "Credentials",
    },
}
"""The classes whose instances are arguments of a layer, by the argument."""
