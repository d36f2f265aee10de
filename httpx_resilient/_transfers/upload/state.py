"""The state of an upload, its requests, and what may become of them: plain values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

PIECE = 8 * 1024 * 1024
"""
The bytes of a piece, at most.

A server that keeps nothing of an interrupted request makes progress only if a piece
arrives whole. tussi takes 10 MiB at most.
"""

SMALLEST_PIECE = 64 * 1024
"""Below this, a shorter piece makes no broken connection more likely to hold."""


class Kind(Enum):
    """The requests of an upload."""

    DISCOVER = "OPTIONS"
    CREATE = "POST"
    LOCATE = "HEAD"
    APPEND = "PATCH"


class Step(NamedTuple):
    """
    The next request.

    Args:
        kind: What it is for.
        start: The offset of its first byte.
        size: How many bytes it has.
        is_last: Whether these are the last ones of the upload.
    """

    kind: Kind
    start: int = 0
    size: int = 0
    is_last: bool = False

    @property
    def end(self) -> int:
        """The offset after its last byte."""
        return self.start + self.size


class Answer(NamedTuple):
    """
    A response.

    Args:
        status: Its status code.
        headers: Its headers, by lower-case name.
        url: The URL that has answered.
        retry_after: The seconds that the server asks to wait, or `None`.
    """

    status: int
    headers: Mapping[str, str]
    url: str = ""
    retry_after: float | None = None

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx: servers use different ones of them."""
        return 200 <= self.status <= 299


class NoAnswer(NamedTuple):
    """
    An exception in place of a response.

    Args:
        error: What it says.
        is_unsent: Whether the request did not reach the server.
        is_final: Whether another attempt would end the same way.
        retry_after: The seconds that a layer of the client asks to wait, or `None`.
    """

    error: str
    is_unsent: bool = False
    is_final: bool = False
    retry_after: float | None = None


Outcome = Answer | NoAnswer


class Limits(NamedTuple):
    """What a server allows: `Upload-Limit` of the draft, in bytes."""

    max_size: float = math.inf
    min_size: int = 0
    max_append_size: float = math.inf
    min_append_size: int = 0


NO_LIMITS = Limits()


class Facts(NamedTuple):
    """
    What the headers of an answer say about an upload; `None` where they say nothing.

    Args:
        offset: How many bytes the server has.
        length: How many the upload has.
        is_complete: Whether the server says that it is complete. tus has no such field.
        limits: What the server allows.
    """

    offset: int | None = None
    length: int | None = None
    is_complete: bool | None = None
    limits: Limits | None = None


@dataclass(frozen=True, slots=True)
class UploadState:
    """
    What is known of an upload. Immutable: each answer makes the next state.

    Args:
        length: The bytes of the whole body, or `None` until its end is read.
        piece: The bytes of the next piece, at most.
        largest: The bytes of any piece, at most.
        max_stalls: After so many breaks without progress the upload ends.
        max_breaks: After so many breaks it ends in any case.
        location: The URL of the upload; empty before its creation.
        offset: What the server has, as it last said so.
        sent: How far the body was sent.
        is_known: Whether no request has failed since the server told the offset.
        is_resumed: Whether the server may have more than this process has sent.
        is_deferred: Whether the server does not know the length yet.
        is_ending: Whether the last piece was sent, or a part of it.
        rejected: How the last piece was rejected, until a HEAD tells what that means.
        is_unauthorized: Whether the last piece was answered by 401.
        limits: What the server allows.
        checksum: The algorithm of the checksum of each piece, or empty.
        is_discovered: Whether the server has said that it checks them.
        stalls: Breaks since the last progress.
        conflicts: Conflicts since the last progress: another request is in progress.
        breaks: All breaks.
        repeated: Bytes that were sent more than once.
    """

    length: int | None
    piece: int = PIECE
    largest: int = PIECE
    max_stalls: int = 3
    max_breaks: int = 100
    location: str = ""
    offset: int = 0
    sent: int = 0
    is_known: bool = True
    is_resumed: bool = False
    is_deferred: bool = False
    is_ending: bool = False
    rejected: str = ""
    is_unauthorized: bool = False
    limits: Limits = NO_LIMITS
    checksum: str = ""
    is_discovered: bool = False
    stalls: int = 0
    conflicts: int = 0
    breaks: int = 0
    repeated: int = 0

    @property
    def has(self) -> str:
        """What the server has, in words."""
        of = "" if self.length is None else f" of {self.length:,}"
        return f"{self.offset:,}{of} bytes"
