"""
The instruments that metrics are made of, and what each event adds to them.

All is data: OpenTelemetry and Prometheus are fed from it, so their names are the same.
In Prometheus a dot is an underscore, a unit that is measured is at the end of a name,
and `_total` at that of a counter, as OpenTelemetry's own exporter to it has it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from httpx_resilient._metrics.semconv import SECONDS

SERVER = ("server.address", "server.port")
"""The first labels of all that is of one origin."""

METHOD = "http.request.method"
ERROR = "error.type"
LIMIT = "httpx_resilient.limit"


class Kind(Enum):
    """What an instrument does with its numbers."""

    COUNTER = "counter"
    HISTOGRAM = "histogram"
    GAUGE = "gauge"
    """Set by events."""
    LEVEL = "level"
    """Read when it is asked for, from what is watched."""


@dataclass(frozen=True, slots=True, eq=False)
class Instrument:
    """
    What is measured.

    Args:
        name: As OpenTelemetry has it.
        kind: What it does with its numbers.
        unit: In UCUM.
        about: In a sentence.
        labels: The names of what its numbers are told apart by.
        buckets: The upper bounds of a histogram's.
    """

    name: str
    kind: Kind
    unit: str
    about: str
    labels: tuple[str, ...]
    buckets: tuple[float, ...] = ()

    @property
    def flat(self) -> str:
        """The name as Prometheus has it."""
        ending = {Kind.COUNTER: "_total"}.get(self.kind, "")
        return flat(self.name) + "_seconds" * (self.unit == "s") + ending


def flat(name: str) -> str:
    """A name as Prometheus has it."""
    return name.replace(".", "_")


def _counter(name: str, unit: str, about: str, *labels: str) -> Instrument:
    return Instrument(
        f"httpx_resilient.{name}", Kind.COUNTER, f"{{{unit}}}", about, SERVER + labels
    )


def _seconds(name: str, about: str, *labels: str) -> Instrument:
    return Instrument(
        f"httpx_resilient.{name}",
        Kind.HISTOGRAM,
        "s",
        about,
        SERVER + labels,
        SECONDS,
    )


ATTEMPTS = _counter(
    "attempts",
    "attempt",
    "Attempts that were begun.",
    METHOD,
    "httpx_resilient.attempt",
)
ATTEMPT_DURATION = _seconds(
    "attempt.duration",
    "How long attempts took, until their headers or their failure.",
    METHOD,
    "http.response.status_code",
    ERROR,
)
RETRIES = _counter("retries", "retry", "Retries that were decided.", METHOD, ERROR)
RETRY_WAIT = _seconds("retry.wait", "How long retries are waited for.", METHOD, ERROR)
GAVE_UP = _counter(
    "gave_up", "request", "Requests that have failed in the end.", METHOD, ERROR
)
BUDGET_REFUSALS = _counter(
    "budget.refusals", "retry", "Retries and hedges that the budget refused."
)
BUDGET_LEVEL = Instrument(
    "httpx_resilient.budget.level",
    Kind.LEVEL,
    "{retry}",
    "Retries that are left in the budget.",
    SERVER,
)
CIRCUIT_STATE = Instrument(
    "httpx_resilient.circuit.state",
    Kind.GAUGE,
    "",
    "0 if the circuit is closed, 1 if it is half-open, 2 if it is open.",
    SERVER,
)
CIRCUIT_OPENED = _counter("circuit.opened", "circuit", "How often circuits opened.")
CIRCUIT_REFUSALS = _counter(
    "circuit.refusals", "request", "Requests that an open circuit refused."
)
THROTTLE_REFUSALS = _counter(
    "throttle.refusals", "request", "Requests that the throttle held back."
)
LIMIT_QUEUED = _counter(
    "limit.queued", "request", "Requests that had to wait for their turn.", LIMIT
)
LIMIT_WAIT = _seconds("limit.wait", "How long they waited for it.", LIMIT)
LIMIT_REFUSALS = _counter(
    "limit.refusals", "request", "Requests that would have had to wait too long.", LIMIT
)
LIMIT_WAITING = Instrument(
    "httpx_resilient.limit.waiting",
    Kind.LEVEL,
    "{request}",
    "Requests that wait for their turn now.",
    (LIMIT,),
)
SERVER_PAUSES = _counter(
    "server.pauses", "pause", "How often a server wanted no request for a while."
)
HEDGE_SENT = _counter("hedge.sent", "hedge", "Requests that were sent a second time.")
HEDGE_WON = _counter("hedge.won", "hedge", "Hedges that were answered first.")
HEDGE_LOST = _counter("hedge.lost", "hedge", "Hedges that were not.")
FAILOVERS = _counter(
    "failovers", "request", "Requests that went on from this origin.", ERROR
)
ORIGIN_UP = Instrument(
    "httpx_resilient.origin.up",
    Kind.GAUGE,
    "",
    "0 if the origin is down, as far as failover knows, 1 if it is up again.",
    SERVER,
)
DEADLINE_CUTS = _counter(
    "deadline.cuts",
    "request",
    "Requests that took longer than their deadline.",
    "httpx_resilient.awaited",
)
POOL_OPENED = _counter("pool.opened", "connection", "Connections that were opened.")
POOL_REUSED = _counter("pool.reused", "request", "Requests on open connections.")
POOL_RETIRED = _counter("pool.retired", "connection", "Connections given up.")
POOL_CONNECTIONS = Instrument(
    "httpx_resilient.pool.connections",
    Kind.LEVEL,
    "{connection}",
    "Connections that are in use, and those that are idle.",
    (*SERVER, "httpx_resilient.state"),
)
FAULTS = _counter(
    "faults", "fault", "Faults that happened on purpose.", "httpx_resilient.fault"
)

ALL = tuple(each for each in globals().values() if isinstance(each, Instrument))


def table() -> str:
    """All of them, for a docstring, as OpenTelemetry has them."""
    return "\n".join(
        f"    {each.name} ({', '.join(filter(None, (each.kind.value, each.unit)))})\n"
        f"        {each.about} {_told(each.labels)}"
        for each in ALL
    ).lstrip()


def flat_table() -> str:
    """All of them, for a docstring, as Prometheus has them."""
    return "\n".join(
        f"    {each.flat} ({each.kind.value})\n"
        f"        {each.about} {flat(_told(each.labels)[:-1])}."
        for each in ALL
    ).lstrip()


def _told(labels: tuple[str, ...]) -> str:
    names = ["server" if name == SERVER[0] else name for name in labels]
    return "By " + ", ".join(name for name in names if name != SERVER[1]) + "."
