"""The protocol tus 1.0.0, https://tus.io/protocols/resumable-upload."""

from __future__ import annotations

from dataclasses import dataclass

from httpx_resilient._transfers.upload.fields import integer
from httpx_resilient._transfers.upload.state import Answer, Facts, Step, UploadState

VERSION = "1.0.0"


@dataclass(frozen=True, slots=True)
class Tus:
    """
    tus 1.0.0: the core protocol, and the extensions creation and checksum.

    Args:
        metadata: The value of `Upload-Metadata`, or empty.
    """

    metadata: str = ""
    name: str = "tus 1.0.0"
    is_complete_when_empty: bool = True

    def common(self) -> dict[str, str]:
        return {"Tus-Resumable": VERSION}

    def creation(self, state: UploadState) -> dict[str, str]:
        # Never with the content: only some servers take it (creation-with-upload).
        length = (
            {"Upload-Defer-Length": "1"}
            if state.length is None
            else {"Upload-Length": str(state.length)}
        )
        more = {"Upload-Metadata": self.metadata} if self.metadata else {}
        return {**length, **more, "Content-Length": "0"}

    def append(self, state: UploadState, step: Step) -> dict[str, str]:
        headers = {
            "Upload-Offset": str(step.start),
            "Content-Type": "application/offset+octet-stream",
        }
        if step.is_last and state.is_deferred:
            headers["Upload-Length"] = str(step.end)
        return headers

    def facts(self, answer: Answer) -> Facts:
        headers = answer.headers
        return Facts(
            integer(headers.get("upload-offset")), integer(headers.get("upload-length"))
        )

    def acknowledged(self, step: Step, facts: Facts) -> int | None:  # noqa: ARG002 - the draft needs it
        return facts.offset

    def is_complete(self, state: UploadState, facts: Facts) -> bool:  # noqa: ARG002 - the draft needs it
        return state.offset == state.length
