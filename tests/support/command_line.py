"""The command line, run in this process or in one of its own."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

import httpx_resilient
from httpx_resilient._cli.app import app

ROOT = Path(httpx_resilient.__file__).parent.parent

NOW = ("--wait", "0")
"""For tests in which the time of a retry does not matter."""


def run(*arguments: str, **options: Any) -> Result:
    return CliRunner().invoke(app, arguments, catch_exceptions=False, **options)


def get(*arguments: str, **options: Any) -> Result:
    return run("get", *arguments, *NOW, **options)


def check(*arguments: str) -> Result:
    return run("check", *arguments, *NOW)


def explain(*arguments: str) -> Result:
    return run("explain", *arguments)


def simulate(*arguments: str) -> Result:
    return run("simulate", *arguments)


def document_of(result: Result) -> Any:
    return json.loads(result.stdout)


def lines_of(text: str) -> list[str]:
    """Split a text into lines, with `N` for each number of seconds."""
    return [re.sub(r"\d[\d.e-]* s\b", "N s", line) for line in text.splitlines()]


def python(*arguments: str, **options: Any) -> subprocess.Popen[str]:
    """Start the command line in a process of its own, where warnings are errors."""
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "httpx_resilient", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )
