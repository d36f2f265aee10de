"""Cooperation with OpenTelemetry's instrumentors, so that no span is made twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from opentelemetry.context import Context, attach, detach, get_current
from opentelemetry.trace import get_current_span

OFFICIAL_SCOPE = "opentelemetry.instrumentation.httpx"
"""The scope of the official spans, for httpx and httpx2 alike."""


class Suppression(NamedTuple):
    """
    The switch by which instrumentations leave a request to each other.

    Args:
        is_enabled: Whether the current context permits a span. Exporters suppress spans
            for the requests they send themselves.
        flags: Entries of a context that suppress the spans of everything inside.
    """

    is_enabled: Callable[[], bool]
    flags: Mapping[str, object]


def find_suppression() -> Suppression:
    """Look up the switch. Without the instrumentors' package, it is always enabled."""
    try:
        from opentelemetry.instrumentation.utils import (  # noqa: PLC0415 - an optional package
            is_http_instrumentation_enabled,
            suppress_http_instrumentation,
        )
    except ImportError:
        return Suppression(lambda: True, {})
    # The key of the flag has no public name, but it is the only one in this context.
    token = attach(Context())
    with suppress_http_instrumentation():
        flags = get_current()
    detach(token)
    return Suppression(is_http_instrumentation_enabled, flags)


def is_in_official_span() -> bool:
    """Return whether `instrument_client` has started the current span."""
    scope = getattr(get_current_span(), "instrumentation_scope", None)
    return getattr(scope, "name", None) == OFFICIAL_SCOPE
