"""What the answer to a request that goes on with a body turns out to be."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spliced:
    """
    The body of the answer goes on where the bytes at hand end.

    Args:
        first: The position of its first byte.
        last: The position of its last byte, which may come before the end that was
            asked for (RFC 9110 §15.3.7): then ask again. `None` if it is not told.
        total: The length of the whole representation, or `None` if it is unknown.
    """

    first: int
    last: int | None
    total: int | None


@dataclass(frozen=True, slots=True)
class Complete:
    """
    The bytes at hand are all there are.

    Args:
        total: The length of the whole representation.
    """

    total: int


@dataclass(frozen=True, slots=True)
class Anew:
    """
    The body of the answer begins before the bytes at hand end: they come once more.

    Args:
        first: The position of its first byte, at most that of the first byte at hand.
        last: The position of its last byte, or `None` if it is not told.
        total: The length of the whole representation, or `None` if it is unknown.
        is_proven: Whether a strong validator proves that it is the same version. Else
            the bytes that come once more must have the same hash as those at hand.
    """

    first: int
    last: int | None
    total: int | None
    is_proven: bool


@dataclass(frozen=True, slots=True)
class Reread:
    """
    The answer proves nothing: its bytes must not be used. A GET of everything may help.

    Args:
        reason: Why, in words that follow "the server …".
    """

    reason: str


@dataclass(frozen=True, slots=True)
class Changed:
    """
    The content is another one than that of the bytes at hand.

    Args:
        reason: What has changed, from what to what.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class Unavailable:
    """
    The server could not serve the request now. Ask again, after a wait.

    Args:
        reason: The status.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """
    The server does not serve this request any more. To ask it again makes no sense.

    Args:
        reason: The status.
    """

    reason: str


Judgement = Spliced | Complete | Anew | Reread | Changed | Unavailable | Refused
