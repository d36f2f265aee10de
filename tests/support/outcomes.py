"""Outcomes that say nothing about a server."""

from __future__ import annotations

import ssl

import httpx

from httpx_resilient import CircuitOpen, RequestThrottled
from support.fake_io import Scripted


def refused_certificate() -> Exception:
    error = httpx.ConnectError("")
    error.__cause__ = ssl.SSLCertVerificationError()
    return error


NOT_OF_THE_SERVER: list[Scripted] = [
    httpx.PoolTimeout(""),
    httpx.LocalProtocolError(""),
    httpx.UnsupportedProtocol(""),
    httpx.ProxyError(""),
    RequestThrottled(""),
    CircuitOpen(""),
    ZeroDivisionError(),
    refused_certificate(),
]
