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

from httpx_resilient._checks import number
from httpx_resilient._keeping import Kept, key_of


def add(state: int, amount: int) -> tuple[int, int]:
    return state + amount, state


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.integers())))
def test_it_is_a_bounded_dict_that_forgets_the_least_recently_used(
    changes: list[tuple[str, int]],
) -> None:
    kept, model = Kept(0, most=3), dict[str, int]()
    for key, amount in changes:
        before = model.pop(key, 0)
        assert kept.change(key, add, amount) == before
        model[key] = before + amount
        model = dict(list(model.items())[-3:])
        assert kept.states() == model
        assert len(kept) == len(model)


def test_a_transition_that_raises_changes_nothing() -> None:
    kept = Kept(1)
    with pytest.raises(TypeError):
        kept.change("a", lambda state: state + None)
    assert kept.states() == {}
    assert kept.change("a", add, 1) == 1


def test_no_change_is_lost_between_threads() -> None:
    kept = Kept(0)

    def work() -> None:
        for _ in range(2000):
            kept.change("a", add, 1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert kept.states() == {"a": 8000}


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("https://Example.org:443/a?b", ("https", "example.org", None)),
        ("http://[::1]:80/", ("http", "::1", None)),
        ("http://a:8080", ("http", "a", 8080)),
    ],
)
def test_an_origin_is_scheme_host_and_port(url: str, key: object) -> None:
    assert key_of(httpx.URL(url)) == key


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
