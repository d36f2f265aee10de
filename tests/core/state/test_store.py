"""What layers know of each origin, and how they check what they are given."""

from __future__ import annotations

import math
import re
import threading
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from httpx_resilient._core.origin import origin_key, origin_name, parse_origin
from httpx_resilient._core.state.store import StateStore
from httpx_resilient._core.validation import number


def add(state: int, amount: int) -> tuple[int, int]:
    return state + amount, state


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.integers())))
def test_it_is_a_bounded_dict_that_forgets_the_least_recently_used(
    changes: list[tuple[str, int]],
) -> None:
    kept, model = StateStore(0, max_keys=3), dict[str, int]()
    for key, amount in changes:
        before = model.pop(key, 0)
        assert kept.apply(key, add, amount) == before
        model[key] = before + amount
        model = dict(list(model.items())[-3:])
        assert kept.states() == model
        assert len(kept) == len(model)


def test_a_transition_that_raises_changes_nothing() -> None:
    kept = StateStore(1)
    with pytest.raises(TypeError):
        kept.apply("a", lambda state: state + None)
    assert kept.states() == {}
    assert kept.apply("a", add, 1) == 1


def test_no_change_is_lost_between_threads() -> None:
    kept = StateStore(0)

    def work() -> None:
        for _ in range(2000):
            kept.apply("a", add, 1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert kept.states() == {"a": 8000}


def add_all(state: int, times: Any) -> int:
    return state + sum(times)


def test_what_is_noted_in_a_slot_is_heard_when_it_is_told() -> None:
    kept = StateStore(1, fold=lambda state, events: state + sum(events))
    slot = kept.slot("a")
    slot.pending.extend([2, 3])
    assert slot.state == 1
    kept.fold("a")
    assert kept.slot("a") is slot
    assert slot.state == 6


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9)), max_size=200))
def test_what_was_noted_is_heard_before_the_next_change(
    events: list[tuple[bool, int]],
) -> None:
    kept, model = StateStore(0, fold=add_all), 0
    kept.apply("a", add, 0)
    for noted, amount in events:
        if noted:
            assert kept.append("a", int, amount)
        else:
            assert kept.apply("a", add, amount) == model
        model += amount
    assert kept.states() == {"a": model}


def test_after_a_while_it_is_heard_anyway() -> None:
    kept = StateStore(0, fold=add_all)
    kept.apply("a", add, 0)
    for _ in range(64):
        assert kept.peek("a") == 0
        kept.append("a", int, 1)
    assert kept.peek("a") == 64


def test_it_is_not_noted_for_a_state_of_another_kind_or_none() -> None:
    kept = StateStore(0, fold=add_all)
    assert not kept.append("a", int, 1)
    kept.apply("a", add, 0)
    assert not kept.append("a", bool, 1)
    assert kept.states() == {"a": 0}


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
def test_an_origin_given_by_hand_is_the_same(url: str) -> None:
    assert (
        parse_origin(url) == parse_origin(httpx.URL(url)) == origin_key(httpx.URL(url))
    )


@pytest.mark.parametrize("url", ["api.example.com", "/path", "https://", "//host"])
def test_what_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="give a URL with scheme and host"):
        parse_origin(url)


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("https://Example.org:443/a?b", ("https", b"example.org", None)),
        ("http://[::1]:80/", ("http", b"::1", None)),
        ("http://a:8080", ("http", b"a", 8080)),
    ],
)
def test_an_origin_is_scheme_host_and_port(url: str, key: object) -> None:
    assert origin_key(httpx.URL(url)) == key


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://Example.org:443/a?b", "https://example.org"),
        ("http://[::1]:8080/", "http://[::1]:8080"),
        ("https://xn--bcher-kva.example/", "https://b\u00fccher.example"),
    ],
)
def test_an_origin_is_told_as_people_write_it(url: str, name: str) -> None:
    assert origin_name(origin_key(httpx.URL(url))) == name


def test_or_as_it_is_sent_if_it_cannot_be() -> None:
    assert origin_name(("https", b"xn--99999999.example", None)) == (
        "https://xn--99999999.example"
    )


@pytest.mark.parametrize(
    ("given", "limits", "message"),
    [
        (0, {"above": 0}, "n is a number, above 0; got 0"),
        (-1, {"least": 0, "most": 1}, "n is a number, 0 or more, at most 1; got -1"),
        (2, {"least": 0, "most": 1}, "n is a number, 0 or more, at most 1; got 2"),
        (math.nan, {"least": 0}, "n is a number, 0 or more; got nan"),
        (0, {"least": 1, "unit": "bytes"}, "n is a number of bytes, 1 or more; got 0"),
    ],
)
def test_what_is_out_of_range_is_refused(
    given: float, limits: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        number("n", given, **limits)


@pytest.mark.parametrize("given", ["1", None, True])
def test_what_is_no_number_is_refused(given: object) -> None:
    with pytest.raises(TypeError, match="n is a number"):
        number("n", given, least=0)


def test_half_a_thing_is_refused_where_things_are_counted() -> None:
    with pytest.raises(TypeError, match="n is a whole number"):
        number("n", 1.5, least=0, whole=True)


@pytest.mark.parametrize("given", [0, 1, 0.5, math.inf])
def test_all_else_is_fine(given: float) -> None:
    number("n", given, least=0)
