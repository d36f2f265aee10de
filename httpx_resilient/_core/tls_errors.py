"""
TLS failures: a refusal ends every handshake the same way, a broken connection does not.

A server may refuse a client only after the handshake: in TLS 1.3, the client has sent
its certificate and its request by then (RFC 8446 §2).
"""

from __future__ import annotations

import re
import ssl

from httpx_resilient._core.causes import causes_of

_ALERT = re.compile(r"(?:SSLV3|TLSV1|TLSV13|SSL/TLS|TLS)_(?:ALERT_)?(\w+)")
"""How OpenSSL names the alerts that it receives."""

_REFUSALS = frozenset(
    {
        "ACCESS_DENIED",
        "BAD_CERTIFICATE",
        "BAD_CERTIFICATE_HASH_VALUE",
        "BAD_CERTIFICATE_STATUS_RESPONSE",
        "CERTIFICATE_EXPIRED",
        "CERTIFICATE_REQUIRED",
        "CERTIFICATE_REVOKED",
        "CERTIFICATE_UNKNOWN",
        "CERTIFICATE_UNOBTAINABLE",
        "DECODE_ERROR",
        "DECRYPT_ERROR",
        "EXPORT_RESTRICTION",
        "HANDSHAKE_FAILURE",
        "ILLEGAL_PARAMETER",
        "INAPPROPRIATE_FALLBACK",
        "INSUFFICIENT_SECURITY",
        "MISSING_EXTENSION",
        "NO_APPLICATION_PROTOCOL",
        "NO_CERTIFICATE",
        "PROTOCOL_VERSION",
        "UNKNOWN_CA",
        "UNKNOWN_PSK_IDENTITY",
        "UNRECOGNIZED_NAME",
        "UNSUPPORTED_CERTIFICATE",
        "UNSUPPORTED_EXTENSION",
    }
)
"""
The alerts that refuse this client, or what it offers (RFC 8446 §6.2).

The others tell of a server in trouble (`internal_error`), of damaged data, or of an
orderly end.
"""

_TRANSIENT = frozenset(
    {"DECRYPTION_FAILED_OR_BAD_RECORD_MAC", "UNEXPECTED_EOF_WHILE_READING"}
)
"""What this side finds in a handshake with a broken connection."""

_BROKEN = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)
"""The peer has closed the connection."""


def tls_error_behind(error: BaseException) -> ssl.SSLError | None:
    """Return the TLS failure that an exception is, or was caused by."""
    for each in (error, *causes_of(error)):
        if isinstance(each, ssl.SSLError):
            return each
    return None


def is_refusal(error: ssl.SSLError, *, handshake: bool) -> bool:
    """
    Whether another handshake would end the same way.

    Args:
        error: The TLS failure.
        handshake: Whether it ended a handshake. Then a failure that this side has found
            counts too: the protocols or ciphers do not match, or the peer does not
            speak TLS.
    """
    if isinstance(error, ssl.SSLCertVerificationError):
        return True
    if isinstance(error, _BROKEN):
        return False
    reason = getattr(error, "reason", None)
    alert = _ALERT.fullmatch(reason or _name_from_text(error))
    if alert is not None:
        return alert[1] in _REFUSALS
    return handshake and reason is not None and reason not in _TRANSIENT


def _name_from_text(error: ssl.SSLError) -> str:
    """
    Return OpenSSL's name of a failure for which Python has no name.

    In Python 3.11 to 3.13, that is `no_application_protocol`.
    """
    text = str(error.args[-1]) if error.args else ""
    text = re.sub(r"^\[SSL\] | \(_ssl.*\)$", "", text)
    return text.upper().replace(" ", "_")
