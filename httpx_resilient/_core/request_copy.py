"""Copies of a request that differ in extensions or in body."""

from __future__ import annotations

from httpx_resilient._core.http_types import RequestLike, RequestT


def copy_request(request: RequestT, **extensions: object) -> RequestT:
    """Make a request that differs in extensions, because the caller's is not ours."""
    twin = object.__new__(request.__class__)
    twin.__dict__ = held = request.__dict__.copy()
    held["extensions"] = {**request.extensions, **extensions}
    return twin


def sync_back(request: RequestLike, twin: RequestLike) -> None:
    """What became of the twin became of the request: a mock has read it, say."""
    changed, held = twin.__dict__, request.__dict__
    if changed["stream"] is not held["stream"] or len(changed) != len(held):
        held.update(changed, extensions=request.extensions)


def sync_body_back(request: RequestLike, twin: RequestLike) -> None:
    """What became of the twin's body became of the request's: a mock has read it."""
    own, others = vars(request), vars(twin)
    own.update(
        {name: others[name] for name in ("stream", "_content") if name in others}
    )
