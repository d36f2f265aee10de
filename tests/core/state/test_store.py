"""A bounded store of immutable states, changed by pure functions."""

from __future__ import annotations

import weakref
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.stepwise import Interruption, strikes
from support.threads import in_threads

from httpx_resilient._core.state.slot import Slot
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

    in_threads(work)
    assert store.states() == {"a": 8000}


def test_a_finalizer_may_change_a_state_while_it_interrupts_another_change() -> None:
    store = StateStore(0)
    store.apply("a", add, 1)

    def interrupted(state: int, amount: int) -> tuple[int, int]:
        if not finalized:
            finalized.append(store.apply("a", add, 10))
        return add(state, amount)

    finalized: list[int] = []
    assert store.apply("a", interrupted, 100) == 11
    assert finalized == [1]
    assert store.states() == {"a": 111}
    assert store.peek("a") == 111


def test_a_finalizer_may_make_a_state_while_it_interrupts_another_one() -> None:
    store = StateStore(0, max_keys=1)

    def interrupted(state: int, amount: int) -> tuple[int, int]:
        if not finalized:
            finalized.append(store.apply("a", add, 10))
        return add(state, amount)

    finalized: list[int] = []
    assert store.apply("a", interrupted, 100) == 10
    assert store.states() == {"a": 110}


def test_a_state_may_be_evicted_while_it_changes() -> None:
    store = StateStore(0, max_keys=1)
    store.apply("a", add, 1)

    def evicting(state: int, amount: int) -> tuple[int, int]:
        store.apply("b", add, 1)
        return add(state, amount)

    assert store.apply("a", evicting, 10) == 1
    assert store.states() == {"b": 1}


def test_the_latest_of_two_changes_is_published() -> None:
    """The thread of the first change is suspended before it publishes its state."""
    slot = Slot(1)
    first, second = [2], [3]
    slot.last.append(first)
    first.append(second)  # type: ignore[arg-type]  # as `apply` does it
    slot.publish(second)
    slot.publish(first)
    assert slot.state == 3
    assert slot.last is second


def test_a_change_that_another_thread_makes_meanwhile_is_published() -> None:
    class Racing(Slot[int]):
        """A slot whose state is replaced by another thread as soon as it is stored."""

        @property
        def state(self) -> int:
            return self.stored

        @state.setter
        def state(self, state: int) -> None:
            self.stored = state
            if state == 2:
                self.last.append([3])  # type: ignore[arg-type]  # as `apply` does it

    slot = Racing(1)
    slot.publish([2])
    assert slot.state == 3


def test_an_exception_that_is_stored_keeps_no_later_states() -> None:
    store, errors = StateStore[Any](None), list[BaseException]()
    store.slot("a")

    class State:
        """A state that can be referred to weakly."""

    def replace(_: Any) -> tuple[State, None]:
        if not errors:
            raise Interruption
        return State(), None

    try:
        store.apply("a", replace)
    except Interruption as error:
        errors.append(error)
    store.apply("a", replace)
    state = weakref.ref(store.peek("a"))
    store.apply("a", replace)
    assert state() is None


def test_a_change_that_is_struck_after_it_holds_is_published() -> None:
    store = StateStore((0,))
    store.slot("a")

    def add_one(state: tuple[int]) -> tuple[tuple[int], None]:
        return (state[0] + 1,), None

    for number in strikes(lambda: store.apply("a", add_one)):
        slot = store.slot("a")
        assert len(slot.last) == 1, f"struck at call {number}"


class Receipt:
    decision: Any = None


def test_a_receipt_has_the_decision_if_and_only_if_it_holds() -> None:
    store = StateStore(0)
    expected = 0
    receipts: list[Receipt] = []

    def apply() -> None:
        receipts.append(Receipt())
        store.apply_for(receipts[-1], "a", add, 1)

    for number in strikes(apply):
        expected += receipts[-1].decision is not None
        assert store.peek("a") == expected, f"struck at call {number}"
    assert [r.decision for r in receipts if r.decision is not None] == [
        *range(expected + 1)
    ]


def test_a_finalizer_may_interrupt_a_change_with_a_receipt() -> None:
    store, receipt = StateStore(0, max_keys=1), Receipt()

    def interrupted(state: int, amount: int) -> tuple[int, int]:
        if not finalized:
            finalized.append(store.apply("a", add, 10))
            store.apply("b", add, 1)
        return add(state, amount)

    finalized: list[int] = []
    assert store.apply_for(receipt, "a", interrupted, 100) == 10
    assert receipt.decision == 10
    assert store.states() == {"b": 1}


def test_threads_lose_no_change_with_a_receipt() -> None:
    store = StateStore(0)

    def work() -> None:
        for _ in range(2000):
            store.apply_for(Receipt(), "a", add, 1)

    in_threads(work)
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


def test_threads_lose_no_pending_event() -> None:
    store = StateStore(0, fold=add_all)
    store.apply("a", add, 0)

    def work() -> None:
        for number in range(2000):
            if number % 10:
                store.append("a", int, 1)
            else:
                store.apply("a", add, 1)

    in_threads(work)
    assert store.states() == {"a": 8000}


def test_events_that_another_thread_has_just_taken_are_folded_by_that_thread() -> None:
    folded: list[Any] = []
    slot = Slot(0)
    slot.fold(lambda state, events: folded.append(events) or state)
    assert (folded, slot.state) == ([], 0)


def test_a_finalizer_may_change_a_state_while_events_are_folded() -> None:
    def fold(state: int, events: Any) -> int:
        if not finalized:
            finalized.append(store.apply("a", add, 10))
        return state + sum(events)

    finalized: list[int] = []
    store = StateStore(1, fold=fold)
    slot = store.slot("a")
    slot.pending.extend([100, 200])
    store.fold("a")
    assert slot.state == 311


def test_events_of_a_store_that_folds_none_are_dropped() -> None:
    store = StateStore(1)
    store.slot("a").pending.append(1)
    assert store.states() == {"a": 1}
