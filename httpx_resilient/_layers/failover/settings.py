"""The settings of a failover layer, the same for all of its requests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, cast

from httpx_resilient._core.events.emitter import EventEmitter
from httpx_resilient._core.family import Family
from httpx_resilient._core.validation import TOKEN
from httpx_resilient._layers.failover.group import Failover
from httpx_resilient._layers.failover.readdress import Target


class FailoverSettings(NamedTuple):
    """
    The settings of a layer, the same for all of its requests.

    Args:
        failover: The group of origins.
        family: The library that the requests belong to.
        targets: The origins in the parts that a request consists of.
        stripped: The names of headers that only the first origin gets, in lower case.
        share_credentials: Whether the URL keeps user and password for other origins,
            and whether other origins may set cookies.
        emit: Emits the events of the layer.
    """

    failover: Failover
    family: Family
    targets: Sequence[Target]
    stripped: frozenset[bytes]
    share_credentials: bool
    emit: EventEmitter


def header_names(given: object) -> frozenset[bytes]:
    """
    Check the names of headers that only the first origin gets, and lower them.

    Raises:
        TypeError: They are not a list of strings.
        ValueError: One is not a header name.
    """
    form = "also_strip must be a list of header names such as ('x-api-key',)"
    if isinstance(given, str) or not isinstance(given, Iterable):
        msg = f"{form}; got {given!r}"
        raise TypeError(msg)
    names: set[bytes] = set()
    for name in cast("Iterable[object]", given):
        if not isinstance(name, str):
            msg = f"{form}; got {name!r} in it"
            raise TypeError(msg)
        if not TOKEN.fullmatch(name):
            msg = f"{form}; {name!r} is not a header name"
            raise ValueError(msg)
        names.add(name.lower().encode())
    return frozenset(names)
