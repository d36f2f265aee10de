"""What a body is made of, and whether it can be read from its start again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from httpx_resilient._core.http_types import RequestLike


def announces_body(request: RequestLike) -> bool:
    """
    Whether the headers announce a body (RFC 9112 §6.3).

    Without one the stream is likely to be empty: caches wrap even the body of a GET
    into a one-shot stream. A copy with a limit of 0 bytes shows whether it was.
    """
    return any(
        name.lower() in (b"content-length", b"transfer-encoding")
        for name, _ in request.headers.raw
    )


def all_rewindable(form: Any) -> bool:
    """Whether the form can be sent again: it seeks each file to its start by itself."""
    return all(map(rewindable, files_of(form)))


def files_of(form: Any) -> list[Any]:
    """Return the file objects in a form."""
    found = [field.file for field in form.fields if hasattr(field, "file")]
    return [file for file in found if not isinstance(file, (str, bytes))]


def is_chunks(body: object) -> bool:
    """Whether each iteration starts anew: bytes, or a list or tuple of bytes."""
    return isinstance(body, Sequence)


def rewindable(file: Any) -> bool:
    if not (hasattr(file, "read") and hasattr(file, "seek")):
        return False
    try:
        position = file.tell()
        seekable = getattr(file, "seekable", None)
        if seekable is not None:
            return bool(seekable())
        file.seek(position)
    except (AttributeError, OSError, ValueError, TypeError):
        return False
    return True
