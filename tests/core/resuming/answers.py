"""Answers as values, and a server that gives them: no socket, no library."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from httpx_resilient._core.resuming.representation import (
    Representation,
    representation_of,
)

OLD = "Mon, 02 Nov 2026 10:00:00 GMT"
NEW = "Mon, 30 Nov 2026 10:00:00 GMT"
NOW = "Tue, 01 Dec 2026 10:00:00 GMT"


def answer(status: int = 200, **headers: str) -> Any:
    """An answer with these headers: `content_range` is `Content-Range`."""
    raw = [
        (name.replace("_", "-").encode(), value.encode("latin-1"))
        for name, value in headers.items()
    ]
    return SimpleNamespace(status_code=status, headers=SimpleNamespace(raw=raw))


def said(status: int = 200, **headers: str) -> Representation:
    return representation_of(answer(status, **headers))
