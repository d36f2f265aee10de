"""One event of each kind, and the measurements that it must add."""

from __future__ import annotations

from typing import Any

import httpx

from httpx_resilient import Attempt, events

A, B = "https://a.test", "https://b.test"
REQUEST = httpx.Request("GET", "https://a.test/x?secret=1")
UNUSUAL = httpx.Request("BREW", "http://b.test:81")
OK, BUSY = httpx.Response(200), httpx.Response(503)
FAILED = (Attempt(1, 503, "503", 0.1, 0.1), Attempt(2, httpx.ReadError, "x", 0.0, 0.1))
SERVER_A = ("a.test", 443)

MEASURED: dict[events.Event, dict[str, dict[tuple[Any, ...], float]]] = {
    events.CallEnded(REQUEST, 0.3, "retried", 2, response=OK): {
        "calls": {(*SERVER_A, "GET", 200, "retried"): 1},
        "call.duration": {(*SERVER_A, "GET", "retried"): 0.3},
        "call.attempts": {(*SERVER_A, "GET"): 2},
    },
    events.CallEnded(REQUEST, 0.3, "failed", 1, error=TimeoutError()): {
        "calls": {(*SERVER_A, "GET", "TimeoutError", "failed"): 1},
        "call.duration": {(*SERVER_A, "GET", "failed"): 0.3},
        "call.attempts": {(*SERVER_A, "GET"): 1},
    },
    events.CallEnded(UNUSUAL, 0.3, "cancelled", 0): {
        "calls": {("b.test", 81, "_OTHER", "cancelled"): 1},
        "call.duration": {("b.test", 81, "_OTHER", "cancelled"): 0.3},
        "call.attempts": {("b.test", 81, "_OTHER"): 0},
    },
    events.AttemptStarted(REQUEST, 1): {"attempts": {(*SERVER_A, "GET", "first"): 1}},
    events.AttemptStarted(UNUSUAL, 3): {
        "attempts": {("b.test", 81, "_OTHER", "again"): 1}
    },
    events.RetryScheduled(REQUEST, 1, "503", wait=0.5): {
        "retries": {(*SERVER_A, "GET", "503"): 1},
        "retry.wait": {(*SERVER_A, "GET", "503"): 0.5},
    },
    events.NotRetried(REQUEST, 1, "503"): {},
    events.UploadBroke(REQUEST, 7, "ReadError", 0.5): {},
    events.UploadResumed(REQUEST, 7, 9): {},
    events.GaveUp(REQUEST, 2, "any text", 1.0, FAILED): {
        "gave_up": {(*SERVER_A, "GET", "ReadError"): 1}
    },
    events.GaveUp(REQUEST, 1, "any text", 1.0, FAILED[:1]): {
        "gave_up": {(*SERVER_A, "GET", "503"): 1}
    },
    events.AttemptEnded(REQUEST, 1, 0.2, response=OK): {
        "attempt.duration": {(*SERVER_A, "GET", 200): 0.2}
    },
    events.AttemptEnded(REQUEST, 1, 0.2, response=BUSY): {
        "attempt.duration": {(*SERVER_A, "GET", 503, "503"): 0.2}
    },
    events.AttemptEnded(REQUEST, 1, 0.2, error=TimeoutError()): {
        "attempt.duration": {(*SERVER_A, "GET", "TimeoutError"): 0.2}
    },
    events.AttemptEnded(REQUEST, 1, 0.2): {
        "attempt.duration": {(*SERVER_A, "GET"): 0.2}
    },
    events.BodyBroken(REQUEST, 9, "ReadError", 0.1): {"body.breaks": {SERVER_A: 1}},
    events.BodyLost(REQUEST, 9, "answered 404"): {"body.lost": {SERVER_A: 1}},
    events.BodyResumed(REQUEST, 9, "hash", 9): {"body.resumed": {SERVER_A: 1}},
    events.BudgetRefused(REQUEST): {"budget.refusals": {SERVER_A: 1}},
    events.CircuitCreated(A): {"circuit.state": {SERVER_A: 0}},
    events.CircuitCreated(A, key="tenant"): {},
    events.CircuitOpened(A, "9 of 9 failed", 5.0): {
        "circuit.opened": {SERVER_A: 1},
        "circuit.state": {SERVER_A: 2},
    },
    # A circuit of another key says nothing about the server as a whole.
    events.CircuitOpened(A, "9 of 9 failed", 5.0, key="tenant"): {
        "circuit.opened": {SERVER_A: 1}
    },
    events.CircuitClosed(A, key="tenant"): {},
    events.CircuitHalfOpened(A): {"circuit.state": {SERVER_A: 1}},
    events.CircuitClosed(A): {"circuit.state": {SERVER_A: 0}},
    events.CircuitRefused(REQUEST, "is open", 2.0): {"circuit.refusals": {SERVER_A: 1}},
    events.Throttled(REQUEST, 0.5): {"throttle.refusals": {SERVER_A: 1}},
    events.Queued(REQUEST, "pool", 3): {"limit.queued": {(*SERVER_A, "pool"): 1}},
    events.Admitted(REQUEST, "pool", 0.5): {"limit.wait": {(*SERVER_A, "pool"): 0.5}},
    events.RateLimited(REQUEST, 9.0, refused=True): {
        "limit.refusals": {(*SERVER_A, "rate"): 1}
    },
    events.RateLimited(REQUEST, 9.0, refused=False): {},
    events.PausedByServer(REQUEST, 30): {"server.pauses": {SERVER_A: 1}},
    events.HedgeSent(REQUEST, 0.1): {"hedge.sent": {SERVER_A: 1}},
    events.HedgeWon(REQUEST): {"hedge.won": {SERVER_A: 1}},
    events.HedgeLost(REQUEST): {"hedge.lost": {SERVER_A: 1}},
    events.FailedOver(REQUEST, A, B, "ConnectError"): {
        "failovers": {(*SERVER_A, "ConnectError"): 1}
    },
    events.CredentialsFailed(REQUEST, "ConnectError"): {},
    events.CredentialsRefreshed(REQUEST, took=0.2): {},
    events.CredentialsRenewed(REQUEST, waited=0.2): {},
    events.CredentialsWithheld(REQUEST, B, 401, ("Authorization",)): {},
    events.OriginDown(A, "503"): {"origin.up": {SERVER_A: 0}},
    events.OriginUp(A): {"origin.up": {SERVER_A: 1}},
    events.DeadlineCut(REQUEST, "body", 2.5): {
        "deadline.cuts": {(*SERVER_A, "body"): 1}
    },
    events.ConnectionOpened(REQUEST): {"pool.opened": {SERVER_A: 1}},
    events.ConnectionReused(REQUEST): {"pool.reused": {SERVER_A: 1}},
    events.ConnectionRetired(A): {"pool.retired": {SERVER_A: 1}},
    events.EventStreamOpened(REQUEST, 1): {"event_stream.opened": {SERVER_A: 1}},
    events.EventStreamReconnecting(REQUEST, "ReadError", 3.0): {
        "event_stream.reconnects": {(*SERVER_A, "ReadError"): 1}
    },
    events.EventStreamEnded(REQUEST, "204", 2, failed=False): {
        "event_stream.ended": {(*SERVER_A, "ended"): 1}
    },
    events.EventStreamEnded(REQUEST, "closed", 2, failed=False): {
        "event_stream.ended": {(*SERVER_A, "closed"): 1}
    },
    events.EventStreamEnded(REQUEST, "404, text/html", 2, failed=True): {
        "event_stream.ended": {(*SERVER_A, "failed"): 1}
    },
    events.LatencyInjected(REQUEST, "Latency"): {"faults": {(*SERVER_A, "Latency"): 1}},
    events.FaultInjected(REQUEST, "503"): {"faults": {(*SERVER_A, "503"): 1}},
}
