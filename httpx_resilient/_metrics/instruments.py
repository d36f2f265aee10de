"""
The instruments of all metrics, declared as data.

OpenTelemetry and Prometheus are both fed from these declarations, so their names agree.
The Prometheus name of an instrument follows OpenTelemetry's own exporter: underscores
replace dots, a measured unit ends the name, and a counter has the suffix `_total`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from httpx_resilient._metrics.semconv import BUCKETS, CALL_BUCKETS

SERVER = ("server.address", "server.port")
"""The leading labels of every instrument that belongs to one origin."""

METHOD = "http.request.method"
STATUS = "http.response.status_code"
ERROR = "error.type"
LIMIT = "httpx_resilient.limit"
RESULT = "httpx_resilient.result"


class Kind(Enum):
    """How an instrument aggregates its measurements."""

    COUNTER = "counter"
    HISTOGRAM = "histogram"
    GAUGE = "gauge"
    """Set by events."""
    OBSERVABLE_GAUGE = "observable gauge"
    """Read from the watched objects at each collection."""


@dataclass(frozen=True, slots=True, eq=False)
class Instrument:
    """
    The declaration of one instrument.

    Args:
        name: Its name in OpenTelemetry.
        kind: How it aggregates its measurements.
        unit: Its unit, in UCUM notation.
        description: One sentence for users.
        labels: The names of its labels, in OpenTelemetry's spelling.
        buckets: The upper bounds of a histogram's buckets.
    """

    name: str
    kind: Kind
    unit: str
    description: str
    labels: tuple[str, ...]
    buckets: tuple[float, ...] = ()

    @property
    def prometheus_name(self) -> str:
        """The name in Prometheus, with the suffixes for unit and kind."""
        unit = "_seconds" if self.unit == "s" else ""
        total = "_total" if self.kind is Kind.COUNTER else ""
        return underscored(self.name) + unit + total


def underscored(name: str) -> str:
    """Spell a name of OpenTelemetry as Prometheus allows it."""
    return name.replace(".", "_")


def _counter(name: str, unit: str, description: str, *labels: str) -> Instrument:
    return Instrument(
        f"httpx_resilient.{name}",
        Kind.COUNTER,
        f"{{{unit}}}",
        description,
        SERVER + labels,
    )


def _seconds(
    name: str,
    description: str,
    *labels: str,
    buckets: tuple[float, ...] = BUCKETS,
) -> Instrument:
    return Instrument(
        f"httpx_resilient.{name}",
        Kind.HISTOGRAM,
        "s",
        description,
        SERVER + labels,
        buckets,
    )


CALLS = _counter(
    "calls",
    "call",
    "Calls ended, however many attempts.",
    METHOD,
    STATUS,
    ERROR,
    RESULT,
)
CALL_DURATION = _seconds(
    "call.duration",
    "Time from the start of a call to its response headers or its failure.",
    METHOD,
    RESULT,
    buckets=CALL_BUCKETS,
)
CALL_ATTEMPTS = _counter(
    "call.attempts",
    "attempt",
    "Attempts of the calls that have ended, hedges and further origins included.",
    METHOD,
)
ATTEMPTS = _counter(
    "attempts", "attempt", "Attempts started.", METHOD, "httpx_resilient.attempt"
)
ATTEMPT_DURATION = _seconds(
    "attempt.duration",
    "Time from the start of an attempt to its response headers or its failure.",
    METHOD,
    STATUS,
    ERROR,
)
RETRIES = _counter("retries", "retry", "Retries scheduled.", METHOD, ERROR)
RETRY_WAIT = _seconds("retry.wait", "Waits before retries.", METHOD, ERROR)
GAVE_UP = _counter(
    "gave_up", "request", "Requests given up with a retryable outcome.", METHOD, ERROR
)
BODY_BREAKS = _counter(
    "body.breaks", "break", "Bodies that broke, and requests for the rest that failed."
)
BODY_RESUMED = _counter("body.resumed", "body", "Bodies that went on after a break.")
BODY_LOST = _counter("body.lost", "body", "Bodies that broke and did not go on.")
BUDGET_REFUSALS = _counter(
    "budget.refusals", "retry", "Retries and hedges refused by the budget."
)
BUDGET_LEVEL = Instrument(
    "httpx_resilient.budget.level",
    Kind.OBSERVABLE_GAUGE,
    "{retry}",
    "Retries left in the budget.",
    SERVER,
)
CIRCUIT_STATE = Instrument(
    "httpx_resilient.circuit.state",
    Kind.GAUGE,
    "",
    "State of the circuit: 0 is closed, 1 is half-open, 2 is open.",
    SERVER,
)
CIRCUIT_OPENED = _counter("circuit.opened", "circuit", "Circuits opened.")
CIRCUIT_REFUSALS = _counter(
    "circuit.refusals", "request", "Requests refused by an open circuit."
)
THROTTLE_REFUSALS = _counter(
    "throttle.refusals", "request", "Requests refused by the throttle."
)
LIMIT_QUEUED = _counter(
    "limit.queued", "request", "Requests queued for admission.", LIMIT
)
LIMIT_WAIT = _seconds("limit.wait", "Time queued before admission.", LIMIT)
LIMIT_REFUSALS = _counter(
    "limit.refusals",
    "request",
    "Requests refused because their wait would have been too long.",
    LIMIT,
)
LIMIT_WAITING = Instrument(
    "httpx_resilient.limit.waiting",
    Kind.OBSERVABLE_GAUGE,
    "{request}",
    "Requests now queued for admission.",
    (*SERVER, LIMIT),
)
SERVER_PAUSES = _counter(
    "server.pauses", "pause", "Pauses that a server asked clients to make."
)
HEDGE_SENT = _counter("hedge.sent", "hedge", "Hedges sent.")
HEDGE_WON = _counter("hedge.won", "hedge", "Hedges answered first.")
HEDGE_LOST = _counter("hedge.lost", "hedge", "Hedges not answered first.")
FAILOVERS = _counter(
    "failovers", "request", "Requests that failed over from this origin.", ERROR
)
ORIGIN_UP = Instrument(
    "httpx_resilient.origin.up",
    Kind.GAUGE,
    "",
    "Health of the origin as failover sees it: 0 is down, 1 is up.",
    SERVER,
)
DEADLINE_CUTS = _counter(
    "deadline.cuts",
    "request",
    "Requests that exceeded their deadline.",
    "httpx_resilient.awaited",
)
POOL_OPENED = _counter("pool.opened", "connection", "Connections opened.")
POOL_REUSED = _counter("pool.reused", "request", "Requests sent on open connections.")
POOL_RETIRED = _counter("pool.retired", "connection", "Connections retired.")
POOL_CONNECTIONS = Instrument(
    "httpx_resilient.pool.connections",
    Kind.OBSERVABLE_GAUGE,
    "{connection}",
    "Open connections, active or idle.",
    (*SERVER, "httpx_resilient.state"),
)
STREAM_OPENED = _counter("event_stream.opened", "connection", "Event streams opened.")
STREAM_AGAIN = _counter("event_stream.reconnects", "wait", "Reconnections.", ERROR)
STREAM_ENDED = _counter("event_stream.ended", "stream", "Event streams ended.", RESULT)
FAULTS = _counter("faults", "fault", "Faults injected.", "httpx_resilient.fault")

ALL = tuple(each for each in globals().values() if isinstance(each, Instrument))
