"""The name of a file that a server suggests, made safe: it stays in its directory."""

from __future__ import annotations

import re
from urllib.parse import unquote

import httpx

FALLBACK = "download"
"""The name without any suggestion."""

_EXTENDED = re.compile(r"filename\*\s*=\s*([\w-]+)'[^']*'([^;\s]+)", re.IGNORECASE)
_QUOTED = re.compile(r'(?<![\w*])filename\s*=\s*"((?:[^"\\]|\\.)*)"', re.IGNORECASE)
_TOKEN = re.compile(r'(?<![\w*])filename\s*=\s*([^";\s]+)', re.IGNORECASE)
_REPLACED = re.compile(
    r'[<>:"|?*\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]'
)
"""What systems forbid, control characters, and those that reverse a shown text."""

_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
"""Names that Windows takes for devices."""

_LONGEST = 200
"""Bytes. File systems allow 255, of which `.part.json.new` needs some."""


def file_name(response: httpx.Response, url: httpx.URL) -> str:
    """
    Choose the name of a file: that of `Content-Disposition`, or of the URL.

    Args:
        response: The first response.
        url: The URL that the user has given, not one of a redirect.
    """
    suggested = _suggested(response.headers.get("content-disposition", ""))
    of_url = unquote(url.raw_path.partition(b"?")[0].decode("ascii")).rpartition("/")[2]
    return safe_name(suggested) or safe_name(of_url) or FALLBACK


def safe_name(text: str) -> str:
    """
    Make a name that stays in its directory, and is no hidden file.

    Returns:
        The last part of a path, of Unix or of Windows; empty if nothing is left.
    """
    last = re.split(r"[/\\]", text)[-1]
    plain = _REPLACED.sub("_", last).strip(" .")
    if _DEVICES.fullmatch(plain):
        plain = f"_{plain}"
    while len(plain.encode("utf-8", "replace")) > _LONGEST:
        stem, dot, ending = plain.rpartition(".")
        plain = f"{stem[:-1]}{dot}{ending}" if stem else plain[:-1]
    return plain.encode("utf-8", "replace").decode()


def _suggested(disposition: str) -> str:
    """Read `Content-Disposition` (RFC 6266): the extended form comes first."""
    if found := _EXTENDED.search(disposition):
        try:
            return unquote(found[2], encoding=found[1], errors="strict")
        except (LookupError, UnicodeDecodeError):
            pass
    if found := _QUOTED.search(disposition):
        return re.sub(r"\\(.)", r"\1", found[1])
    found = _TOKEN.search(disposition)
    return found[1] if found else ""
