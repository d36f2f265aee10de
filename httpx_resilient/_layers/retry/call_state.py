"""What tenacity's own hooks read of a call: a request takes the place of a function."""

from __future__ import annotations

from typing import Any

import tenacity

from httpx_resilient._core.origin import safe_url
from httpx_resilient._core.redaction import Redactor, redact_tokens


class HTTPCallState(tenacity.RetryCallState):
    """The base of the state of a request, for tenacity."""

    fn = None  # there is no function: see `get_fn_name`

    request: Any

    redact: Redactor = staticmethod(redact_tokens)
    """What a text shows of its URL."""

    @property
    def args(self) -> tuple[Any]:  # pyright: ignore[reportIncompatibleVariableOverride] - tenacity's attribute, seldom read
        """The arguments of the call, for tenacity's own hooks."""
        return (self.request,)

    @property
    def kwargs(self) -> dict[str, Any]:  # pyright: ignore[reportIncompatibleVariableOverride] - tenacity's attribute, seldom read
        """The keyword arguments of the call, for tenacity's own hooks."""
        return {}

    def get_fn_name(self) -> str:
        """Name the request, for tenacity's own hooks such as `before_sleep_log`."""
        return f"{self.request.method} {safe_url(self.request, self.redact)}"
