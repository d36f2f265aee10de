"""What is held of each origin, and when it is forgotten."""

from __future__ import annotations

import threading
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from httpx_resilient._core.state.origin_map import OriginMap


class Used:
    def __init__(self, key: Any) -> None:
        self.key = key
        self.is_unused = True


@given(st.lists(st.tuples(st.integers(0, 9), st.none() | st.booleans())))
def test_what_is_in_use_is_remembered_and_of_the_rest_the_last(
    events: list[tuple[int, bool | None]],
) -> None:
    remembered: Any = OriginMap(Used, max_keys=3)
    model: dict[int, Used] = {}
    for key, is_unused in events:
        found = remembered[key]
        remembered.move_to_end(key)
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
        assert list(remembered.items()) == list(model.items())


def test_one_that_another_thread_made_meanwhile_is_not_made_again() -> None:
    class Late(OriginMap[Any]):
        """Another thread has the lock before, and makes it."""

        def __missing__(self, key: Any) -> Any:
            self["a"] = "made by the other"
            return super().__missing__(key)

    assert Late(lambda key: Used(key))["a"] == "made by the other"


def test_threads_that_ask_for_the_same_get_the_same() -> None:
    made, got = [], []
    both = threading.Barrier(2)

    def make(key: Any) -> Any:
        made.append(key)
        return Used(key)

    remembered: Any = OriginMap(make)

    def ask() -> None:
        for number in range(200):
            both.wait()
            got.append((number, remembered[number]))

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == list(range(200))
    assert len(set(got)) == 200
