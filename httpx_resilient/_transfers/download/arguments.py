"""The arguments of `download`, checked before anything is sent."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, cast

from httpx_resilient._core.headers import headers_of
from httpx_resilient._core.validation import extensions_of, is_asynchronous
from httpx_resilient._transfers.download.job import NameOf
from httpx_resilient._transfers.download.target import check_target

Target = str | os.PathLike[str]
Choose = Callable[[Any], Target]
"""Chooses the file when the first response has come: a function of the response."""

_OWN_HEADERS = {"range", "if-range"}


def check_listener(given: object) -> None:
    """
    Check that what is to be called with the progress is a plain function.

    Raises:
        TypeError: It is none, or one that would have to be awaited.
    """
    if given is not None and (not callable(given) or is_asynchronous(given)):
        msg = f"on_progress must be a plain function; got {given!r}"
        raise TypeError(msg)


def checked_path(path: object, *, overwrite: bool) -> Path | NameOf:
    """
    Check that a file can be made.

    Args:
        path: The file, or a function of a response.
        overwrite: Whether to replace one that is there.

    Raises:
        TypeError: It is no path.
        OSError: It cannot.
    """
    if not isinstance(path, (str, os.PathLike)):
        if callable(path):
            return partial(_chosen, cast("Choose", path), overwrite)
        msg = f"path must be a string or a path, such as 'big.iso'; got {path!r}"
        raise TypeError(msg)
    resolved = Path(cast("Target", path)).resolve()
    check_target(resolved, overwrite=overwrite)
    return resolved


def _chosen(choose: Choose, overwrite: bool, response: Any) -> Path:  # noqa: FBT001 - partial
    path = checked_path(choose(response), overwrite=overwrite)
    if isinstance(path, Path):
        return path
    msg = "the function that is given as path must return a path"
    raise TypeError(msg)


def request_options(
    headers: Mapping[str, str] | None, extensions: Mapping[str, Any] | None
) -> dict[str, Any]:
    """
    Return the arguments of `client.build_request`.

    Raises:
        TypeError: One of both is no dictionary.
        ValueError: There are headers that cannot be sent, or that a download sets.
    """
    # A download goes on by itself. A layer that does so, too, would read more twice.
    options: dict[str, Any] = {
        "extensions": {"resume": False, **extensions_of(extensions)}
    }
    if headers is not None:
        headers_of("headers", headers)
        given = dict(headers)
        if own := _OWN_HEADERS & {name.lower() for name in given}:
            msg = (
                f"download sets the header {min(own).title()} itself: leave it out. "
                "For a part of a file, use client.stream"
            )
            raise ValueError(msg)
        options["headers"] = given
    return options
