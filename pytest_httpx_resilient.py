"""
The pytest plugin of httpx_resilient: the fixtures `virtual_time` and `no_waits`.

It is a module of its own, because pytest loads plugins before anything can be measured:
httpx_resilient, and httpx with it, is imported by the first test that uses a fixture.
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
    Hours pass in milliseconds: `httpx_resilient.testing.virtual_time()`, for this test.

    A coroutine test has it within its event loop, whichever plugin runs that. Coroutine
    fixtures do not: they come before it.
    """
    from httpx_resilient.testing import virtual_time as make  # noqa: PLC0415

    clock = make()
    holder: Any = request.node
    name = "obj"
    if hasattr(getattr(holder, name, None), "hypothesis"):
        holder, name = holder.obj.hypothesis, "inner_test"
    test = getattr(holder, name, None)
    if not inspect.iscoroutinefunction(test):
        with clock:
            yield clock
        return

    @functools.wraps(test)
    async def within(*args: Any, **arguments: Any) -> Any:
        with clock:
            return await test(*args, **arguments)

    # Plugins look for the test when they run it, after its fixtures have been made.
    setattr(holder, name, within)
    yield clock
    setattr(holder, name, test)


@pytest.fixture
def no_waits() -> Iterator[NoWaits]:
    """Backoffs take no time: `httpx_resilient.testing.no_waits()`, for this test."""
    from httpx_resilient.testing import no_waits as make  # noqa: PLC0415

    with make() as clock:
        yield clock
