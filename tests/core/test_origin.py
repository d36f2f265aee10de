"""Origins: their keys, their names, and URLs that name none."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import httpx
import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fake_io import FakeIO

from httpx_resilient._core.context import begin
from httpx_resilient._core.origin import origin_key, origin_name, parse_origin

libraries = pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])

URLS = [
    "https://Example.org:443/a?b",
    "HTTPS://EXAMPLE.ORG:443/",
    "http://[::1]:80/",
    "http://[2001:DB8::A]/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://user:p%40ss@a:8080",
    "https://xn--bcher-kva.example/",
    "https://b\u00fccher.example/",
    "https://B\u00dcCHER.example/",
    "https://stra\u00dfe.example/",
    "https://\u03b2\u03cc\u03bb\u03bf\u03c2.example/",
    "https://www.fa\u00df.example/",
    "https://a_b.example/",
    "https://example.org./",
    "https://a%20b/",
    "wss://a:443",
    "http://127.0.0.1:0",
]


@libraries
@pytest.mark.parametrize("url", URLS)
def test_the_origin_of_a_text_is_that_of_a_request_to_it(
    library: Any, url: str
) -> None:
    key = origin_key(library.Request("GET", url).url)
    assert parse_origin(url) == parse_origin(library.URL(url)) == key


@libraries
@given(
    host=st.text(min_size=1, max_size=20),
    scheme=st.sampled_from(["http", "https", "ws"]),
    port=st.sampled_from(["", ":", ":80", ":443", ":8080", ":x", ":99999"]),
)
def test_a_text_is_refused_or_has_the_origin_of_a_request_to_it(
    library: Any, host: str, scheme: str, port: str
) -> None:
    text = f"{scheme}://{host}{port}"
    try:
        key = origin_key(library.Request("GET", text).url)
    except Exception:
        key = None
    if key is None or not key[1]:
        with pytest.raises(ValueError, match="give a URL with scheme and host"):
            parse_origin(text)
    else:
        assert parse_origin(text) == key
        # What is shown is read by the metrics.
        _, shown, port_shown = parse_origin(origin_name(key))
        assert (shown.lower(), port_shown) == (key[1].lower(), key[2])


@pytest.mark.parametrize(
    "url",
    [
        "api.example.com", "localhost:8080", "/path", "https://", "//host", "",
        "https://a:secret", "https://256.1.1.1", "https://[::x]", "https://\u2603\u0301",
        "https://xn--99999999.example", httpx.URL("/path"), httpx2.URL("//host"),
    ],
)  # fmt: skip
def test_what_has_no_valid_origin_is_refused_with_an_example(url: Any) -> None:
    words = "give a URL with scheme and host, such as https://api.example.com"
    with pytest.raises(ValueError, match=words) as caught:
        parse_origin(url)
    assert "secret" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize("wrong", [None, 5, b"https://a", ("https", "a", None)])
def test_what_is_no_url_is_refused_with_an_example(wrong: Any) -> None:
    with pytest.raises(
        TypeError, match=r"give a URL with .*; got (NoneType|int|byt|tup)"
    ):
        parse_origin(wrong)


def test_a_text_is_read_without_either_library_being_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for loaded in ("httpx", "httpx2"):
        monkeypatch.delitem(sys.modules, loaded)
    monkeypatch.setattr(
        "httpx_resilient._core.origin.import_module", {"httpx": httpx2}.__getitem__
    )
    assert parse_origin("https://fa\u00df.example") == (
        "https", "xn--fa-hia.example", None
    )  # fmt: skip


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
        ("https://www.xn--fa-hia.example/", "https://www.fa\u00df.example"),
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
    ["https://me:hunter2/@a.test", "https://a.test:hunter2", "https://\x01hunter2"],
)
def test_no_part_of_a_url_that_cannot_be_parsed_is_quoted(url: str) -> None:
    with pytest.raises(ValueError, match="give a URL with scheme and host") as caught:
        parse_origin(url)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__context__ is None
