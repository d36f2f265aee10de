"""What a download tells: while it runs, and in the end."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from httpx_resilient._core.attempts import Attempt, attempts_of
from httpx_resilient._core.public import public


@public()
class DownloadBreak(NamedTuple):
    """
    A moment at which a download went on after a failure.

    Args:
        offset: The bytes of the file that had arrived.
        reason: What has happened.
        proof: What the next request could prove that the file is the same by: `ETag`,
            `Last-Modified`, `checksum`. Empty if it had to start anew.
        wait: Seconds before the next request.

    Example:
        >>> DownloadBreak(300_000, "ReadError", "ETag", 0.0).offset
        300000
    """

    offset: int
    reason: str
    proof: str
    wait: float


@public()
class DownloadProgress(NamedTuple):
    """
    How far a download is.

    Args:
        received: The bytes of the file that have arrived, also in earlier processes.
        total: The bytes of the file; `None` if unknown.
        resumed_at: The bytes that were there when this download began.
        breaks: Each failure after which it went on, so far.

    Example:
        >>> progress = DownloadProgress(300, 1200, resumed_at=100, breaks=())
        >>> f"{progress.received / progress.total:.0%}"
        '25%'
    """

    received: int
    total: int | None
    resumed_at: int
    breaks: tuple[DownloadBreak, ...]


@public()
@dataclass(frozen=True)
class Download:
    """
    A file that has arrived, whole.

    `attempts_of` and `explain` take it, as they take a response.

    Args:
        path: The file.
        size: Its bytes.
        resumed_at: The bytes that an earlier download had left, which were gone on
            with; 0 if it began at the start.
        breaks: Each failure after which it went on.
        bytes_read_twice: The bytes that have come more than once, or in vain.
        checksum: The checksum that the file was checked by, such as `sha-256=9f86...`;
            `None` if neither the user nor the server has told one.
        etag: The `ETag` of the file; `None` without one.
        last_modified: Its `Last-Modified`; `None` without one.
        connections: How many connections have fetched parts of it at the same time.
        seconds: The duration.
        request: The first request.
        extensions: The history, for `attempts_of`.

    Example:
        >>> import tempfile, httpx
        >>> mock = httpx.MockTransport(lambda request: httpx.Response(200, text="hi"))
        >>> with httpx.Client(transport=mock) as client:
        ...     path = f"{tempfile.mkdtemp()}/hi.txt"
        ...     result = download(client, "https://example.com/hi.txt", path)
        >>> result.size, result.path.read_text(), len(result.breaks)
        (2, 'hi', 0)
    """

    path: Path
    size: int
    resumed_at: int = 0
    breaks: tuple[DownloadBreak, ...] = ()
    bytes_read_twice: int = 0
    checksum: str | None = None
    etag: str | None = None
    last_modified: str | None = None
    connections: int = 1
    seconds: float = 0.0
    request: Any = field(default=None, repr=False, compare=False)
    extensions: dict[str, Any] = field(
        default_factory=dict[str, Any], repr=False, compare=False
    )

    @property
    def history(self) -> tuple[Attempt, ...]:
        """All requests, with their outcomes, oldest first."""
        return attempts_of(self)
