"""
The `repr` of public objects: as they were constructed, nested, and without secrets.

Only what is known to be harmless is shown: numbers, classes, names of functions and of
origins, other objects of this package, and tenacity's strategies. Anything else, such
as a proxy, a header or a transport of another make, is shown by its class.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import wraps
from typing import Any, cast

from httpx_resilient._core.origin import origin_name, parse_origin

_TEXTS = frozenset({
    "also_strip", "extra_methods", "idempotency_header", "methods",
})  # fmt: skip
"""The arguments whose texts are shown: names of methods and of headers."""

_ORIGINS = frozenset({"only", "origins"})
"""The arguments whose texts are URLs, shown without anything but their origins."""

_OPERATORS = {
    "retry_all": ("retries", " & "),
    "retry_any": ("retries", " | "),
    "stop_all": ("stops", " & "),
    "stop_any": ("stops", " | "),
    "wait_combine": ("wait_funcs", " + "),
}
"""The strategies of tenacity that operators make, with the attribute of their parts."""


@dataclass(slots=True)
class _Given:
    """The arguments of a constructor. It is no container, so nobody looks into it."""

    arguments: tuple[Any, ...]
    options: dict[str, Any]


class Described:
    """The base of classes whose `repr` is a call of their constructor."""

    _given: _Given

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        init = vars(cls).get("__init__")
        if init is not None:
            setattr(cls, "__init__", _recording(init))  # noqa: B010 - mypy allows no other form

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(arguments_of(self))})"


def _recording(init: Callable[..., None]) -> Callable[..., None]:
    """Return a constructor that remembers what the outermost one was given."""

    @wraps(init)
    def recording(self: Any, *arguments: Any, **options: Any) -> None:
        if not hasattr(self, "_given"):  # `vars` would slow down its attributes
            self._given = _Given(arguments, options)
        init(self, *arguments, **options)

    return recording


def given_to(described: Described) -> dict[str, Any]:
    """Return the arguments of an object by name, without those that are defaults."""
    given: _Given | None = getattr(described, "_given", None)
    if given is None:
        return {}
    signature = _signature_of(described)
    try:
        bound = signature.bind(*given.arguments, **given.options).arguments
    except TypeError:  # in the traceback of a constructor that was called wrongly
        return {}
    return {
        name: value
        for name, value in bound.items()
        if value is not signature.parameters[name].default
        and not _is_equal(value, signature.parameters[name].default)
    }


def arguments_of(described: Described, *, but: str = "") -> Iterator[str]:
    """
    Yield the texts of the arguments of an object, as they stand in a call.

    Args:
        described: The object.
        but: The name of an argument to leave out.
    """
    given = given_to(described)
    parameters = _signature_of(described).parameters
    is_positional = not but
    for name, parameter in parameters.items():
        if name == but or name not in given:
            is_positional &= parameter.kind is parameter.VAR_POSITIONAL
        elif parameter.kind is parameter.VAR_POSITIONAL:
            yield from (shown(name, each) for each in given[name])
        elif parameter.kind is parameter.VAR_KEYWORD:
            for option, value in given[name].items():
                yield f"{option}={shown(option, value)}"
        else:
            is_positional &= parameter.kind is not parameter.KEYWORD_ONLY
            prefix = "" if is_positional else f"{name}="
            yield prefix + shown(name, given[name])


def _signature_of(described: Described) -> inspect.Signature:
    return inspect.signature(cast("Any", described).__init__)


def _is_equal(value: object, default: object) -> bool:
    return type(value) in {int, float, str, bool, tuple} and value == default


def shown(name: str, value: Any) -> str:
    """
    Return the text of an argument.

    Args:
        name: The name of the argument, which says whether its texts are secrets.
        value: Its value.
    """
    kind: Any = value.__class__
    is_ours = kind.__module__.partition(".")[0] == "httpx_resilient"
    if is_ours or isinstance(value, Described | bool | None):
        return repr(value)
    if isinstance(value, int | float):
        return repr(int(value) if value % 1 == 0 else float(value))
    if isinstance(value, str):
        return _text(name, value)
    if isinstance(value, list | tuple | set | frozenset):
        each = [shown(name, item) for item in cast("Any", value)]
        is_ordered = isinstance(value, list | tuple)
        return f"[{', '.join(each if is_ordered else sorted(each))}]"
    if isinstance(value, type):
        return value.__name__
    if kind.__module__.partition(".")[0] == "tenacity":
        return _strategy(value)
    if kind.__name__ == "Limits":  # of httpx and httpx2: three numbers
        return repr(value)
    if inspect.isroutine(value):
        return value.__qualname__.rpartition(".<locals>.")[2]
    return f"{kind.__name__}(...)"


def _text(name: str, value: str) -> str:
    if name in _ORIGINS:
        try:
            return repr(origin_name(parse_origin(value)))
        except ValueError:  # it has not been checked yet
            return "..."
    return repr(value) if name in _TEXTS else "..."


def _strategy(strategy: Any) -> str:
    """Return the text of a strategy of tenacity, whose attributes are its arguments."""
    name: str = strategy.__class__.__name__
    attributes: dict[str, Any] = strategy.__dict__
    if name in _OPERATORS:
        parts, operator = _OPERATORS[name]
        return operator.join(_operand(each, name) for each in attributes[parts])
    if name.startswith("_"):  # of an instance with a name of its own: `stop_never`
        return name.lstrip("_")
    texts: list[str] = []
    parameters = inspect.signature(strategy.__class__).parameters
    for each, parameter in parameters.items():
        found = [a for a in (each, f"{name}_{each}", name) if a in attributes]
        value: Any = attributes[found[0]] if found else ...
        if parameter.kind is parameter.VAR_POSITIONAL and found:
            texts += [shown(each, part) for part in value]
        elif not _is_equal(value, parameter.default):
            text = shown(each, value) if found else "..."
            texts.append(text if len(parameters) == 1 else f"{each}={text}")
    return f"{name}({', '.join(texts)})"


def _operand(strategy: object, within: str) -> str:
    """Return the text of an operand, in parentheses if it has another operator."""
    text, kind = shown("", strategy), type(strategy).__name__
    return f"({text})" if kind in _OPERATORS and kind != within else text
