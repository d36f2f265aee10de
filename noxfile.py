"""
The checks of the project, a session for each.

    nox --list                 all sessions
    nox -s quick               the tests for the time between two edits
    nox --no-venv -s lint      with the tools of the active environment
    nox -s tests -- -k budget  what follows `--` goes to pytest

`.ci/run` runs these sessions, so each command stands here only.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import nox

nox.options.sessions = ["lint", "types", "contracts", "quick"]
nox.options.reuse_existing_virtualenvs = True

DEV = "requirements/dev.txt"
TESTS = "requirements/tests.txt"
BENCHMARKS = "requirements/benchmarks.txt"

EXTRAS = "httpx2,http2,socks,otel,prometheus,cli,plot"

DECISIONS = ["tests/core", "tests/layers/retry", "tests/stack", "tests/testing"]

ALONE = """
import httpx_resilient
with httpx_resilient.RetryingTransport() as transport:
    print(transport, httpx_resilient.__version__)
"""


def prepare(session: nox.Session, *requirements: str) -> None:
    """Install requirement files, unless the session runs in the active environment."""
    if session.venv_backend != "none":
        for path in requirements:
            session.install("--quiet", "-r", path)


def interpreter(session: nox.Session) -> str:
    """Return the Python of the session; with `--no-venv`, the one that runs nox."""
    if session.venv_backend == "none":
        return sys.executable
    return str(Path(session.bin, "python"))


def python(
    session: nox.Session, *arguments: str, env: dict[str, str] | None = None
) -> None:
    """Run the Python of the session."""
    session.run(interpreter(session), *arguments, env=env, external=True)


def pytest(session: nox.Session, *arguments: str) -> None:
    """Run pytest in parallel, with the arguments after `--`."""
    python(session, "-m", "pytest", "-n", "auto", *arguments, *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, formatting, spelling and `pyproject.toml`."""
    prepare(session, DEV)
    python(session, "-m", "ruff", "check", ".")
    python(session, "-m", "ruff", "format", "--check", ".")
    python(session, "-m", "codespell_lib")
    python(session, "-m", "validate_pyproject", "pyproject.toml")


@nox.session
def types(session: nox.Session) -> None:
    """Check types: mypy and pyright, both strict, and the mistakes that they refuse."""
    prepare(session, DEV, BENCHMARKS)
    python(session, "-m", "mypy")
    python(session, "-m", "pyright", "--pythonpath", interpreter(session))
    python(session, "-m", "pytest", "tests/typing", *session.posargs)


@nox.session
def contracts(session: nox.Session) -> None:
    """Check what the parts import from each other, and how long they are."""
    prepare(session, TESTS)
    lint_imports = str(Path(interpreter(session)).with_name("lint-imports"))
    session.run(lint_imports, "--no-cache", "--no-logo", external=True)
    python(session, "-m", "pytest", "tests/test_contracts.py", *session.posargs)


@nox.session
def quick(session: nox.Session) -> None:
    """Run the tests of every decision and flow; 90 seconds on two cores at most."""
    prepare(session, TESTS)
    pytest(session, "-m", "quick")


@nox.session(python=["3.12", "3.13", "3.14"])
def pythons(session: nox.Session) -> None:
    """Run what depends on the version of Python, with the others that are installed."""
    prepare(session, TESTS)
    pytest(session, "-m", "quick", *DECISIONS)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the whole suite, and require a branch coverage of 100 %."""
    prepare(session, TESTS)
    python(session, "-m", "coverage", "erase")
    arguments = ("-m", "pytest", "-n", "auto", *session.posargs)
    python(session, "-m", "coverage", "run", *arguments)
    python(session, "-m", "coverage", "combine", "--quiet")
    python(session, "-m", "coverage", "report")


@nox.session
def wire(session: nox.Session) -> None:
    """Run the tests that use sockets."""
    prepare(session, TESTS)
    pytest(session, "-m", "wire")


@nox.session
def servers(session: nox.Session) -> None:
    """Run the quick part of the tests against real servers that are installed."""
    prepare(session, TESTS)
    environments = str(Path(session.create_tmp()).resolve())
    arguments = ("--confcutdir=tests/servers", "--environments", environments)
    python(session, "-m", "pytest", *arguments, "tests/servers", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation site; a broken link or anchor is an error."""
    prepare(session, "requirements/docs.txt")
    python(session, "docs/builder")


@nox.session
def examples(session: nox.Session) -> None:
    """Run the examples, the blocks of the documents and those of the docstrings."""
    prepare(session, TESTS)
    pytest(session, "tests/docs", "tests/test_public_api.py")


@nox.session
def benchmarks(session: nox.Session) -> None:
    """Run every benchmark briefly, to see that it works."""
    prepare(session, BENCHMARKS)
    python(session, "-m", "benchmarks", "--quick", "--no-instructions")


@nox.session
def build(session: nox.Session) -> None:
    """Build the packages; use the wheel alone; require complete public types in it."""
    prepare(session, DEV)
    dist = Path(session.create_tmp()).resolve()
    for old in dist.glob("httpx_resilient-*"):
        old.unlink()
    python(session, "-m", "build", "--outdir", str(dist), ".")
    (wheel,) = dist.glob("*.whl")

    python(session, "-m", "venv", "--clear", str(dist / "wheel"))
    binaries = dist / "wheel" / ("Scripts" if os.name == "nt" else "bin")
    alone = str(binaries / "python")
    pip = (alone, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    session.run(*pip, str(wheel), external=True)
    with session.chdir(dist):
        session.run(alone, "-W", "error", "-c", ALONE, external=True)

    session.run(*pip, f"{wheel}[{EXTRAS}]", external=True)
    verify = ("--verifytypes", "httpx_resilient", "--ignoreexternal")
    # With --verifytypes, pyright ignores --pythonpath and uses the Python on the PATH.
    path = os.pathsep.join([str(binaries), os.environ["PATH"]])
    with session.chdir(dist):
        python(session, "-m", "pyright", *verify, env={"PATH": path})
