"""The protocol of the IETF's draft-ietf-httpbis-resumable-upload-12."""

from __future__ import annotations

from dataclasses import dataclass

from httpx_resilient._transfers.upload.fields import boolean, integer, limits
from httpx_resilient._transfers.upload.state import Answer, Facts, Step, UploadState

INTEROP_VERSION = "8"
"""What implementations of the drafts 09 to 12 announce to each other."""


@dataclass(frozen=True, slots=True)
class Draft:
    """Resumable uploads for HTTP, as the IETF's working group drafts them."""

    name: str = "the IETF draft, interop version 8"
    is_complete_when_empty: bool = False

    def common(self) -> dict[str, str]:
        return {"Upload-Draft-Interop-Version": INTEROP_VERSION}

    def creation(self, state: UploadState) -> dict[str, str]:
        # Without content, so that its answer names the upload: httpx drops a 104.
        length = {} if state.length is None else {"Upload-Length": str(state.length)}
        return {"Upload-Complete": "?0", **length, "Content-Length": "0"}

    def append(self, state: UploadState, step: Step) -> dict[str, str]:  # noqa: ARG002 - tus needs it
        return {
            "Upload-Complete": "?1" if step.is_last else "?0",
            "Upload-Offset": str(step.start),
            "Content-Type": "application/partial-upload",
        }

    def facts(self, answer: Answer) -> Facts:
        headers = answer.headers
        return Facts(
            integer(headers.get("upload-offset")),
            integer(headers.get("upload-length")),
            boolean(headers.get("upload-complete")),
            limits(headers.get("upload-limit")),
        )

    def acknowledged(self, step: Step, facts: Facts) -> int | None:
        if step.is_last:
            return None  # the final answer says that it is one: this one does not
        # Section 4.4.1: a 2xx means that the piece was appended. No offset is promised.
        return step.end if facts.offset is None else facts.offset

    def is_complete(self, state: UploadState, facts: Facts) -> bool:  # noqa: ARG002 - tus needs it
        # Section 4.1.3: "length and offset values do not determine" it.
        return facts.is_complete is True
