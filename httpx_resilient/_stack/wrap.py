"""Adding a layer to a client that exists already: to its transport and its mounts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Generic

from httpx_resilient._core.family import Family
from httpx_resilient._layers.retry.transport import RetryingTransport
from httpx_resilient._transport.base import InnerT
from httpx_resilient._transport.inside import transports_in
from httpx_resilient._transport.recognition import home_of, is_transport


class ClientWrapper(Generic[InnerT]):
    """The function `wrap`, generic in the transports of a library."""

    _family: ClassVar[Family]

    @classmethod
    def wrap(cls, client: Any, layer: Callable[[Any], InnerT]) -> Any:
        """
        Add a layer to a client, in place: to its transport and to every mount.

        The configuration of the client stays as it is: certificates, HTTP/2, limits,
        its own proxies and those of the environment. Every request passes the layer.
        So a client that an SDK has made can be used, with all its defaults.

        Args:
            client: A client, or an instance of an SDK's subclass of one. Requests that
                are in flight go on without the layer.
            layer: Takes a transport and returns the one that wraps it:
                `RetryingTransport`, a `functools.partial` of it, or a function that
                nests several. It is called once for each transport of the client.

        Returns:
            The same client.

        Raises:
            TypeError: `client` is not a client, or one of the other library; `layer` is
                not callable, or returns something that is not a transport.
            ValueError: The client retries already, so `layer` would multiply its
                attempts.

        Example:
            >>> import functools, httpx
            >>> retrying = functools.partial(
            ...     RetryingTransport, retry=retry_if_transient("POST")
            ... )
            >>> client = wrap(httpx.Client(http2=False, max_redirects=3), retrying)
            >>> client.close()
        """
        if not isinstance(client, cls._family.clients):
            raise TypeError(_not_a_client(client, cls._family))
        if not callable(layer):
            msg = (
                "layer must be a function of a transport that returns another one: "
                f"give RetryingTransport itself or a partial of it, not {layer!r}"
            )
            raise TypeError(msg)
        _put_around(client, layer)
        return client


def _put_around(client: object, layer: Callable[[Any], object]) -> None:
    # A client has no public attribute for its transports: it is these two.
    attributes: dict[str, Any] = vars(client)
    own, mounts = attributes["_transport"], attributes["_mounts"]
    # All are made before the first is put in place: a layer that fails changes nothing.
    inner = {id(each): each for each in (own, *mounts.values()) if each is not None}
    outer = {key: _layered(each, layer) for key, each in inner.items()}
    attributes["_transport"] = outer[id(own)]
    # A mount of None stays: there the client uses its own transport.
    attributes["_mounts"] = {key: outer.get(id(mount)) for key, mount in mounts.items()}


def _not_a_client(given: object, family: Family) -> str:
    kind = given.__name__ if isinstance(given, type) else type(given).__name__
    if isinstance(given, type):
        return f"wrap takes a client, not a class: give an instance, {kind}()"
    for base in type(given).__mro__:
        if home_of(base) not in {None, family.home}:
            return (
                f"{kind} is a client of {base.__module__.partition('.')[0]}: import "
                f"wrap from {home_of(base)}, this one is for {family.name}"
            )
    return (
        f"wrap takes an {family.name}.Client or AsyncClient, got {kind}: if it has a "
        f"client inside, wrap that client before you pass it on"
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
            "or leave out transport=RetryingTransport() where it is made"
        )
        raise ValueError(msg)
    return outer


def _retries_in(transport: object) -> set[int]:
    return {id(each) for each in transports_in(transport) if _is_retrying(each)}


def _is_retrying(transport: object) -> bool:
    return isinstance(transport, RetryingTransport)
