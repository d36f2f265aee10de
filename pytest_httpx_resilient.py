"""
The pytest plugin of httpx_resilient: the fixtures `virtual_time` and `no_waits`.

The plugin is a module of its own, as pytest imports plugins before it can measure the
coverage of anything. httpx_resilient, and httpx with it, is imported by the first test
that uses a fixture.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from httpx_resilient.testing._no_waits import NoWaits
    from httpx_resilient.testing._virtual_time import VirtualTime


@pytest.fixture
def virtual_time(request: pytest.FixtureRequest) -> Iterator[VirtualTime]:
    """
    Let hours pass in milliseconds: `httpx_resilient.testing.virtual_time()` for a test.

    In a coroutine test the clock starts inside its event loop, whichever plugin runs
    that loop. Coroutine fixtures run before the test, and so before the clock starts.
    """
    from httpx_resilient.testing import virtual_time as make_clock  # noqa: PLC0415 - imports httpx only for tests that use it

    clock = make_clock()
    holder, name = _test_function(request.node)
    test = getattr(holder, name, None)
    if not inspect.iscoroutinefunction(test):
        with clock:
            yield clock
        return

    @functools.wraps(test)
    async def test_in_virtual_time(*args: Any, **arguments: Any) -> Any:
        with clock:
            return await test(*args, **arguments)

    # Plugins look up the test function when they run it, after its fixtures are set up.
    setattr(holder, name, test_in_virtual_time)
    yield clock
    setattr(holder, name, test)


def _test_function(item: Any) -> tuple[Any, str]:
    """Return the object that holds the function of a test, and the attribute's name."""
    if hasattr(getattr(item, "obj", None), "hypothesis"):
        return item.obj.hypothesis, "inner_test"
    return item, "obj"


@pytest.fixture
def no_waits() -> Iterator[NoWaits]:
    """Skip waits: `httpx_resilient.testing.no_waits()` for a test."""
    from httpx_resilient.testing import no_waits as make_clock  # noqa: PLC0415 - imports httpx only for tests that use it

    with make_clock() as clock:
        yield clock
