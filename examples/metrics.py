"""
Metrics of calls to a server that fails every other request, as Prometheus scrapes them.

`calls_total` says what users got: an answer to the first request, or after a retry.

    pip install 'httpx_resilient[prometheus]'

The dashboard in `grafana_dashboard.json` shows all of them, and `alerts.yml` has alert
rules. To load the dashboard in Grafana, open Dashboards, New, Import. `docs/metrics.md`
says which figure answers which question. `httpx_resilient.otel.Metrics` gives the same
metrics to any exporter of OpenTelemetry.
"""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler
from itertools import count

import httpx
import tenacity
from loopback import serving
from prometheus_client import CollectorRegistry, generate_latest

from httpx_resilient import PoolingTransport, RetryBudget, standard_transport
from httpx_resilient.prometheus import Metrics

NAMES = "calls_total call_attempts_total retries_total budget_level pool"
SHOWN = tuple(f"httpx_resilient_{name}" for name in NAMES.split())


class Flaky(BaseHTTPRequestHandler):
    """Answers every other request with 503."""

    protocol_version = "HTTP/1.1"
    requests = count()

    def do_GET(self) -> None:
        """Answer a request."""
        self.send_response(503 if next(Flaky.requests) % 2 else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing: the output of this example is the metrics."""


def main() -> None:
    """Send ten requests, and print some of the metrics."""
    registry, budget = CollectorRegistry(), RetryBudget()
    metrics = Metrics(registry)
    pool = PoolingTransport(on_event=metrics)
    metrics.watch(budget, pool)
    transport = standard_transport(
        pool, retry={"wait": tenacity.wait_none()}, budget=budget, on_event=metrics
    )
    with serving(Flaky) as url, httpx.Client(transport=transport) as client:
        for _ in range(10):
            client.get(url)
        for line in generate_latest(registry).decode().splitlines():
            if line.startswith(SHOWN):
                print(line)


if __name__ == "__main__":
    main()
