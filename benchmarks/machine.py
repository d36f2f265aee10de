"""The facts to judge figures by: the date, the machine and the versions."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
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


def footer(report: Mapping[str, Any]) -> str:
    """Format the facts in two lines."""
    peers = ", ".join(f"{name} {report['packages'][name]}" for name in PEERS)
    return (
        f"{report['date']}, {report['python']}, {report['cores']} cores, loopback\n"
        f"{peers}".replace("pydantic-ai-slim", "pydantic-ai")
    )


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
