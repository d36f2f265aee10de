"""What the semantic conventions say, decided without OpenTelemetry."""

from __future__ import annotations

import httpx
import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from httpx_resilient._metrics.semconv import (
    METHODS,
    SENSITIVE,
    error_of,
    known_methods,
    redactor,
    server_from,
    server_of,
)

REDACTED = redactor({*SENSITIVE, "api_key"})


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://a.test/x?y=1", "https://a.test/x?y=1"),
        ("https://me:pass@a.test/", "https://REDACTED:REDACTED@a.test/"),
        ("https://me@a.test/", "https://REDACTED:REDACTED@a.test/"),
        ("https://me:p@ss@a.test/", "https://REDACTED:REDACTED@a.test/"),
        ("https://a.test/@me?to=b@c.test", "https://a.test/@me?to=b@c.test"),
        ("https://a.test/?sig=1&x=2", "https://a.test/?sig=REDACTED&x=2"),
        ("https://a.test/?x=2&sig=1#f", "https://a.test/?x=2&sig=REDACTED#f"),
        ("https://a.test/?design=1", "https://a.test/?design=1"),
        ("https://a.test/?SIG=1", "https://a.test/?SIG=1"),
        ("https://a.test/?api_key=1", "https://a.test/?api_key=REDACTED"),
    ],
)
def test_a_url_is_told_without_its_secrets(url: str, told: str) -> None:
    assert REDACTED(url) == told


@given(user=st.text(min_size=1), secret=st.text(min_size=1), value=st.text())
def test_no_secret_is_left_in_a_url(user: str, secret: str, value: str) -> None:
    url = httpx.URL("https://a.test/").copy_with(
        username=user, password=secret, params={"x": value, "sig": secret}
    )
    told = httpx.URL(REDACTED(str(url)))
    assert told.userinfo == b"REDACTED:REDACTED"
    assert told.params["sig"] == "REDACTED"
    assert told.params["x"] == value


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
def test_a_server_is_told_by_address_and_port(
    library: object, url: str, server: tuple[str, int | None]
) -> None:
    assert server_of(library.URL(url)) == server_from(url) == server


def test_what_succeeds_is_no_error() -> None:
    assert [error_of(outcome) for outcome in (200, 302, None)] == [None] * 3


def test_an_error_is_told_by_its_status_or_its_class() -> None:
    assert [error_of(outcome) for outcome in (404, 503)] == ["404", "503"]
    assert error_of(httpx.ReadTimeout) == error_of(httpx2.ReadTimeout) == "ReadTimeout"


def test_the_environment_names_other_methods(monkeypatch: pytest.MonkeyPatch) -> None:
    assert known_methods() == METHODS
    monkeypatch.setenv("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS", "GET, PURGE,")
    assert known_methods() == {"GET", "PURGE"}
