"""The decision whether to drain or to close the body of a failed response."""

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
def test_a_body_is_worth_draining_unless_its_content_length_is_too_long(
    headers: dict[str, str], worth: bool
) -> None:
    response = httpx.Response(503, headers=headers, stream=httpx.ByteStream(b""))
    assert is_worth_draining(response) == worth
