"""Giving a layer to a client that exists already: to its transport and its mounts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from httpx_resilient._core.family import Family
from httpx_resilient._layers.retry.transport import Retrying
from httpx_resilient._transport.inner import Side, home_of, is_transport

ClientT = TypeVar("ClientT")


def wrapped(client: ClientT, layer: Callable[[Any], object], family: Family) -> ClientT:
    """
    Give a client a layer, in place: to its transport and to every mount.

    What the client was configured with stays as it is: certificates, HTTP/2, limits,
    proxies, its own and those of the environment. Nothing it sends goes around the
    layer. So a client that an SDK has made can be used, with all its defaults.

    Args:
        client: A client, or an instance of an SDK's subclass of one. Not while it has
            requests in flight: those go on without the layer.
        layer: Takes a transport and returns the one that wraps it: `RetryingTransport`,
            a `functools.partial` of it, or a function that nests several. It is called
            once for each transport of the client.
        family: The library of the client. `wrap` is this function, bound to one.

    Returns:
        The same client.

    Raises:
        TypeError: `client` is no such client, or is of the other library; `layer` is
            not callable, or what it returns is no transport.
        ValueError: The client retries already, so `layer` would multiply its attempts.

    >>> import functools, httpx
    >>> from httpx_resilient import RetryingTransport, retry_if_transient, wrap
    >>> retrying = functools.partial(
    ...     RetryingTransport, retry=retry_if_transient("POST")
    ... )
    >>> client = wrap(httpx.Client(http2=False, max_redirects=3), retrying)
    >>> client.close()
    """
    if not isinstance(client, family.clients):
        raise TypeError(_no_client(client, family))
    if not callable(layer):
        msg = (
            f"layer is called with each transport of the client, and returns another: "
            f"give RetryingTransport itself or a partial of it, not {layer!r}"
        )
        raise TypeError(msg)
    # No public name tells a client's transports, or takes them: it is these two.
    held = vars(client)
    own, mounts = held["_transport"], held["_mounts"]
    # All are made before the first is put in place: a layer that fails changes nothing.
    inner = {id(each): each for each in (own, *mounts.values()) if each is not None}
    outer = {key: _layered(each, layer) for key, each in inner.items()}
    held["_transport"] = outer[id(own)]
    # A mount of None stays: there the client's own transport is used.
    held["_mounts"] = {key: outer.get(id(mount)) for key, mount in mounts.items()}
    return client


def _no_client(given: object, family: Family) -> str:
    kind = given.__name__ if isinstance(given, type) else type(given).__name__
    if isinstance(given, type):
        return f"wrap takes a client that exists: give an instance, {kind}()"
    for base in type(given).__mro__:
        if home_of(base) not in {None, family.home}:
            return (
                f"{kind} is a client of {base.__module__.partition('.')[0]}: import "
                f"wrap from {home_of(base)}, this one is for {family.name}"
            )
    return (
        f"wrap takes an {family.name}.Client or AsyncClient, got {kind}: if that "
        f"holds a client, wrap it before you hand it over"
    )


def _layered(transport: Any, layer: Callable[[Any], object]) -> object:
    before = _retries_in(transport)
    outer = layer(transport)
    if not is_transport(outer):
        msg = f"layer must return a transport, got {outer!r}"
        raise TypeError(msg)
    if before and _retries_in(outer) - before:
        msg = (
            "the client retries already, and attempts would multiply: wrap it once, "
            "or leave transport=RetryingTransport() out where it is made"
        )
        raise ValueError(msg)
    return outer


def _retries_in(transport: object) -> set[int]:
    return {key for key, held in nest(transport).items() if isinstance(held, Retrying)}


def nest(transport: object) -> dict[int, object]:
    """Find all transports inside this one, below those of other packages as well."""
    found: dict[int, object] = {}
    todo = [transport]
    while todo:
        this = todo.pop()
        if is_transport(this) and id(this) not in found:
            found[id(this)] = this
            todo += [
                held.made if isinstance(held, Side) else held
                for held in getattr(this, "__dict__", {}).values()
            ]
    return found
