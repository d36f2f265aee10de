"""What `wrap` says of an object without a client that it could wrap."""

from __future__ import annotations

from httpx_resilient._core.family import Family
from httpx_resilient._stack.clients_inside import (
    Clients,
    is_of_other_library,
    unrelated_library_of,
)
from httpx_resilient._transport.recognition import home_of, is_transport

_SHOWN = 5
"""How many attributes a message names."""


def no_client_in(given: object, found: Clients, family: Family) -> str:
    """Say why an object cannot be wrapped, and what to do."""
    if isinstance(given, type):
        name = given.__name__
        return f"wrap takes a client, not a class: give an instance, {name}()"
    kind = type(given).__name__
    if is_of_other_library(given, family):
        return f"{kind} {_is_of(given)}: {advice_for_other(given, family)}"
    for way, client in found.others.items():
        return f"{kind}{way} {_is_of(client)}: {advice_for_other(client, family)}"
    if library := unrelated_library_of(given):
        return f"{kind} is a session of {library}, which does not use {family.name}"
    for way, session in found.unrelated.items():
        library = unrelated_library_of(session)
        return f"{kind} does not use {family.name}: {kind}{way} is of {library}"
    if is_transport(given):
        return f"{kind} is a transport, not a client: nest it, RetryingTransport(inner)"
    if not found.looked_into:
        return f"wrap takes an {family.name}.Client or AsyncClient, got {kind}"
    absent = f" ({_listed(found.absent)}: None so far)" if found.absent else ""
    return (
        f"no {family.name}.Client or AsyncClient in {kind}, whose attributes were "
        f"searched: {_listed(found.looked_into)}{absent}. If it makes its client later "
        "(on first use, on connecting, in `with`), wrap it then; if it takes a client, "
        f"give it a wrapped one; otherwise it does not use {family.name}"
    )


def advice_for_other(client: object, family: Family) -> str:
    """Say which `wrap` is for a client of the other library."""
    return f"import wrap from {_home(client)}, this one is for {family.name}"


def _is_of(client: object) -> str:
    library = "httpx2" if _home(client).endswith("httpx2") else "httpx"
    return f"is a client of {library}"


def _home(client: object) -> str:
    return next(filter(None, map(home_of, type(client).__mro__)), "")


def _listed(ways: list[str]) -> str:
    names = [way.removeprefix(".") for way in ways]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}"
