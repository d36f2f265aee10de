"""Adding a layer to clients that exist already: to their transports and mounts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Generic

from httpx_resilient._core.events.log import logger
from httpx_resilient._core.family import Family
from httpx_resilient._layers.retry.transport import RetryingTransport
from httpx_resilient._stack.clients_inside import clients_in
from httpx_resilient._stack.no_client import advice_for_other, no_client_in
from httpx_resilient._transport.base import InnerT, ResilientTransport
from httpx_resilient._transport.inside import transports_in
from httpx_resilient._transport.recognition import is_transport


class ClientWrapper(Generic[InnerT]):
    """The function `wrap`, generic in the transports of a library."""

    _family: ClassVar[Family]

    @classmethod
    def wrap(cls, client: Any, layer: Callable[[Any], InnerT]) -> Any:
        """
        Add a layer to a client, or to the clients inside of an SDK's object, in place.

        The layer is put around a client's transport and every mount. The configuration
        of the client stays as it is: certificates, HTTP/2, limits, its own proxies and
        those of the environment. Every request passes the layer. So a client that an
        SDK has made can be used, with all its defaults.

        Args:
            client: A client, an instance of an SDK's subclass of one, or an object that
                has clients in its attributes, or in theirs. Each that is wrapped there
                is logged at the level INFO. A client that is made later, on first use
                or in `with`, cannot be found before. Requests that are in flight go on
                without the layer.
            layer: Takes a transport and returns the one that wraps it:
                `RetryingTransport`, a `functools.partial` of it, or a function that
                nests several. It is called once for each transport of the client.

        Returns:
            The same client, or the same object.

        Raises:
            TypeError: `client` neither is a client of this library nor has one; `layer`
                is not callable, or returns something that is not a transport.
            ValueError: A client retries already, so `layer` would multiply its
                attempts; or `layer` leaves out the transport that it is given.

        If it raises, no client was changed.

        Example:
            >>> import functools, httpx
            >>> retrying = functools.partial(
            ...     RetryingTransport, retry=retry_if_transient("POST")
            ... )
            >>> client = wrap(httpx.Client(http2=False, max_redirects=3), retrying)
            >>> client.close()
        """
        if isinstance(layer, cls._family.clients):
            msg = (
                "give the client first, then the layer: wrap(client, RetryingTransport)"
            )
            raise TypeError(msg)
        if not callable(layer):
            msg = (
                "layer must be a function of a transport that returns another one: "
                f"give RetryingTransport itself or a partial of it, not {layer!r}"
            )
            raise TypeError(msg)
        if isinstance(client, cls._family.clients):
            _put_around({"": client}, layer)
        else:
            _wrap_inside(client, layer, cls._family)
        return client


def _wrap_inside(sdk: object, layer: Callable[[Any], object], family: Family) -> None:
    kind = type(sdk).__name__
    found = clients_in(sdk, family)
    if not found.own:
        raise TypeError(no_client_in(sdk, found, family))
    named = {f"{kind}{way}": client for way, client in found.own.items()}
    _put_around(named, layer)
    for name, client in named.items():
        transport = type(_transports_of(client)[0]).__name__
        logger.info("%s: requests pass a %s now", name, transport)
    for way, client in found.others.items():
        logger.warning(
            "%s%s is not wrapped: %s", kind, way, advice_for_other(client, family)
        )


def _put_around(clients: Mapping[str, object], layer: Callable[[Any], object]) -> None:
    # All are made before the first is put in place: a layer that fails changes nothing.
    outer: dict[int, object] = {id(None): None}
    for name, client in clients.items():
        own, mounts = _transports_of(client)
        for transport in (own, *mounts.values()):
            if id(transport) not in outer:
                outer[id(transport)] = _layered(transport, layer, name)
    for client in clients.values():
        own, mounts = _transports_of(client)
        # A mount of None stays: there the client uses its own transport.
        vars(client).update(
            _transport=outer[id(own)],
            _mounts={key: outer[id(mount)] for key, mount in mounts.items()},
        )


def _transports_of(client: object) -> tuple[Any, dict[Any, Any]]:
    # A client has no public attribute for its transports: it is these two.
    attributes = vars(client)
    return attributes["_transport"], attributes["_mounts"]


def _layered(transport: Any, layer: Callable[[Any], object], name: str) -> object:
    retries = _retries(transport)
    try:
        outer = layer(transport)
    except ValueError as error:
        if not (retries and name):
            raise
        msg = f"{name}: {error}"  # in an SDK, the place helps
        raise ValueError(msg) from error
    if not is_transport(outer):
        msg = f"layer must return a transport, got {outer!r}"
        raise TypeError(msg)
    if _is_left_out(transport, outer):
        msg = (
            "layer has left out the transport that it was given, with its settings: "
            "pass it on, as in lambda inner: RetryingTransport(inner)"
        )
        raise ValueError(msg)
    return outer


def _is_left_out(transport: object, outer: object) -> bool:
    inside = list(transports_in(outer))
    # A transport of another package may hold it where it is not found.
    known = all(isinstance(each, ResilientTransport) for each in inside)
    return known and not any(each is transport for each in inside)


def _retries(transport: object) -> bool:
    return any(_is_retrying(each) for each in transports_in(transport))


def _is_retrying(transport: object) -> bool:
    return isinstance(transport, RetryingTransport)
