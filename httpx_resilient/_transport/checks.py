"""The checks of the options of a default inner transport, when they are given."""

from __future__ import annotations

from collections.abc import Collection
from errno import ENOENT
from importlib.util import find_spec
from inspect import signature
from pathlib import Path
from typing import Any

from httpx_resilient._core.family import Family
from httpx_resilient._core.unknown_options import unknown_options
from httpx_resilient._pool.limits import pool_limits
from httpx_resilient._pool.proxies import proxy_of


def check_known(layer: type, http: dict[str, Any], known: Collection[str]) -> None:
    """Refuse an option that a layer has not, with the name that it has here."""
    if unknown := http.keys() - known:
        own = list(signature(layer).parameters)
        own.remove("http")
        raise unknown_options(layer.__name__, unknown, own, known)


def check_options(family: Family, http: dict[str, Any]) -> None:
    """Refuse an option that the transport could not be made with."""
    limits = http.get("limits", family.limits)
    if not hasattr(limits, "max_connections"):
        msg = (
            f"limits must be a {family.name}.Limits, such as "
            f"{family.name}.Limits(max_connections=100); got {limits!r}"
        )
        raise TypeError(msg)
    if http.get("http2") and find_spec("h2") is None:
        msg = "http2=True needs the h2 package: pip install 'httpx_resilient[http2]'"
        raise ImportError(msg)
    wire = http.get("wire", True)
    if not isinstance(wire, bool):
        msg = f"wire is True or False; got {wire!r}"
        raise TypeError(msg)
    _check_files(http)
    pool_limits(limits, http)
    proxy = http.get("proxy")
    if proxy is not None and not isinstance(proxy, family.proxy):
        proxy_of("proxy", proxy, family)


def _check_files(http: dict[str, Any]) -> None:
    """Refuse a missing file as the stock transport does: when it is given."""
    _check_exists("verify", http.get("verify"))
    cert: Any = http.get("cert") or ()
    for given in [cert] if isinstance(cert, str) else cert[:2]:
        _check_exists("cert", given)


def _check_exists(option: str, given: object) -> None:
    if isinstance(given, str) and not Path(given).exists():
        problem = f"{option} names a file that does not exist"
        raise FileNotFoundError(ENOENT, problem, given)
