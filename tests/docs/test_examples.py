"""The examples run as a user runs them. The recipes of SDKs run in the matrix."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import places
import pytest
from matrix import ROWS

ROOT = Path(__file__).parent.parent.parent
EXAMPLES = ROOT / "examples"
PAGES = "\n".join(page.read_text() for page in places.pages())
ALL = sorted(EXAMPLES.glob("with_*.py"))
OF_SDKS = {row.example for row in ROWS}
RECIPES = [path for path in ALL if path.stem not in OF_SDKS]
SHOWN = {
    "adaptive_concurrency": "at a time",
    "budget": "with a budget: 110 requests were sent for 100 calls",
    "breaker": "CircuitOpen",
    "command_line": "200 OK, 3 attempts in",
    "concurrency_limit": "with a limit: {200: 50}",
    "credentials": "{200: 100} with 2 tokens",
    "deadline": "DeadlineExceeded",
    "event_stream": "6 events: data: event 1, data: event 2, data: event 3",
    "failover": "first, first, second, second, first, first",
    "faults": "with retries: {'200': 100}",
    "hedging": "hedged:",
    "metrics": 'httpx_resilient_result="retried"',
    "rate_limiting": "with RateLimitingTransport: 0 of 40 refused",
    "signing": "503, 200",
    "standard": "standard, faulty: {'200': 200}",
    "tracing": "resend=2",
    "throttling": "RequestThrottled",
    "what_happened": "200 at attempt 3, after",
    "uploads": "the same bytes: True",
    "virtual_time": "200 at attempt 13, after 3 hours",
}
"""A part of the output of each example of a layer."""

NUMBER = re.compile(r" *\b\d+\.\d+(?= ms| s\b|\))|:\d+(?=[?/:])")
"""A time, or a port."""


def output_of(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=EXAMPLES,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_retries_and_succeeds(path: Path) -> None:
    if "\ndef test_" in path.read_text() or "\nasync def test_" in path.read_text():
        assert " passed" in output_of(
            "-m", "pytest", "-p", "no:cacheprovider", path.name
        )
    else:
        assert "503" in output_of(path.name)


@pytest.mark.parametrize(("layer", "shown"), SHOWN.items())
def test_the_example_of_a_layer_prints_its_effect_and_is_linked_on_a_page(
    layer: str, shown: str
) -> None:
    assert shown in output_of(f"{layer}.py")
    assert f"/examples/{layer}.py)" in PAGES


@pytest.mark.parametrize("name", ["tracing.py", "uploads.py", "what_happened.py"])
def test_a_page_shows_the_output_of_its_example(name: str) -> None:
    marker = f"<!-- printed by examples/{name} -->\n\n```text\n"
    shown = PAGES.partition(marker)[2].partition("```")[0]
    assert shown
    assert NUMBER.sub("#", shown) in NUMBER.sub("#", output_of(name))


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_a_page_links_to_each_recipe(path: Path) -> None:
    assert f"/examples/{path.name})" in PAGES


def test_every_sdk_has_a_recipe() -> None:
    assert OF_SDKS - {""} <= {path.stem for path in ALL}
