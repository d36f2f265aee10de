"""A bounded store of immutable states, changed by pure functions."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from httpx_resilient._core.state.store import BATCH, StateStore


def add(state: int, amount: int) -> tuple[int, int]:
    return state + amount, state


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.integers())))
def test_the_least_recently_used_state_is_evicted(
    changes: list[tuple[str, int]],
) -> None:
    store, model = StateStore(0, max_keys=3), dict[str, int]()
    for key, amount in changes:
        before = model.pop(key, 0)
        assert store.apply(key, add, amount) == before
        model[key] = before + amount
        model = dict(list(model.items())[-3:])
        assert store.states() == model
        assert len(store) == len(model)


def test_a_transition_that_raises_changes_no_state() -> None:
    store = StateStore(1)
    with pytest.raises(TypeError):
        store.apply("a", lambda state: state + None)
    assert store.states() == {}
    assert store.apply("a", add, 1) == 1


def test_threads_lose_no_transition() -> None:
    store = StateStore(0)

    def work() -> None:
        for _ in range(2000):
            store.apply("a", add, 1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.states() == {"a": 8000}


def add_all(state: int, times: Any) -> int:
    return state + sum(times)


def test_pending_events_of_a_slot_are_folded_on_demand() -> None:
    store = StateStore(1, fold=lambda state, events: state + sum(events))
    slot = store.slot("a")
    slot.pending.extend([2, 3])
    assert slot.state == 1
    store.fold("a")
    assert store.slot("a") is slot
    assert slot.state == 6


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9)), max_size=200))
def test_pending_events_are_folded_before_the_next_transition(
    events: list[tuple[bool, int]],
) -> None:
    store, model = StateStore(0, fold=add_all), 0
    store.apply("a", add, 0)
    for is_appended, amount in events:
        if is_appended:
            assert store.append("a", int, amount)
        else:
            assert store.apply("a", add, amount) == model
        model += amount
    assert store.states() == {"a": model}


def test_pending_events_are_folded_when_a_batch_is_full() -> None:
    store = StateStore(0, fold=add_all)
    store.apply("a", add, 0)
    for _ in range(BATCH):
        assert store.peek("a") == 0
        store.append("a", int, 1)
    assert store.peek("a") == BATCH


def test_nothing_is_appended_to_a_missing_state_or_to_one_of_another_kind() -> None:
    store = StateStore(0, fold=add_all)
    assert not store.append("a", int, 1)
    store.apply("a", add, 0)
    assert not store.append("a", bool, 1)
    assert store.states() == {"a": 0}
