"""Usage errors: exit code 2, and a message that names the option to correct."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import typer

BuiltT = TypeVar("BuiltT")

ENVIRONMENT = "the environment"
"""The option that errors about proxies name: httpx reads them from variables."""


def usage_error(problem: str, *, option: str) -> typer.BadParameter:
    """Return the exception for an option whose value cannot be used."""
    return typer.BadParameter(problem, param_hint=option)


def checked(option: str, build: Callable[[], BuiltT]) -> BuiltT:
    """
    Build what an option describes.

    Args:
        option: Its name, for the message.
        build: Called once.

    Raises:
        BadParameter: `build` raises a `TypeError` or `ValueError`, or lacks a file or
            a package.
    """
    try:
        return build()
    except OSError as error:
        raise usage_error(error.strerror or str(error), option=option) from error
    except (ImportError, TypeError, ValueError) as error:
        raise usage_error(str(error), option=option) from error
