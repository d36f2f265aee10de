"""What an answer proves of a file: the decisions of `resuming`, for bytes in a file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from httpx_resilient._core.resuming.judgements import Judgement, Reread, Spliced
from httpx_resilient._core.resuming.judging import MULTIPART, judge
from httpx_resilient._core.resuming.representation import (
    OK,
    PARTIAL,
    Representation,
    representation_of,
)
from httpx_resilient._transfers.download.checksum import Checksum, checksum_in
from httpx_resilient._transfers.download.decoding import coding_of


@dataclass(frozen=True, slots=True)
class Version:
    """
    What identifies the bytes of a file.

    Args:
        told: What the first answer with its bytes said, a 200.
        total: The bytes of the file; `None` if unknown.
        coding: The content coding to remove from them; empty for none.
        checksum: That of the file, which the server has told.
    """

    told: Representation
    total: int | None = None
    coding: str = ""
    checksum: Checksum | None = None

    def with_total(self, total: int) -> Version:
        """Return this version, whose length has become known."""
        told = self.told
        if not self.coding:
            told = replace(told, total=total, last=total - 1)
        return replace(self, told=told, total=total)

    def proof(self, checksum: Checksum | None) -> str:
        """
        Return what will prove that further bytes belong to these; empty if nothing.

        Args:
            checksum: That of the user. It proves a file as a whole, in the end.
        """
        if self.told.encoding:
            return ""
        if self.told.validator is not None:
            return "Last-Modified" if self.told.strong_etag is None else "ETag"
        return "checksum" if checksum or self.checksum else ""


def version_of(response: Any) -> Version:
    """Return the version of a whole answer, a 200."""
    told, headers = representation_of(response), response.headers
    coding = coding_of(told.encoding, told.media_type)
    checksum = None if coding else checksum_in(headers, whole=True)
    return Version(told, None if coding else told.total, coding, checksum)


def judge_rest(
    version: Version, offset: int, response: Any, checksum: Checksum | None
) -> Judgement:
    """
    Judge an answer to a request for the rest of a file.

    Args:
        version: What the bytes so far belong to.
        offset: The first byte that was asked for.
        response: The answer.
        checksum: That of the user. If nothing else proves the version, a part is taken
            for the right one until the whole file is checked.
    """
    first, answer = version.told, representation_of(response)
    judged = judge(first, offset, answer)
    if (
        isinstance(judged, Reread)
        and version.proof(checksum) == "checksum"
        and answer.status == PARTIAL
        and answer.first == offset
        and answer.is_consistent
        and answer.encoding == first.encoding
        and answer.media_type != MULTIPART
        and (first.total is None or first.total == answer.total)
        and (first.etag, first.last_modified) == (answer.etag, answer.last_modified)
        and _tells_the_same(version, response)
    ):
        return Spliced(offset, answer.last, answer.total)
    return judged


def _tells_the_same(version: Version, response: Any) -> bool:
    told = checksum_in(response.headers, whole=False)
    return told is None or version.checksum is None or told == version.checksum


def is_whole(response: Any) -> bool:
    """Whether an answer has the whole file."""
    status: int = response.status_code
    return status == OK


def is_unproven_end(response: Any) -> bool:
    """
    Whether a whole body ends with its connection, which may have been cut.

    It has no length and no last chunk (RFC 9112 section 6.3). A server that offers
    ranges can be asked for the last byte, with which it tells the length.
    """
    headers = response.headers
    return (
        response.status_code == OK
        and response.http_version.startswith("HTTP/1")
        and "transfer-encoding" not in headers
        and "content-length" not in headers
        and headers.get("accept-ranges", "").strip().lower() == "bytes"
    )
