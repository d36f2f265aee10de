"""The requests of a download."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from httpx_resilient._transfers.download.answer import Version
from httpx_resilient._transfers.download.segments import Segment
from httpx_resilient._transfers.download.transfer import Transfer


@dataclass(frozen=True)
class Asked:
    """
    A request.

    Args:
        request: For the client.
        options: The arguments of `ClientIO.send`.
        version: What the bytes that it asks for belong to; `None` if it asks for the
            whole file.
        start: The first byte that it asks for.
        skip: How many of the bytes that it asks for are there already.
    """

    request: Any
    options: dict[str, Any]
    version: Version | None = None
    start: int = 0
    skip: int = 0


def first_request(client: Any, url: Any, options: dict[str, Any]) -> Any:
    """Build the first request: the plain bytes are asked for, unless the user says."""
    request = client.build_request("GET", url, **options)
    given = dict(options.get("headers") or {})
    if "accept-encoding" not in {str(name).lower() for name in given}:
        request.headers["Accept-Encoding"] = "identity"
    return request


def request_for(transfer: Transfer, segment: Segment) -> Asked:
    """Build the request for a segment."""
    job, io, version = transfer.job, transfer.io, transfer.version
    options: dict[str, Any] = {"follow_redirects": job.follow_redirects}
    if version is None or not transfer.proof or not segment.position:
        return Asked(first_request(io.client, job.url, job.options), options)
    redirected = transfer.redirected
    if redirected is None:
        request = first_request(io.client, job.url, job.options)
    else:
        # Its headers have no credentials of another origin. Those of the client would.
        request = job.family.request(
            "GET",
            redirected.url,
            headers=redirected.headers,
            extensions=transfer.request.extensions,
        )
        options["auth"] = _unchanged
    # Of a file of unknown length, the end would be a 416, which names no validator.
    skip = 1 if version.total is None else 0
    start, end = segment.position - skip, segment.end
    last = "" if end is None or end == version.total else end - 1
    _set(request, "Range", f"bytes={start}-{last}")
    if version.told.precondition is not None:
        _set(request, *version.told.precondition)
    return Asked(request, options, version, start, skip)


def _set(request: Any, name: str, value: str) -> None:
    """Set a header to bytes: an ETag may have any (RFC 9110 §8.8.3), a text may not."""
    headers = request.headers
    raw = name.encode(), value.encode("latin-1")
    others = [each for each in headers.raw if each[0].lower() != raw[0].lower()]
    request.headers = type(headers)([*others, raw])


def _unchanged(request: Any) -> Any:
    return request
