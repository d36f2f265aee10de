"""
The locks of synchronous transports, exchanged for such that a signal cannot spoil.

The core's locks are classes in Python. If a signal handler raises between the call of
`__exit__` and the release inside of it, the lock stays taken, and the core's own
clean-up waits for it, in the same thread, for ever (httpcore 1.0.9, httpcore2 2.16). A
`threading.RLock` is entered and left in C, and its thread may enter it again.
"""

from __future__ import annotations

from threading import RLock
from typing import Any

_LOCKS = (
    "_optional_thread_lock",  # of a pool
    "_request_lock",  # of a connection to be opened
    "_connect_lock",  # of one through a proxy
    "_state_lock",  # of an open one
)


def relock(transport: Any) -> None:
    """Exchange the locks of a transport and of its connections, where they exist."""
    # Not by `__dict__`: CPython 3.11 reads all attributes of an object that was asked
    # for it more slowly, which took 18,000 instructions for each request.
    each = getattr(transport, "_pool", None)
    connections = getattr(each, "connections", None)
    while each is not None:
        for name in _LOCKS:
            if hasattr(each, name):
                setattr(each, name, RLock())
        each = connections.pop() if connections else getattr(each, "_connection", None)
