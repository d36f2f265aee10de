"""Copies of a request that differ in extensions or in body."""

from __future__ import annotations

from httpx_resilient._core.http_types import RequestLike, RequestT


def copy_request(request: RequestT, **extensions: object) -> RequestT:
    """
    Copy a request with further extensions: the caller's request is never written to.

    `object.__new__` skips the constructor, which would encode the body again.
    """
    copy = object.__new__(request.__class__)
    copy.__dict__ = attributes = request.__dict__.copy()
    attributes["extensions"] = {**request.extensions, **extensions}
    return copy


def sync_back(request: RequestLike, copy: RequestLike) -> None:
    """Copy back what a transport changed on the copy: a mock may have read the body."""
    changed, own = copy.__dict__, request.__dict__
    if changed["stream"] is not own["stream"] or len(changed) != len(own):
        own.update(changed, extensions=request.extensions)


def sync_body_back(request: RequestLike, copy: RequestLike) -> None:
    """Copy back the body only, for a copy with another URL or other headers."""
    own, changed = vars(request), vars(copy)
    own.update(
        {name: changed[name] for name in ("stream", "_content") if name in changed}
    )
