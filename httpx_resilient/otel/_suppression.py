"""Not doubling what an instrumentor of OpenTelemetry does as well."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from opentelemetry.context import Context, attach, detach, get_current
from opentelemetry.trace import get_current_span

OFFICIAL = "opentelemetry.instrumentation.httpx"
"""It instruments httpx and httpx2."""


class Suppression(NamedTuple):
    """
    How instrumentations tell each other that there is a span already.

    Args:
        is_enabled: Whether there may be one more. The exporters turn it off, for what
            they send themselves.
        flags: What in the context turns it off for what is inside.
    """

    is_enabled: Callable[[], bool]
    flags: Mapping[str, object]


def suppression() -> Suppression:
    """Find it where the instrumentors are: without them, there is nobody to tell."""
    try:
        from opentelemetry.instrumentation.utils import (  # noqa: PLC0415 - it may be absent
            is_http_instrumentation_enabled,
            suppress_http_instrumentation,
        )
    except ImportError:
        return Suppression(lambda: True, {})
    # The key itself has no public name, but it is all there is in this context.
    token = attach(Context())
    with suppress_http_instrumentation():
        flags = get_current()
    detach(token)
    return Suppression(is_http_instrumentation_enabled, flags)


def is_in_official_span() -> bool:
    """Tell whether `instrument_client` has begun a span for this request."""
    scope = getattr(get_current_span(), "instrumentation_scope", None)
    return getattr(scope, "name", None) == OFFICIAL
