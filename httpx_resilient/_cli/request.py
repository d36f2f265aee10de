"""What is to be requested: checked before anything is sent, and never told."""

from __future__ import annotations

import errno
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TextIO, cast
from urllib.request import getproxies

import anyio.lowlevel
import httpx
import typer

from httpx_resilient._core.origin import safe_url
from httpx_resilient._core.validation import TOKEN

STDOUT = "-"
"""What is written instead of the name of a file."""

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_LAST_PORT = 65535
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
        return f"{self.method} {safe_url(httpx.Request(self.method, self.url))}"


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
    if not TOKEN.fullmatch(method):
        msg = "a method is a word such as GET"
        raise typer.BadParameter(msg, param_hint="--method")
    return Asked(method.upper(), _url(url), fields, content)


def _url(text: str) -> httpx.URL:
    try:
        url = httpx.URL(text)
        if (
            url.scheme in {"http", "https"}
            and url.host
            and (url.port or 0) <= _LAST_PORT
        ):
            return url
    except (httpx.InvalidURL, UnicodeError):
        pass  # it tells parts of the URL, perhaps of a password
    msg = "write a whole URL, such as https://example.org/path"
    raise typer.BadParameter(msg, param_hint="URL")


def _field(text: str) -> tuple[bytes, bytes]:
    name, colon, value = text.partition(":")
    if not colon or not TOKEN.fullmatch(name) or _CONTROL.search(value):
        msg = "write a name and a value, such as 'Accept: text/html'"
        raise typer.BadParameter(msg, param_hint="--header")
    return name.encode(), value.strip().encode()


def _content(data: str) -> bytes:
    if not data.startswith("@"):
        return data.encode()
    if data == "@-":
        if (stdin := cast("TextIO | None", sys.stdin)) is None:
            msg = "there is no standard input"
            raise typer.BadParameter(msg, param_hint="--data")
        return stdin.buffer.read()
    try:
        return Path(data[1:]).read_bytes()
    except OSError as error:
        msg = f"that file cannot be read: {error.strerror}"
        raise typer.BadParameter(msg, param_hint="--data") from error


def check_output(output: str | None) -> None:
    """
    Look before anything is sent whether a body has where to go.

    Raises:
        BadParameter: It has not.
    """
    if output is None or output == STDOUT:
        return
    path = Path(output)
    problem = errno.EISDIR if path.is_dir() else 0
    if not path.parent.is_dir():
        problem = errno.ENOENT
    elif not problem and not os.access(path if path.exists() else path.parent, os.W_OK):
        problem = errno.EACCES
    if problem:
        msg = f"that file cannot be written: {os.strerror(problem)}"
        raise typer.BadParameter(msg, param_hint="--output")


async def ready(client: httpx.AsyncClient) -> None:
    """
    Open a client, and load what its first connection needs.

    Else that would seem to be the server's time: what httpx sends with, the
    certificates, and of anyio what is for this event loop.

    Raises:
        BadParameter: The certificates that the environment names cannot be read, or
            the package for its proxy is missing.
    """
    is_socks = any(each.startswith("socks") for each in getproxies().values())
    if is_socks and find_spec("socksio") is None:
        msg = "a SOCKS proxy needs: pip install 'httpx_resilient[socks]'"
        raise typer.BadParameter(msg, param_hint="the environment")
    import_module("httpcore")
    await anyio.lowlevel.checkpoint()
    try:
        await client.__aenter__()
    except OSError as error:
        msg = f"the certificates cannot be read: {error.strerror or error}"
        raise typer.BadParameter(msg, param_hint="SSL_CERT_FILE") from error
