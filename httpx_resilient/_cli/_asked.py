"""What is to be requested: checked before anything is sent, and never told."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import anyio.lowlevel
import httpx
import typer

from httpx_resilient._family import address

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)  # RFC 9110 §5.6.2
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_FORM = (b"Content-Type", b"application/x-www-form-urlencoded")


@dataclass(frozen=True, slots=True)
class Asked:
    """
    A request that somebody has described.

    Args:
        method: In capitals.
        url: Where to.
        headers: Names and values, in bytes.
        content: Its body, if there is one.
    """

    method: str
    url: httpx.URL
    headers: Sequence[tuple[bytes, bytes]]
    content: bytes | None = None

    def request(self, client: httpx.AsyncClient) -> httpx.Request:
        """Make it anew."""
        return client.build_request(
            self.method, self.url, headers=list(self.headers), content=self.content
        )

    @property
    def name(self) -> str:
        """Method, origin and path: all that may be told of it."""
        return f"{self.method} {address(httpx.Request(self.method, self.url))}"


def asked(
    url: str, method: str | None, headers: Sequence[str], data: str | None = None
) -> Asked:
    """
    Check what was typed.

    Args:
        url: With `http://` or `https://`.
        method: `GET` if there is none, or `POST` if there are data.
        headers: Each as `Name: value`.
        data: The body, or `@` and the name of a file, `-` for the standard input.

    Raises:
        BadParameter: Something of it cannot be sent. What it was is not repeated.
    """
    content = None if data is None else _content(data)
    fields = [_field(header) for header in headers]
    if content is not None and all(n.lower() != b"content-type" for n, _ in fields):
        fields.append(_FORM)
    method = method or ("GET" if content is None else "POST")
    if not _TOKEN.fullmatch(method):
        msg = "a method is a word such as GET"
        raise typer.BadParameter(msg, param_hint="--method")
    return Asked(method.upper(), _url(url), fields, content)


def _url(text: str) -> httpx.URL:
    try:
        url = httpx.URL(text)
        if url.scheme in {"http", "https"} and url.host:
            return url
    except (httpx.InvalidURL, UnicodeError):
        pass  # it tells parts of the URL, perhaps of a password
    msg = "write a whole URL, such as https://example.org/path"
    raise typer.BadParameter(msg, param_hint="URL")


def _field(text: str) -> tuple[bytes, bytes]:
    name, colon, value = text.partition(":")
    if not colon or not _TOKEN.fullmatch(name) or _CONTROL.search(value):
        msg = "write a name and a value, such as 'Accept: text/html'"
        raise typer.BadParameter(msg, param_hint="--header")
    return name.encode(), value.strip().encode()


def _content(data: str) -> bytes:
    if not data.startswith("@"):
        return data.encode()
    if data == "@-":
        return sys.stdin.buffer.read()
    try:
        return Path(data[1:]).read_bytes()
    except OSError as error:
        msg = f"that file cannot be read: {error.strerror}"
        raise typer.BadParameter(msg, param_hint="--data") from error


async def ready() -> None:
    """
    Load what the first connection needs, which else would seem to be the server's time.

    That is what httpx sends with, and of anyio what is for this event loop.
    """
    import_module("httpcore")
    await anyio.lowlevel.checkpoint()
