"""Which bodies are worth reading before they are thrown away."""

from __future__ import annotations

import httpx
import pytest

from httpx_resilient._core.drain import is_worth_draining


@pytest.mark.parametrize(
    ("headers", "worth"),
    [
        ({}, True),
        ({"Server": "any"}, True),
        ({"Server": "any", "Content-Length": "65536"}, True),
        ({"Server": "any", "Content-Length": "65537"}, False),
        ({"Content-Length": "many"}, True),
    ],
)
def test_a_body_that_is_not_said_to_be_long_is(
    headers: dict[str, str], worth: bool
) -> None:
    response = httpx.Response(503, headers=headers, stream=httpx.ByteStream(b""))
    assert is_worth_draining(response) == worth
