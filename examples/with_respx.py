"""
respx mocks the connections inside our transport: each attempt is a call.

Do not use `respx.mock(using="httpx")`: it replaces our transport, and nothing is
retried. respx does not support the connections of httpx2.

    pip install httpx_resilient respx pytest
    python -m pytest examples/with_respx.py
"""

# ruff: noqa: S101 - tests use assert

from __future__ import annotations

import httpx
import respx
from tenacity import wait_none

from httpx_resilient import RetryingTransport
from httpx_resilient.testing import assert_attempts


@respx.mock
def test_my_code_survives_two_failures() -> None:
    """A side effect is a list of outcomes, one for each attempt."""
    route = respx.get("https://api.example.com/")
    route.side_effect = [
        httpx.Response(503),
        httpx.ReadTimeout("slow"),
        httpx.Response(200, text="finally"),
    ]
    transport = RetryingTransport(wait=wait_none())  # a test need not wait
    with httpx.Client(transport=transport) as client:
        response = client.get("https://api.example.com/")

    assert response.text == "finally"
    assert route.call_count == 3
    assert_attempts(response, 503, httpx.ReadTimeout, 200)
