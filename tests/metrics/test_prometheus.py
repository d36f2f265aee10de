"""A real Prometheus, if it is installed, runs every query and every alert."""

from __future__ import annotations

import math
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry
from support.dashboard import EXPRESSIONS
from support.measured_events import MEASURED, REQUEST

from benchmarks.prometheus import scraping
from httpx_resilient import (
    ConcurrencyLimit,
    ConcurrencyLimitingTransport,
    PoolingTransport,
    RetryBudget,
    prometheus,
)

RULES = Path(__file__).parent.parent.parent / "examples" / "alerts.yml"
TESTS_OF_RULES = Path(__file__).parent / "alerts_test.yml"

Query = Callable[[str], list[Any]]


@pytest.fixture(scope="module")
def query(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Query]:
    """Query a Prometheus that has scraped events of every kind for some seconds."""
    if shutil.which("prometheus") is None:
        pytest.skip("prometheus is not installed")
    registry, budget, pool = CollectorRegistry(), RetryBudget(), PoolingTransport()
    metrics, limit = prometheus.Metrics(registry), ConcurrencyLimit(9)
    metrics.watch(budget, pool, limit)
    budget.account(REQUEST.url)
    began = time.time()
    with scraping(registry, tmp_path_factory.mktemp("prometheus")) as running:
        limited = ConcurrencyLimitingTransport(pool, limit)
        with httpx.Client(transport=limited) as client:
            client.get(running.url)
            while not running.query(EXPRESSIONS[0], began, time.time()):
                assert time.time() < began + 60, "nothing was scraped within a minute"
                for event in MEASURED:
                    metrics(event)
                time.sleep(0.3)
            yield lambda each: running.query(each, began, time.time())


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_each_query_of_the_dashboard_has_data(expression: str, query: Query) -> None:
    values = [
        float(value) for series in query(expression) for _, value in series["values"]
    ]
    assert any(map(math.isfinite, values))


def test_a_query_that_is_no_promql_is_refused(query: Query) -> None:
    with pytest.raises(ValueError, match="parse error"):
        query("sum by (")


@pytest.mark.parametrize("arguments", [("check", RULES), ("test", TESTS_OF_RULES)])
def test_the_alerts_fire_when_they_should(arguments: tuple[str, Path]) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed")
    what, file = arguments
    ran = subprocess.run(
        [promtool, what, "rules", file], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
