"""Transports that are none, of the wrong library, or too many."""

from __future__ import annotations

from mistakes.mistake import Mistake

INNER = [
    Mistake("RetryingTransport(httpx.AsyncClient())", "wrap(client, RetryingTransport)"),
    Mistake("RetryingTransport(httpx.Client())", "make the client with it, <httpx>.Client(transport=RetryingTransport(...))"),
    Mistake("RetryingTransport(httpx.AsyncClient)", "wrap(client, RetryingTransport)"),
    Mistake("DeadlineTransport(httpx.Client(), 30)", "wrap(client, DeadlineTransport)"),
    Mistake("standard_transport(httpx.Client())", "wrap(client, standard_transport)"),
    Mistake("RetryingTransport(3)", "give RetryingTransport(stop=stop_after_attempt(3))"),
    Mistake("RetryingTransport(retry_if_transient())", "give RetryingTransport(retry=retry_if_transient(...))"),
    Mistake("RetryingTransport(RetryBudget())", "give RetryingTransport(budget=RetryBudget(...))"),
    Mistake("RetryingTransport(theirs('httpx_retries.retry'))", "docs/migration.md translates the options of httpx-retries"),
    Mistake("DeadlineTransport(30)", "DeadlineTransport(None, 30)"),
    Mistake("standard_transport(30)", "give standard_transport(deadline=30)"),
    Mistake("standard_transport(CircuitBreaker())", "give standard_transport(breaker=CircuitBreaker(...))"),
    Mistake("RateLimitingTransport(RateLimit(3))", "RateLimitingTransport(None, RateLimit(...))"),
    Mistake("CircuitBreakingTransport(CircuitBreaker())", "CircuitBreakingTransport(None, CircuitBreaker(...))"),
    Mistake("RateLimitingTransport(3)", "RateLimitingTransport(None, RateLimit(3))"),
    Mistake("HedgingTransport(0.2)", "HedgingTransport(None, HedgePolicy(0.2))"),
    Mistake("RetryingTransport('https://a.example')", "got str"),
    Mistake("ConcurrencyLimitingTransport(ConcurrencyLimit(3))", "ConcurrencyLimitingTransport(None, ConcurrencyLimit(...))"),
    Mistake("ThrottlingTransport(AdaptiveThrottle())", "ThrottlingTransport(None, AdaptiveThrottle(...))"),
    Mistake("FailoverTransport(['https://a.example', 'https://b.example'])", "FailoverTransport(None, Failover([...]))"),
    Mistake("RetryingTransport(httpx.AsyncHTTPTransport)", "give an instance, AsyncHTTPTransport()"),
    Mistake("RetryingTransport(other.MockTransport(print))", "import the layer from"),
    Mistake("RetryingTransport(httpx.HTTPTransport(), http2=True)", "give it to HTTPTransport"),
    Mistake("get(RetryingTransport(httpx.AsyncHTTPTransport()))", "give an inner transport that has handle_request"),
    Mistake("CircuitBreakingTransport(None, RateLimit(3))", "breaker must be a CircuitBreaker, such as CircuitBreaker(open_for=10)"),
    Mistake("standard_transport(deadline='30')", "deadline is a number of seconds, above 0"),
    Mistake("standard_transport(breaker=3)", "breaker must be a CircuitBreaker"),
    Mistake("wrap(RetryingTransport, httpx.Client())", "give the client first"),
    Mistake("wrap(httpx.Client(), RetryingTransport())", "give RetryingTransport itself or a partial of it"),
    Mistake("wrap(other.Client(), RetryingTransport)", "import wrap from"),
    Mistake("get(HedgingTransport(ok))", "HedgingTransport"),
]  # fmt: skip

HTTP = [
    Mistake("RetryingTransport(verify='nofile.pem')", "verify names a file that does not exist: 'nofile.pem'", FileNotFoundError),
    Mistake("RetryingTransport(cert='nofile.pem')", "cert names a file that does not exist: 'nofile.pem'", FileNotFoundError),
    Mistake("standard_transport(cert=('nofile.pem', 'nokey.pem'))", "cert names a file that does not exist: 'nofile.pem'", FileNotFoundError),
    Mistake("RetryingTransport(limits=100)", "such as <httpx>.Limits(max_connections=100)"),
    Mistake("RetryingTransport(proxy='gopher://a')", "give http://, https://", ValueError),
    Mistake("standard_transport(max_connection_age=-1)", "max_connection_age is a number of seconds, above 0", ValueError),
]  # fmt: skip

NESTED = [
    Mistake("RetryingTransport(RetryingTransport())", "leave one RetryingTransport out", ValueError),
    Mistake("RetryingTransport(standard_transport())", "leave one RetryingTransport out", ValueError),
    Mistake("standard_transport(RetryingTransport())", "leave one RetryingTransport out", ValueError),
    Mistake("RetryingTransport(FailoverTransport(RetryingTransport(), ['http://a', 'http://b']))", "leave one RetryingTransport out", ValueError),
    Mistake("RetryingTransport(RetryingTransport(), retry=retry_if_exception_type(httpx.TransportError))", "leave one RetryingTransport out", ValueError),
    Mistake("wrap(wrap(httpx.Client(), RetryingTransport), RetryingTransport)", "attempts would multiply", ValueError),
    Mistake("RetryingTransport(httpx.HTTPTransport(retries=2))", "HTTPTransport(retries=2) retries by itself", RuntimeWarning),
    Mistake("RetryingTransport(RateLimitingTransport(httpx.AsyncHTTPTransport(retries=2)))", "turn that off", RuntimeWarning),
]  # fmt: skip

LISTENERS = [
    Mistake("RetryingTransport(on_event=3)", "a function that takes an event, and nothing else, such as print"),
    Mistake("RetryingTransport(on_event=lambda: 1)", "a function that takes an event, and nothing else"),
    Mistake("standard_transport(on_event=lambda event, request: 1)", "a function that takes an event, and nothing else"),
    Mistake("get(RetryingTransport(ok, on_event=listen))", "on_event is asynchronous and cannot be awaited in a synchronous client"),
    Mistake("get(DeadlineTransport(ok), retry={'stop': stop_after_attempt(3)})", "add one, or leave the extension out", RuntimeWarning),
    Mistake("get(ResumingTransport(ok), resume='no')", 'extensions["resume"] must be True or False'),
    Mistake("get(RetryingTransport(ok), retry='no')", 'extensions["retry"] must be False, or a dict'),
]  # fmt: skip
