"""The ready keys: by path, and by a header."""

from __future__ import annotations

from typing import Any

import httpx
import httpx2
import pytest

from httpx_resilient import key_by_header, key_by_path
from httpx_resilient._core.state.store import MAX_KEYS

HOST = "https://a.example"

libraries = pytest.mark.parametrize("library", [httpx, httpx2])


def keys(key: Any, *targets: str, library: Any = httpx) -> list[str]:
    """Return the keys of requests, without the origin that they begin with."""
    found = [key(library.Request("GET", f"{HOST}{target}")) for target in targets]
    assert all(each.startswith(HOST) for each in found)
    return [each.removeprefix(HOST) for each in found]


# By path.


@libraries
def test_by_default_the_first_segment_of_the_path_is_the_key(library: Any) -> None:
    targets = "/search", "/search/", "/search/7?q=/x", "/export/7", "/", "//x"
    expected = ["/search", "/search", "/search", "/export", "", ""]
    assert keys(key_by_path(), *targets, library=library) == expected


def test_more_segments_are_the_key_with_a_greater_depth() -> None:
    targets = "/v1/search/7", "/v1/search", "/v1", "/v1/export"
    expected = ["/v1/search", "/v1/search", "/v1", "/v1/export"]
    assert keys(key_by_path(depth=2), *targets) == expected


def test_the_longest_prefix_that_matches_whole_segments_is_the_key() -> None:
    key = key_by_path("/v1", "/v1/search/")
    targets = "/v1/search/7", "/v1/searching", "/v1", "/v10", "/"
    assert keys(key, *targets) == ["/v1/search", "/v1", "/v1", "", ""]


def test_ids_after_the_first_segment_make_no_further_keys() -> None:
    targets = [f"/users/{number}/orders/{number}" for number in range(10_000)]
    assert set(keys(key_by_path(), *targets)) == {"/users"}


def test_ids_in_the_first_segment_occupy_bounded_memory() -> None:
    key = key_by_path()
    keys(key, *[f"/{number}" for number in range(2 * MAX_KEYS)])
    assert len(key._known) <= MAX_KEYS


def test_the_key_names_the_origin_with_its_port_and_international_host() -> None:
    key = key_by_path()
    url = "http://bücher.example:8080/katalog/1"
    assert key(httpx.Request("GET", url)) == "http://bücher.example:8080/katalog"


def test_a_path_counts_as_it_is_sent() -> None:
    assert keys(key_by_path(), "/ü", "/%C3%BC") == ["/%C3%BC"] * 2


@libraries
def test_a_url_has_the_key_of_its_requests(library: Any) -> None:
    key = key_by_path()
    url = f"{HOST}/ü/7?q=1"
    expected = key(library.Request("GET", url))
    assert key.of_url(url) == key.of_url(library.URL(url)) == expected


def test_a_text_without_host_is_no_url() -> None:
    with pytest.raises(ValueError, match="give a URL with scheme and host"):
        key_by_path().of_url("/search")


@pytest.mark.parametrize("prefix", ["v1", "", "/v1?q", "/v1#x", "/a b", "/ü"])
def test_a_prefix_that_no_path_can_have_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="key_by_path takes prefixes of paths, such"):
        key_by_path("/v1", prefix)


def test_a_prefix_that_is_no_string_is_refused() -> None:
    wrong: Any = 2
    with pytest.raises(TypeError, match="key_by_path takes prefixes of paths, such"):
        key_by_path(wrong)


def test_a_depth_below_1_is_refused() -> None:
    with pytest.raises(ValueError, match="depth is a whole number of segments, 1 or"):
        key_by_path(depth=0)


def test_prefixes_and_a_depth_together_are_refused() -> None:
    with pytest.raises(ValueError, match="either prefixes or depth=, not both"):
        key_by_path("/v1", depth=2)


def test_a_key_by_path_shows_its_arguments() -> None:
    assert repr(key_by_path()) == "key_by_path(depth=1)"
    assert repr(key_by_path("/v1", "/v2")) == "key_by_path('/v1', '/v2')"


# By a header.


def digest_of(value: str | None, name: str = "Authorization", url: str = HOST) -> Any:
    headers = {} if value is None else {name: value}
    return key_by_header(name)(httpx.Request("GET", url, headers=headers))


@libraries
def test_each_value_of_the_header_has_a_key_of_its_own(library: Any) -> None:
    key = key_by_header("x-api-key")

    def of(value: str) -> Any:
        return key(library.Request("GET", HOST, headers={"X-API-Key": value}))

    assert of("one") == of("one") != of("two")


def test_the_same_value_at_another_origin_has_another_key() -> None:
    assert digest_of("one") != digest_of("one", url="https://b.example")


def test_the_key_has_origin_and_name_but_not_the_value() -> None:
    key = digest_of("Bearer secret")
    assert key.startswith(f"{HOST}#authorization-")
    assert "secret" not in key


def test_requests_without_the_header_have_one_key() -> None:
    assert digest_of(None) == f"{HOST}#no-authorization"


def test_a_value_that_is_not_ascii_has_a_key() -> None:
    request = httpx.Request("GET", HOST, headers=[(b"x-key", b"\xff\xfe")])
    assert key_by_header("x-key")(request) != f"{HOST}#no-x-key"


@pytest.mark.parametrize(("name", "error"), [("a b", ValueError), (b"a", TypeError)])
def test_what_is_no_name_of_a_header_is_refused(name: Any, error: Any) -> None:
    with pytest.raises(error, match="key_by_header takes the name of a header, such"):
        key_by_header(name)


def test_a_key_by_header_shows_its_argument() -> None:
    assert repr(key_by_header("X-Key")) == "key_by_header('x-key')"
