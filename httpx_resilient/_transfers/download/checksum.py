"""Checksums of whole files: those of a user, and those that servers send (RFC 9530)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

_ALGORITHMS = {
    "md5": ("md5", 16),
    "sha": ("sha1", 20),
    "sha1": ("sha1", 20),
    "sha224": ("sha224", 28),
    "sha256": ("sha256", 32),
    "sha384": ("sha384", 48),
    "sha512": ("sha512", 64),
}
"""Names without hyphens → the name in `hashlib`, and the bytes of a value."""

_OF_SERVERS = ("sha-512", "sha-256")
"""The algorithms that RFC 9530 (section 5) calls active; the better one first."""

_FORM = re.compile(r"([A-Za-z0-9_-]+)[=:](.+)", re.DOTALL)
_EXAMPLE = "sha-256=9f86d081... in hexadecimal or in base64"


@dataclass(frozen=True, slots=True)
class Checksum:
    """
    What the whole file must have.

    Args:
        algorithm: The name in `hashlib`.
        value: The digest.
        source: Who says so: `the user`, or the name of a header.
    """

    algorithm: str
    value: bytes
    source: str = field(default="the user", compare=False)

    def __str__(self) -> str:
        return shown(self.algorithm, self.value)

    def found_in(self, path: Path) -> bytes:
        """Return the digest that a file has."""
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, self._hash)
        return digest.digest()

    def is_equal(self, found: bytes) -> bool:
        """Whether a file with this digest is the right one."""
        return hmac.compare_digest(self.value, found)

    def _hash(self) -> Any:
        # A check of transport errors; a FIPS build refuses MD5 for other purposes.
        return hashlib.new(self.algorithm, usedforsecurity=False)


def shown(algorithm: str, value: bytes) -> str:
    """Write a checksum as a user may give it."""
    return f"{algorithm.replace('sha', 'sha-')}={value.hex()}"


def parse_checksum(given: object) -> Checksum | None:
    """
    Read the checksum that a user gives.

    Args:
        given: An algorithm and a value: `sha-256=` or `sha256:` and hexadecimal digits,
            base64, or the bytes of a structured field, `:...:`. `None` for none.

    Raises:
        TypeError: It is no string.
        ValueError: It is no checksum.
    """
    if given is None:
        return None
    if not isinstance(given, str):
        msg = f"checksum must be a string, such as {_EXAMPLE}; got {given!r}"
        raise TypeError(msg)
    form = _FORM.fullmatch(given.strip())
    if form is None:
        msg = (
            f"checksum has an algorithm and a value, such as {_EXAMPLE}; got {given!r}"
        )
        raise ValueError(msg)
    name = form[1].lower().replace("-", "").replace("_", "")
    if name not in _ALGORITHMS:
        known = ", ".join(sorted(_ALGORITHMS))
        msg = f"checksum has an unknown algorithm {form[1]!r}; choose from {known}"
        raise ValueError(msg)
    algorithm, size = _ALGORITHMS[name]
    value = _bytes_of(form[2].strip(), size)
    if value is None:
        msg = (
            f"a checksum by {form[1]} has {size} bytes: {2 * size} hexadecimal digits, "
            f"or base64; got {form[2]!r}"
        )
        raise ValueError(msg)
    return Checksum(algorithm, value)


def _bytes_of(text: str, size: int) -> bytes | None:
    if len(text) == 2 * size:
        try:
            return bytes.fromhex(text)
        except ValueError:
            return None
    try:
        value = base64.b64decode(text.strip(":"), validate=True)
    except (binascii.Error, ValueError):
        return None
    return value if len(value) == size else None


def checksum_in(headers: Mapping[str, str], *, whole: bool) -> Checksum | None:
    """
    Return the checksum of the whole file that a response tells.

    Args:
        headers: Those of the response. Its body has no content coding: with one, these
            fields would tell of the coded bytes.
        whole: Whether the body is the whole file. Then `Content-Digest` tells of it,
            too.

    Returns:
        The best of those that RFC 9530 does not call insecure. A malformed field is
        ignored.
    """
    for name in ("repr-digest", *(["content-digest"] if whole else [])):
        field = headers.get(name)
        if field is None:
            continue
        from http_sf import parse  # noqa: PLC0415 - few servers send these fields

        try:
            digests = cast("dict[str, Any]", parse(field.encode(), tltype="dictionary"))
        except ValueError:
            continue
        for known in _OF_SERVERS:
            value = digests.get(known, (None, {}))[0]
            algorithm, size = _ALGORITHMS[known.replace("-", "")]
            if isinstance(value, bytes) and len(value) == size:
                source = "-".join(each.capitalize() for each in name.split("-"))
                return Checksum(algorithm, value, source)
    return None
