"""
Locks, and what else a forked child must not inherit.

A child of `os.fork` has the thread that forked, and no other. A lock that another
thread held at that moment would stay locked for ever, and a request that another thread
has sent would stay in flight for ever.
"""

from __future__ import annotations

import os
from threading import Lock
from typing import Any, Protocol
from weakref import WeakSet


class Forkable(Protocol):
    """A state that is shared by the requests of a process."""

    def forked(self) -> None:
        """Forget the requests of the parent. It is called in a forked child."""
        ...


_LOCKS: WeakSet[Any] = WeakSet()
_STATES: WeakSet[Forkable] = WeakSet()


def make_lock() -> Lock:
    """
    Make a lock that is free in a forked child.

    Use it as `with lock:` only. An exception of a signal handler may strike between
    `lock.acquire()` and `try`.
    """
    lock = Lock()
    _LOCKS.add(lock)
    return lock


def tell_when_forked(state: Forkable) -> None:
    """Call the method `forked` of a state in each forked child."""
    _STATES.add(state)


def in_child() -> None:
    """Free all locks, and let all states forget the requests of the parent."""
    for lock in list(_LOCKS):
        lock._at_fork_reinit()  # noqa: SLF001 - as the standard library does it
    for state in list(_STATES):
        state.forked()


def _never(**_: object) -> None:
    """Register nothing: Windows cannot fork."""


getattr(os, "register_at_fork", _never)(after_in_child=in_child)
