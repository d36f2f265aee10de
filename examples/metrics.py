"""
Metrics of a server that fails half of all requests, as Prometheus would scrape them.

    pip install 'httpx_resilient[prometheus]'

`grafana_dashboard.json` beside this file shows them all: in Grafana, Dashboards, New,
Import. With OpenTelemetry it is `httpx_resilient.otel.Metrics`, and an exporter.
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

NAMES = "attempts_total retries_total attempt_duration_seconds_count budget_level pool"
SHOWN = tuple(f"httpx_resilient_{name}" for name in NAMES.split())


class Flaky(BaseHTTPRequestHandler):
    """Answers 503 every other time."""

    protocol_version = "HTTP/1.1"
    requests = count()

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(503 if next(Flaky.requests) % 2 else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing: the metrics below tell it all."""


def main() -> None:
    """Send ten requests, and print what there is to scrape."""
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
