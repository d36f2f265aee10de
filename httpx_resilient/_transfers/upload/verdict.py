"""What may follow from the outcome of a request of an upload."""

from __future__ import annotations

from typing import NamedTuple

from httpx_resilient._transfers.upload.state import UploadState


class Go(NamedTuple):
    """The next request follows at once."""

    state: UploadState
    reason: str


class Wait(NamedTuple):
    """The next request follows after a wait of at least `least` seconds."""

    state: UploadState
    reason: str
    least: float | None = None


class Done(NamedTuple):
    """
    The upload is complete.

    Args:
        state: The last state.
        reason: How that is known.
        is_answered: Whether the answer of the last request is that to the upload.
    """

    state: UploadState
    reason: str
    is_answered: bool = True


class Failed(NamedTuple):
    """
    The upload ends here.

    Args:
        state: The last state.
        reason: Why, and what to do.
        is_unknown: Whether it may nevertheless be complete.
    """

    state: UploadState
    reason: str
    is_unknown: bool = False


Verdict = Go | Wait | Done | Failed
