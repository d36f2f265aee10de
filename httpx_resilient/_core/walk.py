"""The one walk along links between objects, such as the causes of an exception."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any


def walk(start: Any, links: Callable[[Any], Iterable[Any]]) -> Iterator[Any]:
    """
    Yield `start` and every object that can be reached from it, each once.

    So it ends where the links form a circle: a mock that raises the same exception
    again makes a chain of causes that leads back to its beginning.

    Args:
        start: The first object.
        links: Returns the objects that an object leads to, the last one to be visited
            first. `None` is skipped.
    """
    waiting, seen = [start], set[int]()
    while waiting:
        each = waiting.pop()
        if each is not None and id(each) not in seen:
            seen.add(id(each))
            yield each
            waiting += links(each)
