"""
pytest-httpx mocks the transport inside ours: each attempt takes a response.

Register one response per attempt, or one with `is_reusable=True`. pytest-httpx mocks
only httpx's own HTTP transports: it mocks neither other inner transports nor httpx2.

    pip install httpx_resilient pytest-httpx
    python -m pytest examples/with_pytest_httpx.py
"""

# ruff: noqa: S101 - tests use assert

from __future__ import annotations

import httpx
from pytest_httpx import HTTPXMock
from tenacity import wait_none

from httpx_resilient import RetryingTransport
from httpx_resilient.testing import assert_attempts


def test_my_code_survives_two_failures(httpx_mock: HTTPXMock) -> None:
    """Attempts take the responses in the order of registration."""
    httpx_mock.add_response(status_code=503)
    httpx_mock.add_exception(httpx.ReadTimeout("slow"))
    httpx_mock.add_response(text="finally")

    transport = RetryingTransport(wait=wait_none())  # a test need not wait
    with httpx.Client(transport=transport) as client:
        response = client.get("https://api.example.com/")

    assert response.text == "finally"
    assert len(httpx_mock.get_requests()) == 3
    assert_attempts(response, 503, httpx.ReadTimeout, 200)


def test_my_code_gives_up(httpx_mock: HTTPXMock) -> None:
    """One response may answer all attempts."""
    httpx_mock.add_response(status_code=503, is_reusable=True)
    transport = RetryingTransport(wait=wait_none())
    with httpx.Client(transport=transport) as client:
        response = client.get("https://api.example.com/")
    assert_attempts(response, 503, 503, 503)
    assert len(httpx_mock.get_requests()) == 3
