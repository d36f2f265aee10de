"""The exception of a body that cannot be made whole."""

from __future__ import annotations

from typing import ClassVar

from httpx_resilient._core.classify import Retryability
from httpx_resilient._core.errors import Refusal


class ContentChanged(Refusal):
    """
    A body broke, and the rest of it is of another version than what was handed out.

    Both versions are named by their validators. It is a `RemoteProtocolError`, as is
    any body that ends too early. Its `__cause__` is how the body broke.

    A reader that has used nothing yet may simply send the request again.

    Example:
        >>> import httpx
        >>> issubclass(ContentChanged, httpx.RemoteProtocolError)
        True
    """

    library_base: ClassVar[str] = "protocol_error"
    retryability: Retryability = Retryability.IF_IDEMPOTENT
