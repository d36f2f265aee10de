"""The exceptions behind an exception."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import cast

from httpx_resilient._core.walk import walk


def causes_of(error: BaseException) -> Iterator[BaseException]:
    """
    Return all exceptions behind this one, once each, and the members of groups.

    A plain `__context__` counts for the first step only: further down, it may be an
    exception that the caller was handling when it made the request. After
    `raise ... from None`, as in httpcore, the hidden context is the cause.
    """
    first = error.__cause__ or _own(error.__context__)
    return (each for each in walk(first, _links_of) if each is not error)


def _links_of(error: BaseException) -> Iterable[BaseException | None]:
    hidden = _own(error.__context__) if error.__suppress_context__ else None
    members: Iterable[BaseException] = ()
    if isinstance(error, BaseExceptionGroup):
        members = cast("BaseExceptionGroup[BaseException]", error).exceptions
    return (error.__cause__ or hidden, *members)


def _own(context: BaseException | None) -> BaseException | None:
    """
    Return the context of an exception, unless it belongs to another request.

    An exception of the client's library has no other one as its context by itself. The
    caller was handling that one: what it proves is not true of this request.
    """
    kinds = type(context).__mro__
    is_of_client = any(kind.__module__.startswith("httpx") for kind in kinds)
    return None if is_of_client else context
