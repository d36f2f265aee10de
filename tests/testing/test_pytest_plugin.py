"""The pytest fixtures, with each of the plugins that run coroutine tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parent.parent.parent

IMPORTS = """
import asyncio, time
import httpx, pytest, tenacity
from httpx_resilient import RetryingTransport

def retrying():
    busy = httpx.MockTransport(lambda request: httpx.Response(503))
    return RetryingTransport(busy, wait=tenacity.wait_fixed(600))

async def hours(clock, sleep):
    await sleep(3600)
    async with httpx.AsyncClient(transport=retrying()) as client:
        await client.get("https://example.org/")
    assert clock.elapsed == pytest.approx(4800)
    clock.advance(60)
    assert clock.elapsed == pytest.approx(4860)
"""

BOTH_BACKENDS = """
import anyio

@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request):
    return request.param
"""

RUNNER = """
import inspect, pytest, {library}

class Looped(pytest.Function):
    # As pytest-asyncio does: an item of its own kind, which runs its function.
    def runtest(self):
        test = self.obj
        self.obj = lambda **given: {library}.run({how})
        super().runtest()

@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    # As pytest-trio does: a hook around an ordinary item.
    if inspect.iscoroutinefunction(item.obj) and not isinstance(item, Looped):
        test = item.obj
        item.obj = lambda **given: {library}.run({how})
    return (yield)

def pytest_pycollect_makeitem(collector, name, obj):
    if name.startswith("test_item"):
        return Looped.from_parent(collector, name=name)
"""
HOW = {"asyncio": "test(**given)", "trio": "lambda: test(**given)"}


def run_tests(
    pytester: pytest.Pytester, source: str, *options: str, passed: int = 1
) -> None:
    """Run the tests of a module, and assert how many of them pass."""
    pytester.makepyfile(IMPORTS + source)
    absent = "no:cacheprovider", "no:asyncio", "no:trio"
    plugins = [f"-p{name}" for name in (*absent, "pytest_httpx_resilient")]
    pytester.runpytest_inprocess(*plugins, *options).assert_outcomes(passed=passed)


def test_virtual_time_lasts_for_one_synchronous_test(pytester: pytest.Pytester) -> None:
    source = """
def test_mine(virtual_time):
    with httpx.Client(transport=retrying()) as client:
        client.get("https://example.org/")
    assert virtual_time.elapsed == pytest.approx(1200)

def test_another(virtual_time):
    assert virtual_time.elapsed == 0

def test_the_clock_is_real_without_the_fixture():
    from httpx_resilient._core.clock import Clock
    assert Clock.now is time.monotonic
"""
    run_tests(pytester, source, passed=3)


def test_virtual_time_in_coroutine_tests_of_anyio(pytester: pytest.Pytester) -> None:
    source = """
@pytest.fixture
async def before():
    return anyio.current_time()

@pytest.mark.anyio
@pytest.mark.parametrize("number", [1])
async def test_mine(virtual_time, before, number):
    assert anyio.current_time() - before < 1
    await hours(virtual_time, anyio.sleep)

class TestInAClass:
    @pytest.mark.anyio
    async def test_mine(self, virtual_time):
        await hours(virtual_time, anyio.sleep)
"""
    run_tests(pytester, BOTH_BACKENDS + source, passed=4)


def test_virtual_time_has_not_started_in_a_coroutine_fixture_and_says_what_to_do(
    pytester: pytest.Pytester,
) -> None:
    source = """
@pytest.fixture
async def early(virtual_time):
    with pytest.raises(RuntimeError, match="has not started: .* with virtual_time"):
        virtual_time.elapsed

@pytest.mark.anyio
async def test_mine(early, virtual_time):
    assert virtual_time.elapsed == 0
"""
    run_tests(pytester, BOTH_BACKENDS + source, passed=2)


@pytest.mark.parametrize("library", HOW)
def test_virtual_time_in_coroutine_tests_of_other_plugins(
    pytester: pytest.Pytester, library: str
) -> None:
    pytester.makeconftest(RUNNER.format(library=library, how=HOW[library]))
    source = f"""
import {library}

async def test_item_of_its_own(virtual_time):
    await hours(virtual_time, {library}.sleep)

async def test_hook(virtual_time):
    await hours(virtual_time, {library}.sleep)
"""
    run_tests(pytester, source, passed=2)


def test_virtual_time_with_pytest_asyncio(pytester: pytest.Pytester) -> None:
    source = """
@pytest.mark.asyncio
async def test_mine(virtual_time):
    await hours(virtual_time, asyncio.sleep)

async def test_automatic(virtual_time):
    await hours(virtual_time, asyncio.sleep)
"""
    run_tests(
        pytester,
        source,
        *("-p", "pytest_asyncio.plugin", "--asyncio-mode=auto"),
        *("-o", "asyncio_default_fixture_loop_scope=function"),
        passed=2,
    )


def test_virtual_time_with_pytest_trio(pytester: pytest.Pytester) -> None:
    source = """
import trio

@pytest.mark.trio
async def test_mine(virtual_time):
    await hours(virtual_time, trio.sleep)
"""
    run_tests(pytester, source, "-p", "pytest_trio.plugin")


def test_virtual_time_with_hypothesis(pytester: pytest.Pytester) -> None:
    source = """
import anyio
from hypothesis import HealthCheck, given, settings, strategies as st

@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@settings(suppress_health_check=list(HealthCheck), max_examples=3, deadline=None)
@given(number=st.integers())
async def test_mine(virtual_time, anyio_backend, number):
    await hours(virtual_time, anyio.sleep)
"""
    run_tests(pytester, source)


def test_no_waits_skips_backoffs(pytester: pytest.Pytester) -> None:
    source = """
def test_mine(no_waits):
    with httpx.Client(transport=retrying()) as client:
        client.get("https://example.org/")
    assert no_waits.elapsed == pytest.approx(1200, abs=1)
"""
    run_tests(pytester, source)


def test_loading_the_plugin_does_not_import_httpx() -> None:
    code = (
        "import sys, pytest_httpx_resilient; "
        "assert not {'httpx', 'httpx_resilient', 'anyio'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_virtual_time_works_without_pytest_trio_and_httpx2_installed() -> None:
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['pytest', 'trio', 'httpx2'])); "
        "from httpx_resilient.testing import virtual_time\n"
        "with virtual_time() as clock: clock.advance(1)"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, cwd=ROOT)
