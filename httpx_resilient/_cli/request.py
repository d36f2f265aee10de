"""The request that arguments describe, checked before anything is sent."""

from __future__ import annotations

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

from httpx_resilient._cli.usage import ENVIRONMENT, usage_error
from httpx_resilient._core.origin import safe_url
from httpx_resilient._core.validation import TOKEN

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
"""What a header's value must not contain; a tab is allowed (RFC 9110 §5.5)."""

_MAX_PORT = 65535
_FORM = (b"Content-Type", b"application/x-www-form-urlencoded")


@dataclass(frozen=True, slots=True)
class RequestSpec:
    """
    A checked description of a request.

    Args:
        method: In capitals.
        url: An absolute URL of `http` or `https`.
        headers: Names and values, in bytes.
        content: The body, if there is one.
    """

    method: str
    url: httpx.URL
    headers: Sequence[tuple[bytes, bytes]]
    content: bytes | None = None

    def build(self, client: httpx.AsyncClient) -> httpx.Request:
        """Build a new request."""
        return client.build_request(
            self.method, self.url, headers=list(self.headers), content=self.content
        )

    @property
    def name(self) -> str:
        """Method, origin and path: the parts that are safe to print."""
        return f"{self.method} {safe_url(httpx.Request(self.method, self.url))}"


def parse_request(
    url: str,
    method: str | None,
    headers: Sequence[str] | None,
    data: str | None = None,
) -> RequestSpec:
    """
    Check the arguments that describe a request.

    Args:
        url: An absolute URL of `http` or `https`.
        method: By default `GET`, or `POST` with data.
        headers: Each as `Name: value`.
        data: The body, or `@` and a file name, of which `-` is standard input.

    Raises:
        BadParameter: An argument cannot be sent. The message does not repeat it, as it
            may contain a password.
    """
    content = None if data is None else _read_body(data)
    fields = [_parse_header(header) for header in headers or []]
    if content is not None and all(n.lower() != b"content-type" for n, _ in fields):
        fields.append(_FORM)
    method = method or ("GET" if content is None else "POST")
    if not TOKEN.fullmatch(method):
        problem = "must be the name of a method, such as GET"
        raise usage_error(problem, option="--method")
    return RequestSpec(method.upper(), _parse_url(url), fields, content)


def _parse_url(text: str) -> httpx.URL:
    try:
        url = httpx.URL(text)
        is_http = url.scheme in {"http", "https"} and url.host
        if is_http and (url.port or 0) <= _MAX_PORT:
            return url
    except (httpx.InvalidURL, UnicodeError):
        pass  # their messages quote parts of the URL, perhaps of a password
    problem = "must be an absolute URL, such as https://example.org/path"
    raise usage_error(problem, option="URL")


def _parse_header(text: str) -> tuple[bytes, bytes]:
    name, colon, value = text.partition(":")
    if not colon or not TOKEN.fullmatch(name) or _CONTROL.search(value):
        problem = "must be a name and a value, such as 'Accept: text/html'"
        raise usage_error(problem, option="--header")
    return name.encode(), value.strip().encode()


def _read_body(data: str) -> bytes:
    if not data.startswith("@"):
        return data.encode()
    if data == "@-":
        if (stdin := cast("TextIO | None", sys.stdin)) is None:
            problem = "standard input is closed"
            raise usage_error(problem, option="--data")
        return stdin.buffer.read()
    try:
        return Path(data[1:]).read_bytes()
    except OSError as error:
        problem = f"the file cannot be read: {error.strerror}"
        raise usage_error(problem, option="--data") from error


async def enter(client: httpx.AsyncClient, proxy: str | None = None) -> None:
    """
    Enter a client, and load what its first connection needs.

    Otherwise the times of the first request would include httpcore's import, the
    certificates, and anyio's backend for this event loop.

    Args:
        client: The client.
        proxy: The URL of its proxy, if that is not one of the environment.

    Raises:
        BadParameter: The certificates that the environment names cannot be read, or
            the package for its proxy is missing.
    """
    proxies = [proxy] if proxy else getproxies().values()
    is_socks = any(each.startswith("socks") for each in proxies)
    if is_socks and find_spec("socksio") is None:
        problem = "a SOCKS proxy needs socksio: pip install 'httpx_resilient[socks]'"
        raise usage_error(problem, option="--proxy" if proxy else ENVIRONMENT)
    import_module("httpcore")
    await anyio.lowlevel.checkpoint()
    try:
        await client.__aenter__()
    except OSError as error:
        problem = f"the certificates cannot be read: {error.strerror or error}"
        raise usage_error(problem, option="SSL_CERT_FILE") from error
