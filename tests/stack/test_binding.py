"""The bindings: their declarations match the classes at run time; names load alone."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import httpx2
import pytest

import httpx_resilient
import httpx_resilient.httpx2
from httpx_resilient._stack import generic, shared

BINDINGS = [(httpx_resilient, httpx), (httpx_resilient.httpx2, httpx2)]


def declared_in(module: ModuleType) -> list[ast.stmt]:
    """The statements that only type checkers read."""
    tree = ast.parse(source_of(module))
    (block,) = (each for each in tree.body if isinstance(each, ast.If))
    assert ast.unparse(block.test) == "TYPE_CHECKING"
    return block.body


def source_of(module: ModuleType) -> str:
    return Path(str(module.__file__)).read_text()


def run(code: str) -> list[str]:
    """Run a program in a process of its own, and split its output."""
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    return done.stdout.split()


# Declarations.


@pytest.mark.parametrize("module", [generic, shared])
def test_a_name_is_loaded_from_the_module_that_type_checkers_are_shown(
    module: ModuleType,
) -> None:
    declared = {
        alias.name: statement.module
        for statement in declared_in(module)
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
    }
    assert sorted(declared) == sorted(module.__all__)
    for name, home in declared.items():
        assert getattr(module, name) is getattr(sys.modules[str(home)], name)


@pytest.mark.parametrize(("binding", "library"), BINDINGS)
def test_a_binding_declares_every_name_that_depends_on_its_library(
    binding: ModuleType, library: ModuleType
) -> None:
    declared = set()
    for statement in declared_in(binding):
        if isinstance(statement, ast.ClassDef):
            declared.add(statement.name)
        elif isinstance(statement, ast.Assign):
            declared.add(ast.unparse(statement.targets[0]))
        elif isinstance(statement, ast.AnnAssign):
            declared.add(ast.unparse(statement.target))
    public = {name for name in declared if not name.startswith("_")}
    assert public == set(binding.__all__) - set(shared.__all__)


@pytest.mark.parametrize(("binding", "library"), BINDINGS)
def test_a_class_has_the_bases_that_type_checkers_are_shown(
    binding: Any, library: Any
) -> None:
    known = {**vars(library), library.__name__: library, "generic": generic}
    for statement in declared_in(binding):
        if isinstance(statement, ast.ClassDef) and statement.name in binding.__all__:
            bases = [re.sub(r"\[.*", "", ast.unparse(b)) for b in statement.bases]
            known["ResilientTransport"] = binding.ResilientTransport
            expected = tuple(eval(base, known) for base in bases)
            known[statement.name] = getattr(binding, statement.name)
            assert known[statement.name].__bases__ == expected


def test_the_bindings_differ_in_the_library_only() -> None:
    ours, theirs = (
        [ast.unparse(each) for each in declared_in(binding)] for binding, _ in BINDINGS
    )
    renamed = [re.sub(r"\bhttpx\b", "httpx2", each) for each in ours]
    assert set(renamed) - set(theirs) == {"import httpx2"}  # there it runs, too
    assert set(theirs) <= set(renamed)


# Loading.


@pytest.mark.parametrize(("binding", "library"), BINDINGS)
def test_an_unknown_attribute_is_named_in_the_error(
    binding: ModuleType, library: ModuleType
) -> None:
    expected = f"module '{binding.__name__}' has no attribute 'RetryTransport'"
    with pytest.raises(AttributeError, match=re.escape(expected)):
        binding.RetryTransport  # noqa: B018 - reading the attribute is the test


@pytest.mark.parametrize("module", [generic, shared])
def test_a_private_module_has_no_other_attributes_either(module: ModuleType) -> None:
    with pytest.raises(AttributeError, match="has no attribute 'RetryTransport'"):
        module.RetryTransport  # noqa: B018 - reading the attribute is the test


def test_dir_lists_names_that_are_not_loaded() -> None:
    listed = run("import httpx_resilient; print(*dir(httpx_resilient))")
    assert set(listed) >= {*httpx_resilient.__all__, "__version__"}


def test_a_star_imports_every_name() -> None:
    listed = run("from httpx_resilient import *; print(*dir())")
    assert set(listed) >= set(httpx_resilient.__all__)


def test_importing_the_package_imports_no_library() -> None:
    loaded = run("import sys, httpx_resilient; print(*sys.modules)")
    assert not {"httpx", "asyncio", "tenacity"} & set(loaded)


def test_importing_the_binding_of_httpx2_imports_no_httpx() -> None:
    loaded = run(
        "import sys; from httpx_resilient.httpx2 import standard_transport as standard\n"
        "standard(); print(*sys.modules)"
    )
    assert "httpx" not in loaded


def test_the_binding_of_httpx2_needs_httpx2() -> None:
    code = """
import sys
sys.modules["httpx2"] = None
try:
    import httpx_resilient.httpx2
except ImportError as error:
    print(error.name)
"""
    assert run(code) == ["httpx2"]


def test_importing_a_layer_imports_no_other_layer() -> None:
    code = "import sys; from httpx_resilient import RetryingTransport\n"
    loaded = run(code + "print(*sys.modules)")
    folders = {
        name.split(".")[2]
        for name in loaded
        if name.startswith("httpx_resilient._layers.")
    }
    assert folders == {"retry"}
    assert not {"asyncio", "anyio", "httpx_resilient._pool.transport"} & set(loaded)


def test_an_asynchronous_client_imports_asyncio_and_the_pool() -> None:
    code = """
import sys, asyncio, httpx
from httpx_resilient import RetryingTransport

async def main():
    async with httpx.AsyncClient(transport=RetryingTransport()) as client:
        try:
            await client.get("http://localhost:1")
        except httpx.ConnectError:
            print(*sys.modules)

asyncio.run(main())
"""
    pool = "httpx_resilient._pool.transport"
    assert {"httpx_resilient._core.io.async_io", pool} <= set(run(code))


def test_threads_that_load_a_name_at_once_get_the_same_class() -> None:
    code = """
import httpx_resilient as ours
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

start = Barrier(8)

def load(_):
    start.wait()
    return ours.CircuitOpen, ours.CircuitBreakingTransport._refusal

with ThreadPoolExecutor(8) as pool:
    print(len({each for pair in pool.map(load, range(8)) for each in pair}))
"""
    assert run(code) == ["1"]
