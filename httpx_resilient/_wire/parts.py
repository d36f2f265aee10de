"""The body of a request that comes in parts, such as that of a generator."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Iterator
from typing import Any

from httpx_resilient._core.family import Family


async def close_async_parts(
    parts: AsyncIterator[bytes], body: Any, family: Family
) -> None:
    """
    Close what is left of an asynchronous body, and the generator of the caller.

    Args:
        parts: The iteration over the body.
        body: The stream of the request.
        family: The library of the stream.
    """
    for each in (parts, _source_of(body, family)):
        if inspect.isasyncgen(each):
            await each.aclose()


def close_parts(parts: Iterator[bytes], body: Any, family: Family) -> None:
    """Close what is left of a body, and the generator of the caller."""
    for each in (parts, _source_of(body, family)):
        if inspect.isgenerator(each):
            each.close()


def _source_of(body: Any, family: Family) -> object:
    """
    Return what the caller gave as the body, which no other attempt can send again.

    The library wraps a generator, and leaves it open if the wrapper is closed. The copy
    that a layer makes goes on with it in another attempt.
    """
    is_own = type(body).__module__.partition(".")[0] == family.package
    return getattr(body, "_stream", None) if is_own else None
