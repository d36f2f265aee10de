"""The names of `httpx_resilient.testing`, for clients of httpx2."""

from __future__ import annotations

import httpx2

from httpx_resilient._core.family import Family
from httpx_resilient.testing._assertions import assert_attempts
from httpx_resilient.testing._composite_faults import Chance, Outage, Together
from httpx_resilient.testing._faults import Answer
from httpx_resilient.testing._no_waits import no_waits
from httpx_resilient.testing._transport import FaultInjecting
from httpx_resilient.testing._virtual_time import virtual_time
from httpx_resilient.testing._wire_faults import Latency, Reset, SlowBody, Truncated

__all__ = [
    "Answer",
    "Chance",
    "FaultInjectingTransport",
    "Latency",
    "Outage",
    "Reset",
    "SlowBody",
    "Together",
    "Truncated",
    "assert_attempts",
    "no_waits",
    "virtual_time",
]


class FaultInjectingTransport(
    FaultInjecting[
        httpx2.Request,
        httpx2.Response,
        httpx2.AsyncBaseTransport | httpx2.BaseTransport,
        httpx2.Limits,
        httpx2.Proxy | httpx2.URL | str,
    ],
    httpx2.AsyncBaseTransport,
    httpx2.BaseTransport,
):
    __doc__ = FaultInjecting.__doc__

    _family = Family.of(httpx2, home="httpx_resilient.httpx2")
