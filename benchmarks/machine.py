"""The facts to judge figures by: the date, the machine and the versions."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

PEERS = (
    "httpx",
    "httpx2",
    "httpx-retries",
    "pydantic-ai-slim",
    "stamina",
    "httpx-aiohttp",
    "pyreqwest",
    "aiohttp",
)
PACKAGES = (
    "httpx_resilient",
    "httpcore",
    "httpcore2",
    "h11",
    "anyio",
    "sniffio",  # without it, httpcore tries to import it several times per request
    "tenacity",
    "uvloop",
    *PEERS,
)


def facts() -> dict[str, Any]:
    """Return the facts of this run."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "machine": platform.machine(),
        "system": platform.system(),
        "cores": os.cpu_count(),
        "packages": {name: _version(name) for name in PACKAGES},
    }


def footer(report: Mapping[str, Any], clients: Iterable[str]) -> str:
    """Format the facts of these clients in two lines."""
    shown = set(clients)
    peers = ", ".join(
        f"{client} {report['packages'][package]}"
        for package in PEERS
        if (client := package.removesuffix("-slim")) in shown
    )
    return (
        f"{report['date']}, {report['python']}, {report['cores']} cores, loopback\n"
        f"{peers}"
    )


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
