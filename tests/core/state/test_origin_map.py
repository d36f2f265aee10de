"""A bounded map of per-origin objects, and the objects that it evicts."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.stepwise import strikes

from httpx_resilient._core.state.origin_map import OriginMap


class PerOrigin:
    """An object that may be in use."""

    def __init__(self, key: Any) -> None:
        self.key = key
        self.is_unused = True


@given(st.lists(st.tuples(st.integers(0, 9), st.none() | st.booleans())))
def test_the_least_recently_used_object_that_is_unused_is_evicted(
    events: list[tuple[int, bool | None]],
) -> None:
    origins: Any = OriginMap(PerOrigin, max_keys=3)
    model: dict[int, PerOrigin] = {}
    for key, is_unused in events:
        found = origins[key]
        origins.move_to_end(key)
        assert found is model.get(key, found)
        if key not in model:
            for _ in range(2):
                if len(model) >= 3:
                    oldest = model.pop(next(iter(model)))
                    if not oldest.is_unused:
                        model[oldest.key] = oldest
        model.pop(key, None)
        model[key] = found
        if is_unused is not None:
            found.is_unused = is_unused
        assert list(origins.items()) == list(model.items())


def test_an_object_made_by_another_thread_meanwhile_is_returned() -> None:
    class Late(OriginMap[Any]):
        """A map in which another thread makes the object first."""

        def __missing__(self, key: Any) -> Any:
            self["a"] = "made by another thread"
            return super().__missing__(key)

    assert Late(lambda key: PerOrigin(key))["a"] == "made by another thread"


def test_threads_that_look_up_the_same_key_get_the_same_object() -> None:
    made, got = [], []
    both = threading.Barrier(2)

    def make(key: Any) -> Any:
        made.append(key)
        return PerOrigin(key)

    origins: Any = OriginMap(make)

    def look_up() -> None:
        for number in range(200):
            both.wait()
            got.append((number, origins[number]))

    threads = [threading.Thread(target=look_up) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == list(range(200))
    assert len(set(got)) == 200


@pytest.mark.parametrize("is_unused", [True, False])
def test_an_eviction_that_is_struck_loses_no_object(is_unused: bool) -> None:
    origins: Any = OriginMap(PerOrigin, max_keys=2)
    in_use = origins["in use"]
    in_use.is_unused = is_unused

    def prepare() -> None:
        origins.pop("new", None)
        origins["old"] = PerOrigin("old")

    for number in strikes(lambda: origins["new"], prepare=prepare):
        assert is_unused or origins.get("in use") is in_use, f"struck at call {number}"
        assert len(origins) <= 3, f"struck at call {number}"
