"""
Tools to test code that uses httpx_resilient: fault injection and virtual time.

For httpx2 clients the same names are in `httpx_resilient.testing.httpx2`.
"""

from __future__ import annotations

import httpx

from httpx_resilient._core.family import Family
from httpx_resilient.testing import _shared
from httpx_resilient.testing._shared import *  # noqa: F403 - both bindings list these names once, there
from httpx_resilient.testing._transport import FaultInjectionLayer

__all__ = ["FaultInjectingTransport"]
__all__ += _shared.__all__


class FaultInjectingTransport(
    FaultInjectionLayer[
        httpx.Request,
        httpx.Response,
        httpx.AsyncBaseTransport | httpx.BaseTransport,
        httpx.Limits,
        httpx.Proxy | httpx.URL | str,
    ],
    httpx.AsyncBaseTransport,
    httpx.BaseTransport,
):
    __doc__ = FaultInjectionLayer.__doc__

    _family = Family(httpx, home="httpx_resilient")
