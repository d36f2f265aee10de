"""Header fields of resumable uploads, read strictly: what is malformed is absent."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, cast

from httpx_resilient._transfers.upload.state import Limits

_INTEGER = re.compile(r"(\d{1,18})(?:;.*)?", re.ASCII)
_KEY = re.compile(r"[\x21-\x2b\x2d-\x7e]+")
_LIMITS = ("max-size", "min-size", "max-append-size", "min-append-size", "max-age")


def integer(value: str | None) -> int | None:
    """Read a non-negative integer, with or without parameters (RFC 9651 §3.3.1)."""
    found = _INTEGER.fullmatch((value or "").strip())
    return int(found[1]) if found else None


def boolean(value: str | None) -> bool | None:
    """Read a boolean (RFC 9651 §3.3.6)."""
    return {"?1": True, "?0": False}.get((value or "").partition(";")[0].strip())


def limits(value: str | None) -> Limits | None:
    """
    Read `Upload-Limit`, a dictionary.

    A known key with a value that is no integer makes the whole field void (section
    4.1.4 of the draft). Unknown keys are ignored.
    """
    if value is None:
        return None
    from http_sf import parse  # noqa: PLC0415 - only the draft has this field

    try:
        found = cast("dict[str, Any]", parse(value.encode(), tltype="dictionary"))
    except ValueError:
        return None
    known = {name: found[name][0] for name in _LIMITS if name in found}
    if not all(type(each) is int and each >= 0 for each in known.values()):
        return None
    known.pop("max-age", None)
    return Limits(**{name.replace("-", "_"): size for name, size in known.items()})


def upload_metadata(given: Mapping[str, str | bytes]) -> str:
    """
    Write `Upload-Metadata` of tus: keys, and values in Base64.

    Raises:
        TypeError: It is not a dictionary of strings.
        ValueError: A key is empty, or has a character that it cannot have.
    """
    form = "metadata must be a dictionary such as {'filename': 'video.mp4'}"
    if not isinstance(given, Mapping):
        msg = f"{form}; got {type(given).__name__}"
        raise TypeError(msg)
    pairs: list[str] = []
    for key, value in cast("Mapping[object, object]", given).items():
        if not isinstance(key, str) or not isinstance(value, str | bytes):
            msg = f"{form}; got {type(key).__name__}: {type(value).__name__} in it"
            raise TypeError(msg)
        if not _KEY.fullmatch(key):
            msg = f"{form}; a key is ASCII without spaces and commas; got {key!r}"
            raise ValueError(msg)
        raw = value.encode() if isinstance(value, str) else value
        pairs.append(f"{key} {b64encode(raw).decode()}".rstrip())
    return ",".join(pairs)
