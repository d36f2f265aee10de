"""Warnings of extensions that no layer reads."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any

from httpx_resilient._core.context import OPTIONS
from httpx_resilient._core.http_types import RequestLike
from httpx_resilient._transport.inside import transports_in

_LAYERS: Mapping[str, str] = {
    "retry": "RetryingTransport",
    "deadline": "DeadlineTransport",
    "hedge": "HedgingTransport",
    "failover": "FailoverTransport",
    "resume": "ResumingTransport",
}

_ASKS: Mapping[str, Callable[[Any], bool]] = {
    "retry": lambda value: isinstance(value, Mapping),
    "deadline": lambda value: isinstance(value, int | float),
    "hedge": lambda value: value is True,
    "failover": lambda value: isinstance(value, bool),
    "resume": lambda value: value is True,
}
"""
Whether a value asks for something that the layer would do.

Without a retry, `{"retry": False}` gets what it asks for. Another library may use the
same key, as httpx-retries does.
"""

_INTERNAL = frozenset({"httpx_resilient", "httpx", "httpx2"})
"""The packages whose frames a warning does not point to."""


class MissingLayers:
    """Warns once of each extension whose layer is not there: it would do nothing."""

    def __init__(self) -> None:
        self._read: frozenset[str] | None = None
        self._warned: set[str] = set()

    def warn(self, request: RequestLike, outermost: object) -> None:
        """Warn of the extensions of a request that no layer reads."""
        if self._read is None:
            layers = transports_in(outermost)
            self._read = frozenset(
                getattr(each, "_option", None) or "" for each in layers
            )
        unread = OPTIONS & request.extensions.keys() - self._read - self._warned
        for name in sorted(unread):
            if _ASKS[name](request.extensions[name]):
                self._warned.add(name)
                msg = (
                    f'extensions["{name}"] has no effect: there is no {_LAYERS[name]} '
                    f"in this client's transport; add one, or leave the extension out"
                )
                warnings.warn(msg, RuntimeWarning, stacklevel=level_of_caller())


def level_of_caller() -> int:
    """Return how many frames of libraries are below the caller's."""
    frame, level = inspect.currentframe(), 0
    while frame is not None and _package_of(frame) in _INTERNAL:
        frame, level = frame.f_back, level + 1
    return level


def _package_of(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__")).partition(".")[0]
