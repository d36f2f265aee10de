"""
Simulate a policy before production: clients, a server, its outages, and virtual time.

    server = Server(capacity=300, outages=[Outage(60, 90)])
    result = simulate(RetryingTransport, server, Traffic(clients=200))
    print(result.success, result.amplification, result.recovery)

The layers are the library's own, for httpx or for httpx2; only time, the network and
the server are simulated. `python -m httpx_resilient simulate` prints the same.
"""

from __future__ import annotations

from httpx_resilient.simulation._picture import draw
from httpx_resilient.simulation._result import Second, SimulationResult
from httpx_resilient.simulation._server import Outage, Server
from httpx_resilient.simulation._simulate import simulate
from httpx_resilient.simulation._traffic import Traffic

__all__ = [
    "Outage",
    "Second",
    "Server",
    "SimulationResult",
    "Traffic",
    "draw",
    "simulate",
]
