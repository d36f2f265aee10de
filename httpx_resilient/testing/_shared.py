"""The names that serve clients of httpx and of httpx2 alike."""

from __future__ import annotations

from httpx_resilient.testing._assertions import assert_attempts
from httpx_resilient.testing._composite_faults import Chance, Outage, Together
from httpx_resilient.testing._faults import Answer
from httpx_resilient.testing._no_waits import no_waits
from httpx_resilient.testing._virtual_time import virtual_time
from httpx_resilient.testing._wire_faults import Latency, Reset, SlowBody, Truncated

__all__ = [
    "Answer",
    "Chance",
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
