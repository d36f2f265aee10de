"""What a user wants to download, checked before anything is sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from httpx_resilient._core.family import Family
from httpx_resilient._transfers.download.checksum import Checksum
from httpx_resilient._transfers.download.errors import ChecksumMismatch, DownloadError
from httpx_resilient._transfers.download.patience import DEFAULT, Patience
from httpx_resilient._transfers.download.result import DownloadProgress

OnProgress = Callable[[DownloadProgress], object]

NameOf = Callable[[Any], Path]
"""Chooses the file, when the first answer has come."""


@dataclass(frozen=True)
class Job:
    """
    One download.

    Args:
        family: The library of the client.
        error: Its `DownloadError`.
        mismatch: Its `ChecksumMismatch`.
        url: The URL.
        path: The file to make, or how to choose it; both are checked.
        options: Further arguments of `client.build_request`.
        overwrite: Whether to replace a file.
        checksum: That of the user.
        connections: How many may fetch parts of it.
        follow_redirects: `None` for the setting of the client.
        patience: How long it goes on after failures.
        on_progress: Called now and then.
    """

    family: Family
    error: type[DownloadError]
    mismatch: type[ChecksumMismatch]
    url: Any
    path: Path | NameOf
    options: dict[str, Any]
    overwrite: bool = False
    checksum: Checksum | None = None
    connections: int = 1
    follow_redirects: bool | None = True
    patience: Patience = DEFAULT
    on_progress: OnProgress | None = None
