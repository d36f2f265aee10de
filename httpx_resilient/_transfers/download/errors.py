"""The exceptions of downloads. The bindings derive them from those of a library."""

from __future__ import annotations

from pathlib import Path

from httpx_resilient._core.errors import Refusal
from httpx_resilient._core.public import public


@public()
class DownloadError(Refusal):
    """
    A file has not arrived, and why.

    Nothing is under its name. What has arrived stays beside it, in a `.part` file: the
    same call goes on with it. The exception that was the last reason is `__cause__`.

    Args:
        message: What has happened, and what to do.
        part: The file with what has arrived; `None` if there is nothing.
        received: Its bytes.
        total: The bytes of the whole file; `None` if unknown.

    Example:
        >>> DownloadError("it broke", received=300, total=1000).received
        300
    """

    def __init__(
        self,
        message: str,
        *,
        part: Path | None = None,
        received: int = 0,
        total: int | None = None,
    ) -> None:
        super().__init__(message)
        self.part = part
        self.received = received
        self.total = total


@public()
class ChecksumMismatch(DownloadError):  # noqa: N818 - an error by its base
    """
    A file has arrived whole, and is not the one that its checksum tells of.

    It was removed: a further download would begin at its start.

    Args:
        message: Both checksums.

    Example:
        >>> issubclass(ChecksumMismatch, DownloadError)
        True
    """
