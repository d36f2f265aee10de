"""
Events are frozen dataclasses with slots that cost little to import and to create.

`dataclass(frozen=True, slots=True)` compiles six functions for each class while its
module is imported: 88 million instructions for all events (callgrind, CPython 3.11), as
much as a quarter of `import httpx`. With `event` it is 23 million: five functions are
written once, for all events, and the constructor is compiled when it is first used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, FrozenInstanceError, dataclass, field, fields
from typing import Any, ClassVar, NoReturn, TypeVar, dataclass_transform

from httpx_resilient._core.public import public
from httpx_resilient._core.redaction import Redactor, redact_tokens

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def event(kind: type[T]) -> type[T]:
    """Make a dataclass of a subclass of `Record`."""
    made: Any = dataclass(init=False, repr=False, eq=False, slots=True)(kind)
    made.__init__ = _Constructor(made)
    events: type[T] = public("httpx_resilient.events")(made)
    return events


class _Constructor:
    """Replaces itself by the constructor of an event when it is first looked up."""

    def __init__(self, owner: Any) -> None:
        # From Python 3.13 on, `inspect` looks it up as if the class were an instance.
        self._owner = owner

    def __get__(self, instance: object, kind: Any) -> Callable[..., None]:
        self._owner.__init__ = made = _constructor(self._owner)
        bound: Callable[..., None] = made.__get__(instance, kind)
        return bound


def _constructor(kind: Any) -> Any:
    """
    Compile a constructor that sets each field by its slot.

    The `object.__setattr__` of a frozen dataclass takes three times as long.
    """
    known: dict[str, Any] = {}
    parameters, body = ["self"], ["pass"]
    for each in fields(kind):
        name = each.name
        known[f"set_{name}"] = getattr(kind, name).__set__
        known[f"default_{name}"] = each.default
        has_default = each.default is not MISSING
        parameters.append(f"{name}=default_{name}" if has_default else name)
        body.append(f"set_{name}(self, {name})")
    source = f"def __init__({', '.join(parameters)}): {'; '.join(body)}"
    exec(source, known)  # noqa: S102 - the names of fields, as dataclasses do
    made = known["__init__"]
    made.__qualname__ = f"{kind.__qualname__}.__init__"
    return made


class Record:
    """The methods of a frozen dataclass."""

    __slots__ = ("_redactor",)
    __match_args__: ClassVar[tuple[str, ...]]

    _redactor: Redactor
    """What the text shows of a URL. Few events have one, and it is not a field."""

    def redact_with(self, redactor: Redactor) -> None:
        """Set what the text shows of a URL, before anybody receives the event."""
        object.__setattr__(self, "_redactor", redactor)

    def _redact(self) -> Redactor:
        return getattr(self, "_redactor", redact_tokens)

    def _values(self) -> tuple[object, ...]:
        return tuple(getattr(self, name) for name in self.__match_args__)

    def __repr__(self) -> str:
        described: Any = self
        shown = [
            f"{each.name}={getattr(self, each.name)!r}"
            for each in fields(described)
            if each.repr
        ]
        return f"{type(self).__qualname__}({', '.join(shown)})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Record) or type(other) is not type(self):
            return NotImplemented
        return self._values() == other._values()

    def __hash__(self) -> int:
        return hash(self._values())

    def __reduce__(self) -> tuple[type[Record], tuple[object, ...]]:
        return type(self), self._values()

    def __setattr__(self, name: str, value: object) -> NoReturn:
        msg = f"cannot assign to field {name!r}"
        raise FrozenInstanceError(msg)

    def __delattr__(self, name: str) -> NoReturn:
        msg = f"cannot delete field {name!r}"
        raise FrozenInstanceError(msg)
