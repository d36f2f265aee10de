"""What a user learns of an upload: its record, and the exception that has one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

from httpx_resilient._core.errors import Refusal
from httpx_resilient._core.public import public
from httpx_resilient._core.walk import walk
from httpx_resilient._transfers.upload.state import UploadState

EXTENSION = "httpx_resilient_upload"
"""The extension of a response that has the record."""


@public()
@dataclass(frozen=True, slots=True)
class Upload:
    """
    What is known of an upload.

    Args:
        offset: How many bytes the server has, as it last said.
        length: How many bytes the upload has, or `None` if that is not known yet.
        complete: Whether the server has all of it. `None` if that is unknown: then look
            at the server before you send it again.
        answered: Whether the response is the answer to the whole upload. If it is not,
            that one was lost on the way, and a later request has told that the upload
            is complete.
        breaks: How often a request broke.
        repeated: How many bytes were sent more than once.
        location: The URL of the upload, for `resume_from`; empty before its creation.
            Whoever has it may be allowed to write, so no `repr` shows it.

    Example:
        >>> Upload(offset=1_000, length=5_000, breaks=1).complete
        False
    """

    offset: int = 0
    length: int | None = None
    complete: bool | None = False
    answered: bool = False
    breaks: int = 0
    repeated: int = 0
    location: str = field(default="", repr=False)

    def __str__(self) -> str:
        of = "" if self.length is None else f" of {self.length:,}"
        breaks = f"{self.breaks} break" + ("" if self.breaks == 1 else "s")
        return (
            f"{self.offset:,}{of} bytes, {breaks}, {self.repeated:,} bytes sent twice"
        )


def record_of(
    state: UploadState, *, complete: bool | None = False, answered: bool = False
) -> Upload:
    """Return what a user learns of a state."""
    return Upload(
        state.offset,
        state.length,
        complete,
        answered,
        state.breaks,
        state.repeated,
        state.location,
    )


class UploadError(Refusal):
    """
    An upload ended before it was complete, or nobody knows whether it is.

    It is an exception of the client's library, too: a `TransportError`. If a connection
    broke, that exception is its cause.

    Args:
        message: Why it ended, and what to do.
        upload: What is known of the upload. `upload.location` goes on with it.
        response: The answer that has ended it, read; or `None`.

    Example:
        >>> error = UploadError("no progress", Upload(offset=1_000, length=5_000))
        >>> error.upload.offset
        1000
    """

    upload: Upload
    response: Any

    def __init__(self, message: str, upload: Upload, response: Any = None) -> None:
        super().__init__(message)
        self.upload = upload
        self.response = response


@public()
def upload_of(outcome: object) -> Upload | None:
    """
    Return the record of an upload.

    Args:
        outcome: What `upload` has returned, or the exception that it has raised.

    Returns:
        The record, or `None` if there was no upload.

    Example:
        >>> upload_of(UploadError("no progress", Upload(offset=7))).offset
        7
    """
    for each in walk(outcome, lambda one: (getattr(one, "__cause__", None),)):
        extensions: Any = getattr(each, "extensions", None)
        found: object = getattr(each, "upload", None)
        if found is None and isinstance(extensions, dict):
            found = cast("dict[str, object]", extensions).get(EXTENSION)
        if isinstance(found, Upload):
            return found
    return None
