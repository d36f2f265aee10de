"""
Calls of the function that fetches a credential.

It may send with the very client that needs the credential. Such a request would wait
for itself. So the function runs in a context (PEP 567) of its own, which names the
flight that it belongs to, and its requests are sent without a credential.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from contextvars import Context, ContextVar, copy_context
from functools import partial
from inspect import isawaitable
from types import coroutine
from typing import Any

from httpx_resilient._core.io.protocol import Effects
from httpx_resilient._layers.credentials.flight import Flight

_FLIGHT: ContextVar[Flight | None] = ContextVar("httpx_resilient_flight", default=None)


def is_of(flight: Flight | None) -> bool:
    """Whether this code is called by the function that fetches for a flight."""
    return flight is not None and _FLIGHT.get() is flight


async def fetch_for(
    flight: Flight, fetch: Callable[[], object], effects: Effects
) -> object:
    """
    Return what the function of a user returns.

    Args:
        flight: The flight that it fetches for.
        fetch: The function.
        effects: The effects of the request's flow.

    Raises:
        Exception: The function has raised it.
        TypeError: It is asynchronous, and the client is not.
    """
    variables = copy_context()
    variables.run(_FLIGHT.set, flight)
    answer = variables.run(fetch)
    if effects.asynchronous and isawaitable(answer):
        return await _awaited(variables, _result_of(answer))
    return await effects.settle(answer)


async def _result_of(answer: Awaitable[object]) -> object:
    return await answer


@coroutine
def _awaited(variables: Context, steps: Any) -> Generator[Any, Any, object]:
    """Await a coroutine, each step of which runs in a context."""
    step = partial(steps.send, None)
    while True:
        try:
            awaited = variables.run(step)
        except StopIteration as finished:
            return finished.value
        try:
            step = partial(steps.send, (yield awaited))
        except GeneratorExit:
            variables.run(steps.close)
            raise
        except BaseException as error:  # noqa: BLE001 - a cancellation, for the function
            step = partial(steps.throw, error)
