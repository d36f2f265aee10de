"""
The base of the drivers, which connect an SDK to our transport and use it.

A driver uses the public interface of its SDK only, and plays the API that the SDK calls.
The scenarios in `test_matrix.py` are the same for all.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager
from importlib import import_module
from itertools import repeat
from types import ModuleType
from typing import Any, ClassVar

from matrix import Row
from support.server import Connection, Received, Server, Step, drip, reply

TEXT = "finally"
"""The text in the answers of every API."""


class SDK(ABC):
    """The base of all drivers."""

    error: ClassVar[type[Exception]]
    """The exception that the SDK raises for a 503."""

    def __init__(self, row: Row) -> None:
        self.row = row
        self.httpx: ModuleType = import_module(row.family)
        home = {"httpx": "httpx_resilient", "httpx2": "httpx_resilient.httpx2"}
        self.ours: ModuleType = import_module(home[row.family])

    def transport(self) -> Any:
        """Return our transport, for an API where a POST may be repeated."""
        return self.ours.RetryingTransport(retry=self.ours.retry_if_transient("POST"))

    @abstractmethod
    def connect(
        self, url: str, *, patience: float, own_retries: bool
    ) -> AbstractAsyncContextManager[Any]:
        """
        Open the SDK's client, with our transport.

        Args:
            url: The address of its API, without a slash at the end.
            patience: Seconds until a read times out.
            own_retries: Whether the SDK's own retries stay at their default, or are off.
        """

    @abstractmethod
    async def call(self, client: Any) -> str:
        """Request a text."""

    # A driver has these two unless its row names them as absent.
    stream: Callable[[Any], Awaitable[str]]
    """Request a text that comes in pieces, and join them."""

    upload: Callable[[Any, bytes], Awaitable[None]]
    """Send a file."""

    @abstractmethod
    def answer(self, request: Received) -> Step:
        """Return what the API answers to a request if nothing is wrong."""

    def counts(self, request: Received) -> bool:
        """Return whether the scenario counts this request. By default it counts all."""
        return True


class Api:
    """The SDK's API on loopback: the faults of a scenario first, then its answers."""

    def __init__(self, sdk: SDK) -> None:
        self._sdk = sdk
        self._faults: Iterator[Step] = iter(())
        self.received: list[Received] = []
        self._server = Server(self._step)
        self.url = self._server.url.rstrip("/")

    def fails(self, *faults: Step) -> None:
        self._faults = iter(faults)

    def fails_always(self, fault: Step) -> None:
        self._faults = repeat(fault)

    def _step(self, connection: Connection) -> bool:
        request = connection.request
        step = None
        if self._sdk.counts(request):
            self.received.append(request)
            step = next(self._faults, None)
        return (step or self._sdk.answer(request))(connection)

    @property
    def requests(self) -> int:
        return len(self.received)

    def __enter__(self) -> Api:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()


def as_json(content: Any, status: int = 200, **headers: str) -> Step:
    body = json.dumps(content).encode()
    return reply(status, body, **{"content_type": "application/json", **headers})


def as_events(events: Iterable[Any], *, last: str | None = None) -> Step:
    """Return server-sent events, one per 2 ms. Each is JSON, or (name, JSON)."""
    pieces = []
    for event in events:
        name, data = event if isinstance(event, tuple) else (None, event)
        line = f"data: {json.dumps(data)}\n\n"
        pieces.append((f"event: {name}\n{line}" if name else line).encode())
    if last is not None:
        pieces.append(f"data: {last}\n\n".encode())
    return drip(200, pieces, every=0.002, content_type="text/event-stream")
