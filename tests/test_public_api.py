"""The names that are public, their types and their documentation."""

from __future__ import annotations

import ast
import copy
import doctest
import importlib
import inspect
import pickle
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
from httpx_resilient import events, otel, prometheus, simulation
from httpx_resilient.otel import httpx2 as otel2

BINDINGS = [httpx_resilient, httpx_resilient.httpx2]
PACKAGE = Path(httpx_resilient.__file__).parent
DOCUMENTED = [
    (module, name)
    for module in (
        httpx_resilient,
        httpx_resilient.testing,
        events,
        otel,
        prometheus,
        simulation,
    )
    for name in module.__all__
    if name != "Listener"  # an alias has neither a docstring nor a module
]

OF_A_LIBRARY = {
    "ChecksumMismatch",
    "CircuitBreakingTransport",
    "CircuitOpen",
    "ConcurrencyLimitingTransport",
    "ContentChanged",
    "CredentialsTransport",
    "CredentialsUnavailable",
    "DeadlineExceeded",
    "DeadlineTransport",
    "DownloadError",
    "EventStreamTransport",
    "FailoverTransport",
    "FaultInjectingTransport",
    "HedgingTransport",
    "PoolingTransport",
    "RateLimitExceeded",
    "RateLimitingTransport",
    "RequestThrottled",
    "ResilientTransport",
    "ResumingTransport",
    "RetryingTransport",
    "StageTransport",
    "ThrottlingTransport",
    "TracingTransport",
    "download",
    "UploadError",
    "standard_transport",
    "upload",
    "wrap",
}
"""The names that stand for a class or a function of its own in each binding."""


def names_of(module: Any) -> list[Any]:
    return [
        pytest.param(module, name, id=f"{module.__name__}.{name}")
        for name in module.__all__
        if name != "Listener"
    ]


# Names.


def test_both_bindings_have_the_same_names() -> None:
    assert httpx_resilient.__all__ == httpx_resilient.httpx2.__all__


@pytest.mark.parametrize("name", httpx_resilient.__all__)
def test_a_name_that_depends_on_no_library_is_one_object_in_both_bindings(
    name: str,
) -> None:
    ours, theirs = (getattr(binding, name) for binding in BINDINGS)
    assert (ours is theirs) == (name not in OF_A_LIBRARY)


def test_both_modules_for_testing_have_the_same_names() -> None:
    testing = httpx_resilient.testing
    assert testing.__all__ == testing.httpx2.__all__
    for name in testing.__all__:
        same = getattr(testing, name) is getattr(testing.httpx2, name)
        assert same == (name not in OF_A_LIBRARY)


@pytest.mark.parametrize("binding", BINDINGS)
def test_a_binding_has_no_public_attribute_that_is_not_in_all(
    binding: ModuleType,
) -> None:
    public = {
        name
        for name in dir(binding)
        if not name.startswith("_")
        and not isinstance(getattr(binding, name), ModuleType)
    }
    assert public - {"annotations", "TYPE_CHECKING", "bind"} == set(binding.__all__)


@pytest.mark.parametrize(
    ("module", "name"),
    [
        *names_of(httpx_resilient),
        *names_of(httpx_resilient.httpx2),
        *names_of(httpx_resilient.testing),
        *names_of(httpx_resilient.testing.httpx2),
        *names_of(events),
        *names_of(otel),
        *names_of(otel2),
        *names_of(prometheus),
        *names_of(simulation),
    ],
)
def test_a_public_object_has_the_module_that_exports_it(
    module: ModuleType, name: str
) -> None:
    home = module.__name__
    if name not in OF_A_LIBRARY:
        home = home.removesuffix(".httpx2")
    exported = getattr(module, name)
    assert (exported.__module__, exported.__qualname__) == (home, name)


def test_a_repr_shows_the_path_that_users_import() -> None:
    kinds = [httpx_resilient.RetryingTransport, httpx_resilient.Attempt]
    assert [repr(kind) for kind in kinds] == [
        "<class 'httpx_resilient.RetryingTransport'>",
        "<class 'httpx_resilient.Attempt'>",
    ]


@pytest.mark.parametrize(("module", "name"), DOCUMENTED)
def test_a_public_object_is_pickled_by_its_name(module: ModuleType, name: str) -> None:
    exported = getattr(module, name)
    assert pickle.loads(pickle.dumps(exported)) is exported


VALUES: list[Any] = [
    httpx_resilient.Attempt(1, 503, "503", wait=0.2, duration=0.01),
    httpx_resilient.CircuitState("open", retry_after=1.0),
    httpx_resilient.ConcurrencyState(1, 2, 3),
    httpx_resilient.PoolStats(
        active=1, idle=2, waiting=3, opened=4, reused=5, retired=6
    ),
    httpx_resilient.RetryOptions(buffer_request_body=100),
    httpx_resilient.retry_if_status(429),
    httpx_resilient.CircuitOpen("refused", retry_after=2.0),
    httpx_resilient.httpx2.DeadlineExceeded("late"),
    httpx_resilient.Download(Path("big.iso"), 300),
    httpx_resilient.DownloadBreak(300, "ReadError", "ETag", 0.0),
    httpx_resilient.DownloadError("broken", received=300),
    httpx_resilient.BodyHints(retry_after=1.0),
    events.RetryScheduled(httpx.Request("GET", "https://example.org"), 1, "503", 0.2),
    events.OriginDown("https://example.org", "503"),
    simulation.Server(300, outages=[simulation.Outage(60, 90)]),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_value_can_be_copied_and_pickled(value: Any) -> None:
    for other in (copy.copy(value), pickle.loads(pickle.dumps(value))):
        assert type(other) is type(value)
        assert content(other) == content(value)


def content(value: Any) -> Any:
    return getattr(value, "__dict__", None) or repr(value)


@pytest.mark.parametrize(
    ("extra", "package"),
    [("otel", "opentelemetry"), ("prometheus", "prometheus_client")],
)
def test_the_error_for_a_missing_package_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, extra: str, package: str
) -> None:
    for name in [*sys.modules]:
        if name.startswith((package, f"httpx_resilient.{extra}")):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=rf"httpx_resilient\[{extra}\]"):
        importlib.import_module(f"httpx_resilient.{extra}")


@pytest.mark.parametrize("module", ["httpx_resilient", "httpx_resilient.testing"])
def test_neither_httpx2_nor_pytest_is_required(module: str) -> None:
    absent = "sys.modules['httpx2'] = sys.modules['pytest'] = None"
    code = f"import sys; {absent}; from {module} import *"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_the_version_is_the_one_of_the_changelog() -> None:
    changelog = PACKAGE.parent / "CHANGELOG.md"
    assert f"## [{httpx_resilient.__version__}]" in changelog.read_text()


PRIVATE = [
    path
    for path in PACKAGE.rglob("*.py")
    if "_" in {part[0] for part in path.relative_to(PACKAGE).parts}
    and path.name not in {"__init__.py", "__main__.py"}
    and path.parent.name != "_cli"  # it uses the library as a program does
]


@pytest.mark.parametrize(
    "path",
    [*PRIVATE, PACKAGE / "events.py", PACKAGE / "prometheus.py"],
    ids=lambda path: str(path.relative_to(PACKAGE)),
)
def test_a_module_that_is_not_a_binding_imports_no_http_library(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [str(node.module)]
        roots = {name.partition(".")[0] for name in names}
        assert not roots & {"httpx", "httpx2", "httpcore", "httpcore2"}


# Types.


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_transport_is_an_instance_of_the_bases_of_both_clients(library: str) -> None:
    module, ours = LIBRARIES[library]
    assert issubclass(ours.RetryingTransport, module.AsyncBaseTransport)
    assert issubclass(ours.RetryingTransport, module.BaseTransport)


def test_a_transport_of_httpx2_has_no_base_of_httpx() -> None:
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


def parameters_of(function: Any) -> Any:
    return inspect.signature(function).parameters


def test_the_signature_of_a_transport_shows_the_defaults() -> None:
    parameters = parameters_of(httpx_resilient.RetryingTransport)
    assert list(parameters) == [
        "inner", "retry", "wait", "stop", "before_sleep", "buffer_request_body",
        "budget", "body_hints", "retry_response_body", "complete",
        "idempotency_header", "idempotency_key", "on_event", "http",
    ]  # fmt: skip
    assert parameters["stop"].default.max_attempt_number == 3


@pytest.mark.parametrize("binding", BINDINGS)
def test_the_signature_of_standard_transport_shows_the_defaults(binding: Any) -> None:
    parameters = parameters_of(binding.standard_transport)
    defaults = {name: each.default for name, each in parameters.items()}
    assert defaults.pop("http") is inspect.Parameter.empty
    assert defaults == {
        "inner": None, "deadline": 30.0, "resume": False, "retry": True, "budget": True,
        "failover": None, "hedging": False, "credentials": None, "throttle": False, "breaker": True,
        "rate_limit": True, "concurrency": False, "attempt": 10.0, "key": None,
        "idempotency_header": None, "idempotency_key": False, "on_event": None,
    }  # fmt: skip


@pytest.mark.parametrize("binding", BINDINGS)
def test_the_signature_of_wrap_shows_its_parameters(binding: Any) -> None:
    assert list(parameters_of(binding.wrap)) == ["client", "layer"]


# Documentation.


@pytest.mark.parametrize(("module", "name"), DOCUMENTED)
def test_every_public_name_has_an_example_that_runs(
    module: ModuleType, name: str
) -> None:
    text = inspect.getdoc(getattr(module, name)) or ""
    request = httpx.Request("GET", "https://api.example.com/?secret=1")
    known = {each: getattr(httpx_resilient, each) for each in httpx_resilient.__all__}
    known |= {**vars(module), "request": request}
    test = doctest.DocTestParser().get_doctest(text, known, name, None, None)
    assert test.examples
    assert doctest.DocTestRunner().run(test).failed == 0


def test_doctest_finds_the_examples_of_names_that_are_not_loaded() -> None:
    code = (
        "import doctest, httpx_resilient as module\n"
        "found = {test.docstring for test in doctest.DocTestFinder().find(module)}\n"
        "print(*(n for n in module.__all__ if getattr(module, n).__doc__ in found))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    assert done.stdout.split() == httpx_resilient.__all__
    assert [*httpx_resilient.__test__] == httpx_resilient.__all__
