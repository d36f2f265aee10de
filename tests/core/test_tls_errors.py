"""Which failures of TLS end each handshake the same way."""

from __future__ import annotations

import ssl
from typing import Any

import httpx
import pytest

from httpx_resilient import _FAMILY
from httpx_resilient._core.classify import (
    ALWAYS,
    IF_IDEMPOTENT,
    NEVER,
    Retryability,
    classify_error,
    is_of_server,
    is_refused_by_tls,
)


def failed(reason: str | None = None, text: str = "") -> ssl.SSLError:
    error = ssl.SSLError(1, text)
    error.reason = reason  # type: ignore[assignment]  # None is what Python sets
    return error


def verdict(kind: type[Exception], cause: BaseException) -> Retryability:
    error = kind("")
    error.__cause__ = cause
    return classify_error(error, _FAMILY)


REFUSALS = [
    "SSLV3_ALERT_HANDSHAKE_FAILURE",
    "SSLV3_ALERT_BAD_CERTIFICATE",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED",
    "TLSV1_ALERT_UNKNOWN_CA",
    "TLSV1_ALERT_ACCESS_DENIED",
    "TLSV1_ALERT_PROTOCOL_VERSION",
    "TLSV1_UNRECOGNIZED_NAME",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED",
    "SSL/TLS_ALERT_HANDSHAKE_FAILURE",
    "TLS_ALERT_UNKNOWN_CA",
]
TROUBLES = ["TLSV1_ALERT_INTERNAL_ERROR", "TLSV1_ALERT_USER_CANCELLED"]


@pytest.mark.parametrize("reason", REFUSALS)
@pytest.mark.parametrize("kind", [httpx.ConnectError, httpx.ReadError])
def test_an_alert_that_refuses_the_client_is_final(
    reason: str, kind: type[Exception]
) -> None:
    assert verdict(kind, failed(reason)) is NEVER


@pytest.mark.parametrize("reason", TROUBLES)
def test_an_alert_of_a_server_in_trouble_is_not_final(reason: str) -> None:
    assert verdict(httpx.ConnectError, failed(reason)) is ALWAYS
    assert verdict(httpx.ReadError, failed(reason)) is IF_IDEMPOTENT


def test_an_alert_for_which_python_has_no_name_is_found_by_its_text() -> None:
    text = "[SSL] tlsv1 alert no application protocol (_ssl.c:1006)"
    assert verdict(httpx.ConnectError, failed(None, text)) is NEVER


@pytest.mark.parametrize(
    "error", [failed(None, "[SSL] unknown error (_ssl.c:1006)"), ssl.SSLError()]
)
def test_a_failure_without_a_name_is_not_final(error: ssl.SSLError) -> None:
    assert verdict(httpx.ConnectError, error) is ALWAYS
    assert verdict(httpx.ReadError, error) is IF_IDEMPOTENT


@pytest.mark.parametrize("reason", ["WRONG_VERSION_NUMBER", "UNSUPPORTED_PROTOCOL"])
def test_a_handshake_that_this_side_cannot_complete_is_final(reason: str) -> None:
    assert verdict(httpx.ConnectError, failed(reason)) is NEVER
    assert verdict(httpx.ReadError, failed(reason)) is IF_IDEMPOTENT


@pytest.mark.parametrize(
    "error",
    [
        ssl.SSLEOFError(8, "EOF occurred in violation of protocol"),
        ssl.SSLZeroReturnError(6, "TLS/SSL connection has been closed (EOF)"),
        failed("UNEXPECTED_EOF_WHILE_READING"),
        failed("DECRYPTION_FAILED_OR_BAD_RECORD_MAC"),
    ],
    ids=repr,
)
def test_a_connection_that_breaks_in_the_handshake_is_not_final(
    error: ssl.SSLError,
) -> None:
    assert verdict(httpx.ConnectError, error) is ALWAYS


@pytest.mark.parametrize("kind", [httpx.ConnectError, httpx.ReadError])
def test_an_untrusted_certificate_is_final(kind: type[Exception]) -> None:
    assert verdict(kind, ssl.SSLCertVerificationError()) is NEVER


def test_a_refusal_says_nothing_about_the_health_of_the_server() -> None:
    error: Any = httpx.ReadError("")
    error.__cause__ = failed("TLSV13_ALERT_CERTIFICATE_REQUIRED")
    assert not is_of_server(error, _FAMILY)


def test_an_exception_of_another_kind_is_no_refusal() -> None:
    error = httpx.PoolTimeout("")
    error.__cause__ = ssl.SSLCertVerificationError()
    assert not is_refused_by_tls(error, _FAMILY)
