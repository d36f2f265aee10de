"""The names of `httpx_resilient.testing`, for clients of httpx2."""

from __future__ import annotations

try:
    import httpx2
except ModuleNotFoundError as _missing:
    msg = "tests of httpx2 clients need httpx2: pip install 'httpx_resilient[httpx2]'"
    raise ImportError(msg, name=_missing.name) from _missing

from httpx_resilient._core.family import Family
from httpx_resilient.testing import _shared
from httpx_resilient.testing._shared import *  # noqa: F403 - both bindings list these names once, there
from httpx_resilient.testing._transport import FaultInjectionLayer

__all__ = ["FaultInjectingTransport"]
__all__ += _shared.__all__


class FaultInjectingTransport(
    FaultInjectionLayer[
        httpx2.Request,
        httpx2.Response,
        httpx2.AsyncBaseTransport | httpx2.BaseTransport,
        httpx2.Limits,
        httpx2.Proxy | httpx2.URL | str,
    ],
    httpx2.AsyncBaseTransport,
    httpx2.BaseTransport,
):
    __doc__ = FaultInjectionLayer.__doc__

    _family = Family(httpx2, home="httpx_resilient.httpx2")
