"""What differs between the protocols of resumable uploads."""

from __future__ import annotations

from typing import Protocol

from httpx_resilient._transfers.upload.state import (
    Answer,
    Facts,
    Step,
    UploadState,
)


class Dialect(Protocol):
    """A protocol of resumable uploads, as pure functions of values."""

    @property
    def name(self) -> str:
        """Its name, for messages."""
        ...

    @property
    def is_complete_when_empty(self) -> bool:
        """Whether the creation of an upload of 0 bytes completes it."""
        ...

    def creation(self, state: UploadState) -> dict[str, str]:
        """Return the headers of the request that creates the upload. It has no body."""
        ...

    def common(self) -> dict[str, str]:
        """Return the headers of each request."""
        ...

    def append(self, state: UploadState, step: Step) -> dict[str, str]:
        """Return the headers of the request that appends a piece."""
        ...

    def facts(self, answer: Answer) -> Facts:
        """Read what an answer says about the upload."""
        ...

    def acknowledged(self, step: Step, facts: Facts) -> int | None:
        """Return the offset after an accepted piece; `None` if a HEAD must tell it."""
        ...

    def is_complete(self, state: UploadState, facts: Facts) -> bool:
        """Whether the offset in `state`, which the server has told, ends the upload."""
        ...
