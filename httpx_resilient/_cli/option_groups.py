"""Groups of options that several commands share."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from inspect import Parameter
from typing import Any, cast, get_type_hints


def expand_groups(command: Callable[..., None]) -> Callable[..., None]:
    """
    Replace each parameter of a command that is a dataclass by its fields.

    Typer reads the options of a command from a flat signature, which would repeat those
    that commands share.

    Args:
        command: Its parameters are annotated for typer, or with dataclasses whose
            fields are. It is called with instances of these.
    """
    signature = inspect.signature(command, eval_str=True)
    groups: dict[str, type[Any]] = {}
    options: list[Parameter] = []
    for parameter in signature.parameters.values():
        if is_dataclass(parameter.annotation):
            group = cast("type[Any]", parameter.annotation)
            groups[parameter.name] = group
            # Of each base in its own module, where the names of its annotations are.
            hints = get_type_hints(group, include_extras=True)
            options += [
                each.replace(annotation=hints[name])
                for name, each in inspect.signature(group).parameters.items()
            ]
        else:
            options.append(parameter)

    @functools.wraps(command)
    def flat(**values: Any) -> None:
        for name, group in groups.items():
            values[name] = group(
                **{field.name: values.pop(field.name) for field in fields(group)}
            )
        command(**values)

    # `inspect.signature`, which typer calls, returns this one if there is one.
    vars(flat)["__signature__"] = signature.replace(
        parameters=[each.replace(kind=Parameter.KEYWORD_ONLY) for each in options]
    )
    return flat
