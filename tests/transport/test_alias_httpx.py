"""Tests of the root package in a process where `import httpx` gives httpx2."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent
FILES = [
    "core/body/test_replay.py",
    "core/test_attempts.py",
    "layers/retry/test_flow.py",
    "layers/retry/test_policy.py",
    "layers/retry/test_sockets.py",
    "transport/test_inner.py",
]


@pytest.mark.skipif(
    "support.aliased" in sys.modules, reason="this is the process that the test starts"
)
def test_the_root_package_works_with_alias_httpx() -> None:
    command = [
        sys.executable, "-m", "pytest", "-q", "-x", "-p", "anyio", "-p", "support.aliased",
        "-k", "not other and not httpx2", *(str(TESTS / file) for file in FILES),
    ]  # fmt: skip
    # Plugins load before ours, and pytest-httpx would import the real httpx.
    environment = {
        **os.environ,
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONPATH": os.pathsep.join(
            [str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])]
        ),
    }
    done = subprocess.run(
        command,
        cwd=TESTS.parent,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
