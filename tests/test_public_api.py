"""The names that are public, their types and their documentation."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import httpx2
import pytest
from support.world import LIBRARIES

import httpx_resilient
import httpx_resilient.httpx2
import httpx_resilient.testing
import httpx_resilient.testing.httpx2
from httpx_resilient import events, otel, prometheus
from httpx_resilient.otel import httpx2 as otel2

PACKAGE = Path(httpx_resilient.__file__).parent
RINGS = [
    path
    for path in PACKAGE.rglob("_*.py")
    # The command line is outside of all rings: it uses the library, as a program does.
    if path.name != "__init__.py" and path.parent.name != "_cli"
]
RINGS.append(PACKAGE / "prometheus.py")
DOCUMENTED = [
    (module, name)
    for module in (httpx_resilient, httpx_resilient.testing, events, otel, prometheus)
    for name in module.__all__
    if name != "Listener"  # an alias
]

OF_A_FAMILY = {
    "CircuitBreakingTransport",
    "CircuitOpen",
    "ConcurrencyLimitingTransport",
    "DeadlineExceeded",
    "DeadlineTransport",
    "FailoverTransport",
    "HedgingTransport",
    "PoolingTransport",
    "RateLimitExceeded",
    "RateLimitingTransport",
    "RequestThrottled",
    "RetryingTransport",
    "ThrottlingTransport",
    "standard_transport",
    "wrap",
}


def test_both_modules_have_the_same_names() -> None:
    assert httpx_resilient.__all__ == httpx_resilient.httpx2.__all__


@pytest.mark.parametrize("name", httpx_resilient.__all__)
def test_what_has_no_family_is_the_same_object_in_both(name: str) -> None:
    ours, theirs = getattr(httpx_resilient, name), getattr(httpx_resilient.httpx2, name)
    assert (ours is theirs) == (name not in OF_A_FAMILY)


@pytest.mark.parametrize("module", [httpx_resilient, httpx_resilient.httpx2])
def test_all_public_members_are_in_all(module: ModuleType) -> None:
    public = {name for name in vars(module) if not name.startswith("_")}
    imported = {
        "annotations",
        "Any",
        "Callable",
        "CircuitBreaking",
        "ClassVar",
        "ClientT",
        "ConcurrencyLimiting",
        "DeadlineLayer",
        "FailingOver",
        "TYPE_CHECKING",
        "TypeVar",
        "Unpack",
        "Family",
        "Hedging",
        "events",
        "Kinds",
        "Layers",
        "otel",
        "Pooling",
        "prometheus",
        "RateLimitingLayer",
        "Retrying",
        "Throttling",
        "httpx",
        "httpx2",
        "standard",
        "testing",
        "wrapped",
    }
    assert public - imported == set(module.__all__)


@pytest.mark.parametrize(("module", "name"), DOCUMENTED)
def test_every_public_name_has_an_example_that_runs(
    module: ModuleType, name: str
) -> None:
    text = inspect.getdoc(getattr(module, name)) or ""
    request = httpx.Request("GET", "https://api.example.com/?secret=1")
    known = {**vars(httpx_resilient), **vars(module), "request": request}
    test = doctest.DocTestParser().get_doctest(text, known, name, None, None)
    assert test.examples
    assert doctest.DocTestRunner().run(test).failed == 0


@pytest.mark.parametrize(
    ("extra", "package"),
    [("otel", "opentelemetry"), ("prometheus", "prometheus_client")],
)
def test_what_an_extra_brings_is_missed_by_its_name(
    monkeypatch: pytest.MonkeyPatch, extra: str, package: str
) -> None:
    for name in [*sys.modules]:
        if name.startswith((package, f"httpx_resilient.{extra}")):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=rf"httpx_resilient\[{extra}\]"):
        importlib.import_module(f"httpx_resilient.{extra}")


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_transport_is_what_its_client_asks_for(library: str) -> None:
    module, ours = LIBRARIES[library]
    assert issubclass(ours.RetryingTransport, (module.AsyncBaseTransport))
    assert issubclass(ours.RetryingTransport, (module.BaseTransport))


def test_the_httpx2_transport_has_nothing_of_httpx() -> None:
    """SDKs look through the bases and refuse such a transport."""
    for kind in (
        httpx_resilient.httpx2.RetryingTransport,
        httpx_resilient.testing.httpx2.FaultInjectingTransport,
        otel2.TracingTransport,
    ):
        bases = kind.__mro__
        homes = {base.__module__.partition(".")[0] for base in bases}
        assert "httpx" not in homes
        assert httpx.AsyncBaseTransport not in bases
        assert httpx2.AsyncBaseTransport in bases


@pytest.mark.parametrize("path", RINGS, ids=lambda path: path.name)
def test_the_inner_rings_import_neither_library(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [str(node.module)]
        roots = {name.partition(".")[0] for name in names}
        assert not roots & {"httpx", "httpx2", "httpcore", "httpcore2"}


@pytest.mark.parametrize("module", ["httpx_resilient", "httpx_resilient.testing"])
def test_it_needs_neither_httpx2_nor_pytest(module: str) -> None:
    absent = "sys.modules['httpx2'] = sys.modules['pytest'] = None"
    code = f"import sys; {absent}; import {module}"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_both_modules_for_testing_have_the_same_names() -> None:
    testing = httpx_resilient.testing
    assert testing.__all__ == testing.httpx2.__all__
    for name in testing.__all__:
        same = getattr(testing, name) is getattr(testing.httpx2, name)
        assert same == (name != "FaultInjectingTransport")


def test_the_version_is_the_changelogs() -> None:
    changelog = PACKAGE.parent / "CHANGELOG.md"
    assert f"## [{httpx_resilient.__version__}]" in changelog.read_text()


def test_the_signature_tells_the_defaults() -> None:
    parameters: Any = inspect.signature(httpx_resilient.RetryingTransport).parameters
    assert list(parameters) == [
        "inner", "retry", "wait", "stop", "before_sleep", "buffer_request_body",
        "budget", "on_event", "http",
    ]  # fmt: skip
    assert parameters["stop"].default.max_attempt_number == 3
