"""The clients that are compared."""

from __future__ import annotations

import importlib.util
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import httpx

from servers.base import NotInstalled

TIMEOUT = 10.0


@dataclass(frozen=True)
class Client:
    name: str
    make: Callable[[ssl.SSLContext, bool], Any]
    """Make an asynchronous client of a context of TLS, with HTTP/2 or without."""

    needs: tuple[str, ...]
    ours: bool = False

    def check(self) -> None:
        for package in self.needs:
            if importlib.util.find_spec(package.replace("-", "_")) is None:
                msg = f"{package} is not installed: pip install {package}"
                raise NotInstalled(msg)

    def versions(self) -> dict[str, str]:
        return {package: version(package) for package in self.needs}


def stock(library: Any) -> Callable[[ssl.SSLContext, bool], Any]:
    return lambda tls, http2: library.AsyncClient(
        verify=tls, http2=http2, timeout=TIMEOUT, trust_env=False
    )


def httpx_client(tls: ssl.SSLContext, http2: bool) -> Any:
    return stock(httpx)(tls, http2)


def httpx2_client(tls: ssl.SSLContext, http2: bool) -> Any:
    import httpx2

    return stock(httpx2)(tls, http2)


def ours_on_httpx(tls: ssl.SSLContext, http2: bool) -> Any:
    import httpx_resilient

    transport = httpx_resilient.RetryingTransport(
        verify=tls, http2=http2, trust_env=False
    )
    return httpx.AsyncClient(transport=transport, timeout=TIMEOUT)


def ours_on_httpx2(tls: ssl.SSLContext, http2: bool) -> Any:
    import httpx2

    import httpx_resilient.httpx2

    transport = httpx_resilient.httpx2.RetryingTransport(
        verify=tls, http2=http2, trust_env=False
    )
    return httpx2.AsyncClient(transport=transport, timeout=TIMEOUT)


def httpx_retries_client(tls: ssl.SSLContext, http2: bool) -> Any:
    from httpx_retries import RetryTransport

    inner = httpx.AsyncHTTPTransport(verify=tls, http2=http2, trust_env=False)
    return httpx.AsyncClient(transport=RetryTransport(inner), timeout=TIMEOUT)


CLIENTS = [
    Client("httpx", httpx_client, ("httpx",)),
    Client("httpx2", httpx2_client, ("httpx2",)),
    Client("ours", ours_on_httpx, ("httpx",), ours=True),
    Client("ours-httpx2", ours_on_httpx2, ("httpx2",), ours=True),
    Client("httpx-retries", httpx_retries_client, ("httpx-retries",)),
]
