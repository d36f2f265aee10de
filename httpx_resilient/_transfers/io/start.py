"""Starting a transfer: the flow in front of the kind of client that was given."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, cast

from httpx_resilient._core.family import Family
from httpx_resilient._core.io.protocol import run_sync
from httpx_resilient._transfers.io.protocol import ClientIO
from httpx_resilient._transfers.io.sync_io import SyncClientIO
from httpx_resilient._transport.recognition import home_of

T = TypeVar("T")

Flow = Callable[[ClientIO], Coroutine[Any, Any, T]]


def start(name: str, client: object, family: Family, flow: Flow[T]) -> Any:
    """
    Run a flow in front of a client: at once, or as a coroutine to await.

    Args:
        name: The name of the function that users call, for messages.
        client: A client of this library.
        family: The library.
        flow: Makes the coroutine.

    Returns:
        What the flow returns; for an asynchronous client, the coroutine that does.

    Raises:
        TypeError: It is no client of this library.
    """
    check_client(name, client, family)
    if isinstance(client, family.clients[0]):
        from httpx_resilient._transfers.io.async_io import AsyncClientIO  # noqa: PLC0415 - loads asyncio

        return flow(AsyncClientIO(client))
    return run_sync(flow(cast("ClientIO", SyncClientIO(client))))


def check_client(name: str, given: object, family: Family) -> None:
    """
    Refuse what is no client of a library.

    Args:
        name: The name of the function that users call, for messages.
        given: What was given as a client.
        family: The library.

    Raises:
        TypeError: It is none.
    """
    if not isinstance(given, family.clients):
        raise TypeError(_not_a_client(name, given, family))


def _not_a_client(name: str, given: object, family: Family) -> str:
    kind = given.__name__ if isinstance(given, type) else type(given).__name__
    bases = given.__mro__ if isinstance(given, type) else type(given).__mro__
    if isinstance(given, type) and issubclass(given, family.clients):
        return f"{name} takes a client, not a class: give an instance, {kind}()"
    for base in bases:
        home = home_of(base)
        if home is not None and home != family.home:
            return (
                f"{kind} is of {base.__module__}, and this {name} is for "
                f"{family.name}: import it from {home}"
            )
    return f"{name} takes an {family.name}.Client or AsyncClient first; got {kind}"
