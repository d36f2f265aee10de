"""
Testing code that uses httpx_resilient: faults on purpose, and time that is not waited.

For httpx2 clients the same names are in `httpx_resilient.testing.httpx2`.
"""

from __future__ import annotations

import httpx

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
        httpx.Request,
        httpx.Response,
        httpx.AsyncBaseTransport | httpx.BaseTransport,
        httpx.Limits,
        httpx.Proxy | httpx.URL | str,
    ],
    httpx.AsyncBaseTransport,
    httpx.BaseTransport,
):
    __doc__ = FaultInjecting.__doc__

    _family = Family.of(httpx, home="httpx_resilient")
