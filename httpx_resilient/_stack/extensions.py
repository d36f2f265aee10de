"""The extensions of a request that layers read."""

from __future__ import annotations

from typing import Generic, Literal, TypedDict

from httpx_resilient._core.http_types import RequestT, ResponseT
from httpx_resilient._core.public import public
from httpx_resilient._layers.retry.options import RetryOverrides


@public()
class RequestExtensions(TypedDict, Generic[RequestT, ResponseT], total=False):
    """
    The extensions by which one request differs from the settings of its transport.

    At run time it is a plain `dict`, for `extensions=` of a request. httpx accepts any
    key there; with this type, a type checker refuses a misspelt one.

    Args:
        retry: `False` for a single attempt, or the options to change for this request.
        deadline: Seconds for the whole request, for a `DeadlineTransport`. `None` lifts
            the limit.
        hedge: Whether a `HedgingTransport` may send this request twice, whatever its
            method.
        failover: `False` for the first origin only.
        resume: `False` for a body that a `ResumingTransport` leaves as it breaks.

    Example:
        >>> import httpx
        >>> once: RequestExtensions = {"retry": False, "deadline": 2.5}
        >>> mock = httpx.MockTransport(lambda request: httpx.Response(503))
        >>> with httpx.Client(transport=standard_transport(mock)) as client:
        ...     response = client.get("https://api.example.com/", extensions=once)
        >>> response.status_code
        503
    """

    retry: RetryOverrides[RequestT, ResponseT] | Literal[False]
    deadline: float | None
    hedge: bool
    failover: Literal[False]
    resume: Literal[False]
