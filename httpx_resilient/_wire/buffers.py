"""The buffers that connections receive into, and how much they take at once."""

from __future__ import annotations

import threading

BUFFER = 256 * 1024
"""Bytes that are received at once at most."""

HIGH_WATER = 256 * 1024
"""Bytes of a body that nobody has read yet, from which on a loop receives no more."""

PIECE = 128 * 1024
"""Bytes that a loop gets at once to write: it copies what the socket does not take."""


class _Buffers(threading.local):
    """The buffers of each thread: what is in them is parsed at once."""

    def __init__(self) -> None:
        self.received = memoryview(bytearray(BUFFER))
        self.decrypted = memoryview(bytearray(BUFFER))
        """For what was received over TLS, where the socket does not decrypt it."""


buffers = _Buffers()


def discard(_: object) -> None:
    """Take what is written to a connection that was closed: reading from it says so."""
