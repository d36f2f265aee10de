"""
respx mocks the connections inside of our transport: each attempt is a call.

Not with `respx.mock(using="httpx")`: that takes the place of our transport, and nothing
is retried. And not for httpx2, whose connections respx does not know.

    pip install httpx_resilient respx pytest
    python -m pytest examples/with_respx.py
"""

# ruff: noqa: S101 - a test asserts

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
    transport = RetryingTransport(wait=wait_none())  # no test needs to wait
    with httpx.Client(transport=transport) as client:
        response = client.get("https://api.example.com/")

    assert response.text == "finally"
    assert route.call_count == 3
    assert_attempts(response, 503, httpx.ReadTimeout, 200)
