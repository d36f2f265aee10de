"""Answers to options that do not exist: the right name first, then the known ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, TypeVar, cast

InitT = TypeVar("InitT", bound=Callable[..., None])


def unknown_options(
    owner: str, unknown: Iterable[str], own: Iterable[str], http: Iterable[str] = ()
) -> TypeError:
    """
    Make the error for options that a class or a function does not have.

    Args:
        owner: The name of the class or function.
        unknown: The options.
        own: The options that it has.
        http: The options of the default inner transport, if it takes them, too.
    """
    from httpx_resilient._core.other_names import meant  # noqa: PLC0415 - only after a mistake

    names, own, http = sorted(unknown), list(own), sorted(http)
    answers = [answer for name in names if (answer := meant(owner, name, own, http))]
    given = f"unknown option{'s' * (len(names) > 1)} {', '.join(names)}"
    known = f"{owner} has {', '.join(own)}"
    if http:
        known += f"; its default inner transport has {', '.join(http)}"
    return TypeError(f"{given}: {'; '.join([*answers, known])}")


def explains_options(init: InitT) -> InitT:
    """
    Let a constructor answer an option that it does not have.

    Python's own error names the option, but not the one that is meant.
    """

    @wraps(init)
    def explained(self: object, *args: Any, **options: Any) -> None:
        try:
            init(self, *args, **options)
        except TypeError:
            explanation = _explanation(init, args, options)
            if explanation is not None:
                raise explanation from None
            raise

    return cast("InitT", explained)  # it has the signature of `init`


def _explanation(
    init: Callable[..., None], args: tuple[Any, ...], options: dict[str, Any]
) -> TypeError | None:
    """Return the error for a call that does not fit the signature of a constructor."""
    from inspect import Parameter, signature  # noqa: PLC0415 - only after a mistake

    owner = init.__qualname__.rpartition(".")[0].rpartition(".")[2]
    _, *parameters = signature(init).parameters.values()
    by_name = [each.name for each in parameters if each.kind is Parameter.KEYWORD_ONLY]
    by_place = [
        each.name for each in parameters if each.kind is Parameter.POSITIONAL_OR_KEYWORD
    ]
    own, kinds = [*by_place, *by_name], {each.kind for each in parameters}
    unknown = options.keys() - own
    if unknown and Parameter.VAR_KEYWORD not in kinds:
        return unknown_options(owner, unknown, own)
    if len(args) > len(by_place) and Parameter.VAR_POSITIONAL not in kinds:
        return TypeError(f"{owner} takes these options by name: {', '.join(by_name)}")
    return None
