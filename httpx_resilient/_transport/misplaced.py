"""What to do instead of giving something as the inner transport that is none."""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter, signature

from httpx_resilient._core.family import Family
from httpx_resilient._core.foreign_options import STATES
from httpx_resilient._core.other_tools import migration, tool_of


def advice(given: object, family: Family, layer: Callable[..., object]) -> str:
    """Return what to do, or nothing if that is not known."""
    name = layer.__name__
    kind = given if isinstance(given, type) else type(given)
    if hasattr(kind, "build_request"):
        return (
            f"make the client with it, {family.name}.{kind.__name__}(transport={name}"
            f"(...)), or add it to a client that exists, wrap(client, {name})"
        )
    if option := _option_for(given, name):
        return f"give {name}({option})"
    if tool := tool_of(given):
        return migration(tool)
    if second := _second(layer):
        shown = _shown(given)
        state = STATES.get(name, {}).get(second)
        if state and state != kind.__name__:
            shown = f"{state}({shown})"
        return f"it comes before {second}: {name}(None, {shown})"
    return ""


def _option_for(given: object, layer: str) -> str:
    """Return the option that an object is meant for."""
    if layer == "RetryingTransport" and type(given) is int:
        return f"stop=stop_after_attempt({given})"
    bases = {each.__name__ for each in type(given).__mro__}
    for option in ("retry", "wait", "stop"):
        if f"{option}_base" in bases and layer == "RetryingTransport":
            return f"{option}={_shown(given)}"
    if layer == "standard_transport" and isinstance(given, int | float):
        return f"deadline={given}"
    places = STATES.get(layer, {})
    if layer in ("RetryingTransport", "standard_transport"):
        for place, state in places.items():
            if state in bases:
                return f"{place}={_shown(given)}"
    return ""


def _second(layer: Callable[..., object]) -> str:
    """Return the name of the argument that comes after `inner`."""
    parameters = list(signature(layer).parameters.values())
    places = [
        each.name for each in parameters if each.kind is not Parameter.KEYWORD_ONLY
    ]
    after = places[places.index("inner") + 1 :]
    return after[0] if after and after[0] != "http" else ""


def _shown(given: object) -> str:
    """Show a number as it is, and of all else the kind: it may hold a secret."""
    if isinstance(given, int | float):
        return repr(given)
    if isinstance(given, list | tuple | str):
        return "[...]"
    return f"{type(given).__name__}(...)"
