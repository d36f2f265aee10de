"""Several strings, as types that refuse a single one: it is a sequence, too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol


class Strings(Protocol):
    """A collection of strings."""

    def __contains__(self, value: object, /) -> bool: ...  # a `str` takes only a `str`
    def __iter__(self) -> Iterator[str]: ...
    def __len__(self) -> int: ...


class StringSequence(Strings, Protocol):
    """A sequence of strings."""

    def __getitem__(self, index: int, /) -> str: ...
