"""The semantic conventions for HTTP, which need no OpenTelemetry."""

from __future__ import annotations

import httpx
import httpx2
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from httpx_resilient._core.tokens import looks_like_token
from httpx_resilient._metrics.semconv import (
    KNOWN_METHODS,
    SENSITIVE_PARAMETERS,
    error_type,
    known_methods,
    redactor,
    server_of_origin,
    server_of_url,
)

redact = redactor({*SENSITIVE_PARAMETERS, "api_key"})


@pytest.mark.parametrize(
    ("url", "redacted"),
    [
        ("https://a.test/x?y=1", "https://a.test/x?y=1"),
        ("https://me:pass@a.test/", "https://REDACTED:REDACTED@a.test/"),
        ("https://me@a.test/", "https://REDACTED:REDACTED@a.test/"),
        ("https://me:p@ss@a.test/", "https://REDACTED:REDACTED@a.test/"),
        ("https://a.test/@me?to=b@c.test", "https://a.test/@me?to=b@c.test"),
        ("https://a.test/?sig=1&x=2", "https://a.test/?sig=REDACTED&x=2"),
        ("https://a.test/?x=2&sig=1#f", "https://a.test/?x=2&sig=REDACTED"),
        ("https://a.test/?design=1", "https://a.test/?design=1"),
        ("https://a.test/?SIG=1", "https://a.test/?SIG=REDACTED"),
        ("https://a.test/?access_token=1", "https://a.test/?access_token=REDACTED"),
        ("https://a.test/?q=ghp_1&x", "https://a.test/?q=REDACTED&x"),
        ("https://a.test/?ghp_1", "https://a.test/?REDACTED"),
        ("https://a.test/#token=1&x=2", "https://a.test/"),
        ("https://a.test/bot1:x/getMe?y=1", "https://a.test/REDACTED/getMe?y=1"),
        ("https://a.test/?api_key=1", "https://a.test/?api_key=REDACTED"),
    ],
)
def test_the_secrets_of_a_url_are_redacted(url: str, redacted: str) -> None:
    assert redact(url) == redacted


@given(user=st.text(min_size=1), secret=st.text(min_size=1), value=st.text())
def test_any_credentials_and_secret_parameters_are_redacted(
    user: str, secret: str, value: str
) -> None:
    assume(not looks_like_token(value))
    url = httpx.URL("https://a.test/").copy_with(
        username=user, password=secret, params={"x": value, "sig": secret}
    )
    redacted = httpx.URL(redact(str(url)))
    assert redacted.userinfo == b"REDACTED:REDACTED"
    assert redacted.params["sig"] == "REDACTED"
    assert redacted.params["x"] == value


@pytest.mark.parametrize("library", [httpx, httpx2])
@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("https://a.test", ("a.test", 443)),
        ("http://a.test", ("a.test", 80)),
        ("http://[::1]:8080", ("::1", 8080)),
        ("http+unix://a.test", ("a.test", None)),
    ],
)
def test_a_server_is_reported_by_address_and_port(
    library: object, url: str, server: tuple[str, int | None]
) -> None:
    assert server_of_url(library.URL(url)) == server_of_origin(url) == server


def test_a_success_has_no_error_type() -> None:
    assert [error_type(outcome) for outcome in (200, 302, None)] == [None] * 3


def test_the_error_type_is_the_status_or_the_class() -> None:
    assert [error_type(outcome) for outcome in (404, 503)] == ["404", "503"]
    assert (
        error_type(httpx.ReadTimeout) == error_type(httpx2.ReadTimeout) == "ReadTimeout"
    )


def test_an_environment_variable_replaces_the_known_methods(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert known_methods() == KNOWN_METHODS
    monkeypatch.setenv("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS", "GET, PURGE,")
    assert known_methods() == {"GET", "PURGE"}
