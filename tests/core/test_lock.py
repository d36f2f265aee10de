"""Locks and states in a forked child."""

from __future__ import annotations

import gc

from httpx_resilient._core import lock as module
from httpx_resilient._core.lock import in_child, make_lock, tell_when_forked


class State:
    def __init__(self) -> None:
        self.told = 0

    def forked(self) -> None:
        self.told += 1


def test_a_lock_that_another_thread_held_is_free_in_a_child() -> None:
    lock = make_lock()
    lock.acquire()
    in_child()
    assert lock.acquire(blocking=False)


def test_a_state_is_told_that_it_is_in_a_child() -> None:
    state = State()
    tell_when_forked(state)
    in_child()
    assert state.told == 1


def test_neither_is_kept_alive() -> None:
    gc.collect()
    before = len(module._LOCKS), len(module._STATES)
    lock, state = make_lock(), State()
    tell_when_forked(state)
    assert (len(module._LOCKS), len(module._STATES)) == (before[0] + 1, before[1] + 1)
    del lock, state
    assert (len(module._LOCKS), len(module._STATES)) == before
