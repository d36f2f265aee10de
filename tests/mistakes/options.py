"""Options by the names that other tools have for them, and misspelt ones."""

from __future__ import annotations

from mistakes.mistake import Mistake

OF_OTHER_TOOLS = [
    *(
        Mistake(f"RetryingTransport({name}=3)", f"instead of {name}=, {says}")
        for says, names in {
            "give stop=stop_after_attempt(n)": "attempts max_attempts max_tries",
            "give stop=stop_after_attempt(n + 1)": "retries max_retries total max_retry_attempts MaxRetryAttempts",
            "give stop=stop_after_delay(seconds)": "max_time",
            "give wait=wait_transient(failure=wait_random_exponential(seconds))": "backoff backoff_factor wait_initial",
            "give wait=wait_transient(failure=wait_random_exponential(max=": "backoff_max max_backoff wait_max",
            "give retry=retry_if_transient() | retry_if_status(...)": "statuses status_forcelist",
            "give retry=retry_if_exception_type((..., ...))": "retry_on on exceptions",
            "give retry=a function of the RetryState": "should_handle",
            'give retry=retry_if_transient("POST")': "methods allowed_methods",
            "give on_event=a function": "on_retry on_backoff on_giveup before after",
            "the default has jitter": "jitter use_jitter",
            "leave it out: Retry-After is respected": "respect_retry_after_header",
            "leave it out: the last response is returned": "reraise retry_error_callback retry_error_cls",
            "configure logging.getLogger": "logger",
            "set it on the client; it applies to each attempt": "timeout",
            "set it on the client": "headers base_url",
            "give the first argument, inner": "transport wrapped",
            "give limits=Limits(...)": "max_connections",
            "put DeadlineTransport(RetryingTransport(), seconds) around it": "deadline",
            "put RetryingTransport(ResumingTransport()) in its place": "resume",
            "give inner=DeadlineTransport(None, seconds, body=False)": "attempt",
        }.items()
        for name in names.split()
    ),
    Mistake("standard_transport(retries=3)", 'give retry={"stop": stop_after_attempt(n + 1)}'),
    Mistake("standard_transport(attempts=3)", 'give retry={"stop": stop_after_attempt(n)}'),
    Mistake("standard_transport(stop=stop_after_attempt(3))", 'give retry={"stop": ...}'),
    Mistake("standard_transport(timeout=3)", "deadline= limits a whole call"),
    Mistake("standard_transport(circuit_breaker=True)", "give breaker=CircuitBreaker()"),
    Mistake("standard_transport(failure_rate=0.5)", "give breaker=CircuitBreaker(failure_rate=...)"),
    Mistake("standard_transport(retry={'max_attempts': 3})", "give stop=stop_after_attempt(n)"),
    Mistake("get(RetryingTransport(ok), retry={'max_attempts': 3})", "give stop=stop_after_attempt(n)"),
    Mistake("RetryingTransport(success_threshold=3)", "the circuit closes after minimum_calls probes"),
    Mistake("RetryingTransport(retries=3, backoff_factor=1)", "unknown options backoff_factor, retries: instead of backoff_factor=, give wait="),
    Mistake("DeadlineTransport(timeout=30)", "give total=seconds"),
    Mistake("DeadlineTransport(retries=3)", "give stop=stop_after_attempt(n + 1) to RetryingTransport"),
    Mistake("CircuitBreakingTransport(open_for=3)", "give breaker=CircuitBreaker(open_for=...)"),
    Mistake("RateLimitingTransport(rate=3)", "give limit=RateLimit(requests=n)"),
    Mistake("CircuitBreaker(fail_max=3)", "give minimum_calls=n"),
    Mistake("CircuitBreaker(failure_ratio=0.5)", "give failure_rate=0.5"),
    Mistake("CircuitBreaker(reset_timeout=30)", "give open_for=seconds"),
    Mistake("CircuitBreaker(failureRateThreshold=50)", "give failure_rate=0.5"),
    Mistake("RateLimit(max_rate=3)", "give requests=n"),
    Mistake("RateLimit(3, time_period=60)", "give per=seconds"),
    Mistake("ConcurrencyLimit(max_concurrent_calls=3)", "give limit=n"),
    Mistake("AdaptiveConcurrencyLimit(min_limit=3)", "give least=n"),
    Mistake("AdaptiveThrottle(ratio=2)", "give k=2"),
    Mistake("RetryBudget(max_tokens=3)", "give most=n"),
    Mistake("HedgePolicy(percentile=95)", "give quantile=0.95"),
    Mistake("Failover(urls=['https://a.example'])", "give origins=[origin, ...]"),
    Mistake("Credentials(token='secret', origins='https://a.example')", "give fetch=a function that returns the token"),
]  # fmt: skip

MISSPELT = [
    Mistake("RetryingTransport(stopp=stop_after_attempt(3))", "did you mean stop=?"),
    Mistake("RetryingTransport(buffer_request_bodies=9)", "did you mean buffer_request_body=?"),
    Mistake("RetryingTransport(trust_envs=True)", "did you mean trust_env=?"),
    Mistake("standard_transport(deadlines=5)", "did you mean deadline=?"),
    Mistake("standard_transport(retry={'stopp': 3})", "did you mean stop=?"),
    Mistake("get(RetryingTransport(ok), retry={'stopp': 3})", "did you mean stop=?"),
    Mistake("CircuitBreaker(failure_rates=0.5)", "did you mean failure_rate=?"),
    Mistake("RateLimit(request=3)", "did you mean requests=?"),
    Mistake("RetryingTransport(colour=3)", "unknown option colour: RetryingTransport has inner, retry, wait"),
]  # fmt: skip

PLACES = [
    Mistake("CircuitBreaker(0.5)", "CircuitBreaker takes these options by name: failure_rate, "),
    Mistake("RetryingTransport(ok, 3)", "RetryingTransport takes these options by name: retry, "),
    Mistake("RateLimit(3, 1, 5)", "RateLimit takes these options by name: burst, "),
    Mistake("RateLimit(0)", "requests is a number, above 0; got 0", ValueError),
    Mistake("RateLimit('3')", "requests is a number, above 0; got '3'"),
    Mistake("CircuitBreaker(failure_rate=50)", "failure_rate is a number, above 0, at most 1", ValueError),
    Mistake("ConcurrencyLimit(-1)", "limit is a whole number of requests, 1 or more", ValueError),
    Mistake("DeadlineTransport(None, -1)", "total is a number of seconds, above 0", ValueError),
    Mistake("RateLimit(3, key='host')", "key must be a function of the request"),
    Mistake("RateLimit(3, key=lambda: 'host')", "key must be a function of the request"),
    Mistake("RateLimit(3, cost=lambda: 1)", "cost must be a function of the request"),
    Mistake("Credentials(lambda request: 'token', 'https://a.example')", "fetch must be a function without arguments"),
]  # fmt: skip
