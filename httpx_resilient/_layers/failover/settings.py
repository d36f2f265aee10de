"""The settings of a failover layer, the same for all of its requests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from httpx_resilient._core.events.emitter import EventEmitter
from httpx_resilient._core.family import Family
from httpx_resilient._core.http_types import RequestLike
from httpx_resilient._core.idempotency import Idempotency
from httpx_resilient._layers.failover.credentials import Credentials
from httpx_resilient._layers.failover.group import Failover
from httpx_resilient._layers.failover.readdress import Target

OPTION = "failover"
"""The extension that turns failover off for one request."""


class FailoverSettings(NamedTuple):
    """
    The settings of a layer, the same for all of its requests.

    Args:
        failover: The group of origins.
        family: The library that the requests belong to.
        targets: The origins in the parts that a request consists of.
        credentials: Which credentials an origin gets.
        emit: Emits the events of the layer.
        idempotency: Which headers make a request repeatable, if the layer was told.
    """

    failover: Failover
    family: Family
    targets: Sequence[Target]
    credentials: Credentials
    emit: EventEmitter
    idempotency: Idempotency | None


def is_on(request: RequestLike) -> bool:
    """
    Whether a request may fail over, as far as its extension says.

    Raises:
        TypeError: The extension is neither `True` nor `False`.
    """
    option = request.extensions.get(OPTION, True)
    if not isinstance(option, bool):
        msg = f'extensions["{OPTION}"] must be True or False; got {option!r}'
        raise TypeError(msg)
    return option
