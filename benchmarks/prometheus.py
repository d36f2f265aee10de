"""A real Prometheus on this machine, which scrapes a registry every second."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
from prometheus_client import CollectorRegistry, start_http_server

CONFIG = """
global: {{scrape_interval: 1s}}
scrape_configs:
  - job_name: example
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""
PATIENCE = 60.0
"""Seconds that Prometheus may take to start, and a request to it may take."""

Series = dict[str, Any]
"""One time series: `metric`, its labels, and `values`, pairs of a time and a text."""


class Prometheus:
    """
    A running Prometheus.

    Args:
        url: Its address.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = httpx.Client(base_url=url, timeout=PATIENCE, trust_env=False)

    def close(self) -> None:
        """Close the connections to it."""
        self._client.close()

    @property
    def is_ready(self) -> bool:
        """Whether it answers queries."""
        try:
            return self._client.get("/-/ready").status_code == 200
        except httpx.TransportError:
            return False

    def query(self, expression: str, start: float, end: float) -> list[Series]:
        """
        Return the values of an expression for each second.

        Args:
            expression: PromQL, with the variables of the dashboard.
            start: The first time, in seconds since the epoch.
            end: The last one.

        Raises:
            ValueError: Prometheus does not understand the expression.
        """
        expression = expression.replace("$__rate_interval", "10s")
        for name in ("job", "instance", "server", "port"):
            expression = expression.replace(f'"${name}"', '".*"')
        data = {"query": expression, "start": start, "end": end, "step": "1s"}
        answer = self._client.post("/api/v1/query_range", data=data).json()
        if answer["status"] != "success":
            raise ValueError(answer["error"])
        found: list[Series] = answer["data"]["result"]
        return found


@contextmanager
def scraping(registry: CollectorRegistry, folder: Path) -> Iterator[Prometheus]:
    """
    Run a Prometheus that scrapes a registry.

    Args:
        registry: The metrics.
        folder: An empty folder for its configuration and its data.

    Raises:
        FileNotFoundError: There is no program `prometheus`.
    """
    program = shutil.which("prometheus")
    if program is None:
        msg = "prometheus is not installed"
        raise FileNotFoundError(msg)
    server, thread = start_http_server(0, "127.0.0.1", registry)
    configuration, address = folder / "prometheus.yml", f"127.0.0.1:{_free_port()}"
    configuration.write_text(CONFIG.format(port=server.server_port))
    arguments = [
        f"--config.file={configuration}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}",
    ]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([program, *arguments], stderr=log)
        try:
            with closing(Prometheus(f"http://{address}")) as running:
                latest = time.monotonic() + PATIENCE
                while not running.is_ready and time.monotonic() < latest:
                    time.sleep(0.1)
                yield running
        finally:
            process.terminate()
            process.wait()
            server.shutdown()
            server.server_close()
            thread.join()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port
