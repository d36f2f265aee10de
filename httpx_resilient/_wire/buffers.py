"""The buffers that connections receive into."""

from __future__ import annotations

import threading

BUFFER = 256 * 1024
"""Bytes that are received at once at most."""


class _Buffers(threading.local):
    """The buffers of each thread: what is in them is parsed at once."""

    def __init__(self) -> None:
        self.received = memoryview(bytearray(BUFFER))
        self.decrypted = memoryview(bytearray(BUFFER))
        """For what was received over TLS, where the socket does not decrypt it."""


buffers = _Buffers()
