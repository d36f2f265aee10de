"""A module that needs an extra says which one, if its package is missing."""

from __future__ import annotations

import subprocess
import sys

import pytest

EXTRAS = {
    "httpx_resilient.httpx2": ("httpx2", "httpx2"),
    "httpx_resilient.testing.httpx2": ("httpx2", "httpx2"),
    "httpx_resilient.otel.httpx2": ("httpx2", "httpx2"),
    "httpx_resilient.otel": ("opentelemetry", "otel"),
    "httpx_resilient.prometheus": ("prometheus_client", "prometheus"),
}

PROGRAM = """
import sys
sys.modules[{package!r}] = None
try:
    import {module}
except ImportError as error:
    print(error)
"""


@pytest.mark.parametrize("module", EXTRAS)
def test_a_module_without_its_package_says_what_to_install(module: str) -> None:
    package, extra = EXTRAS[module]
    program = PROGRAM.format(module=module, package=package)
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert f"pip install 'httpx_resilient[{extra}]'" in found.stdout
