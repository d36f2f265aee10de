"""Recognize a transport, and the library that it belongs to."""

from __future__ import annotations

from typing import Any

from httpx_resilient._core.family import Family

_HOMES = {"httpx": "httpx_resilient", "httpx2": "httpx_resilient.httpx2"}
"""The package that binds each library."""


def check_inner(
    inner: object, family: Family, http: dict[str, Any], layer: type
) -> None:
    """
    Check the inner transport that a layer was given.

    Args:
        inner: The transport.
        family: The library of the layer.
        http: The options of a default inner transport that were given, too.
        layer: The class of the layer.

    Raises:
        TypeError: `inner` is not a transport, or belongs to the other family; an option
            is given together with it.
    """
    kind = inner.__name__ if isinstance(inner, type) else type(inner).__name__
    if not is_transport(inner):
        raise not_a_transport(inner, family, layer)
    if isinstance(inner, type):
        msg = f"inner is the class {kind}: give an instance, {kind}()"
        raise TypeError(msg)
    if http:
        msg = (
            f"{', '.join(sorted(http))} cannot be given together with an inner "
            f"transport: give it to {kind}"
        )
        raise TypeError(msg)
    if not isinstance(inner, family.bases):
        for base in type(inner).__mro__:
            home = home_of(base)
            if home is not None and home != family.home:
                msg = (
                    f"{kind} is a transport of {base.__module__}, but this layer is "
                    f"for {family.name}: import the layer from {home}"
                )
                raise TypeError(msg)


def not_a_transport(given: object, family: Family, layer: Any) -> TypeError:
    """Make the error for something that is given as `inner` and is no transport."""
    from httpx_resilient._transport.misplaced import advice  # noqa: PLC0415 - only after a mistake

    kind = given.__name__ if isinstance(given, type) else type(given).__name__
    msg = (
        f"inner must be a transport, such as {family.name}.AsyncHTTPTransport(); "
        f"got {kind}"
    )
    answer = advice(given, family, layer)
    return TypeError(f"{msg}: {answer}" if answer else msg)


def is_transport(given: object) -> bool:
    """Whether an object has the methods of a transport; its class does not matter."""
    return hasattr(given, "handle_request") or hasattr(given, "handle_async_request")


def home_of(kind: type) -> str | None:
    """Return the package for the library of a class; `None` if it is of neither."""
    # In the class of a proxy, `__module__` may be a property.
    return _HOMES.get(str(kind.__module__).partition(".")[0])


def check_request(request: object, family: Family, layer: str) -> None:
    """
    Check that a request belongs to the library of a layer.

    Raises:
        TypeError: It belongs to the other one.
    """
    if not isinstance(request, family.request):
        home = home_of(type(request)) or "the module bound to its library"
        msg = (
            f"this {layer} is for {family.name} and was given a request of "
            f"{type(request).__module__}: import it from {home}"
        )
        raise TypeError(msg)
