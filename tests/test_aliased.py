"""The root package, once more, in a process where `import httpx` gives httpx2."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.skipif(
    "aliased" in sys.modules, reason="this is the process it would start"
)
def test_everything_holds_under_alias_httpx() -> None:
    files = ["flow", "policy", "wire", "bodies", "default_inner", "history"]
    command = [
        sys.executable, "-m", "pytest", "-q", "-x", "-p", "anyio", "-p", "aliased",
        "-k", "not other and not httpx2", *(str(HERE / f"test_{name}.py") for name in files),
    ]  # fmt: skip
    # Plugins load before ours, and pytest-httpx would import the real httpx.
    environment = {
        **os.environ,
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONPATH": os.pathsep.join(
            [str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])]
        ),
    }
    done = subprocess.run(
        command,
        cwd=HERE.parent,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
