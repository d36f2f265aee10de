"""Origins: their keys, their names, and URLs that name none."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from support.fake_io import FakeIO

from httpx_resilient._core.context import begin
from httpx_resilient._core.origin import origin_key, origin_name, parse_origin


@pytest.mark.parametrize(
    "url",
    [
        "https://Example.org:443/a?b",
        "http://[::1]:80/",
        "http://user:pass@a:8080",
        "https://xn--bcher-kva.example/",
        "https://b\u00fccher.example/",
        "wss://a:443",
        "http://127.0.0.1:0",
    ],
)
def test_parse_origin_and_origin_key_agree_for_a_string_and_a_url(url: str) -> None:
    assert (
        parse_origin(url) == parse_origin(httpx.URL(url)) == origin_key(httpx.URL(url))
    )


@pytest.mark.parametrize("url", ["api.example.com", "/path", "https://", "//host"])
def test_a_string_without_scheme_or_host_is_rejected(url: str) -> None:
    with pytest.raises(ValueError, match="give a URL with scheme and host"):
        parse_origin(url)


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("https://Example.org:443/a?b", ("https", "example.org", None)),
        ("http://[::1]:80/", ("http", "::1", None)),
        ("http://a:8080", ("http", "a", 8080)),
    ],
)
def test_a_key_is_scheme_host_and_port_without_the_default_port(
    url: str, key: object
) -> None:
    assert origin_key(httpx.URL(url)) == key


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://Example.org:443/a?b", "https://example.org"),
        ("http://[::1]:8080/", "http://[::1]:8080"),
        ("https://xn--bcher-kva.example/", "https://b\u00fccher.example"),
    ],
)
def test_a_name_is_the_origin_in_readable_form(url: str, name: str) -> None:
    assert origin_name(origin_key(httpx.URL(url))) == name


def test_a_name_that_cannot_be_decoded_stays_encoded() -> None:
    assert origin_name(("https", "xn--99999999.example", None)) == (
        "https://xn--99999999.example"
    )


def test_a_url_of_another_make_has_its_key_by_its_properties() -> None:
    class URL:
        scheme, raw_host, port = "https", b"xn--strae-oqa.example", 8443

    request: Any = SimpleNamespace(url=URL())
    key = ("https", "xn--strae-oqa.example", 8443)
    assert origin_key(URL()) == key
    assert begin(request, FakeIO()).origin == key


@pytest.mark.parametrize(
    "url",
    ["https://me:hunter2/@a.test", "https://me:hunter2@[a.test", "https://hunter2..a"],
)
def test_no_part_of_a_url_that_cannot_be_parsed_is_quoted(url: str) -> None:
    with pytest.raises(ValueError, match="give a URL with scheme and host") as caught:
        parse_origin(url)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__context__ is None
