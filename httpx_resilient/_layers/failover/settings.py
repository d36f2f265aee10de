"""The settings of a failover layer, the same for all of its requests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from httpx_resilient._core.events.emitter import EventEmitter
from httpx_resilient._core.family import Family
from httpx_resilient._layers.failover.credentials import Credentials
from httpx_resilient._layers.failover.group import Failover
from httpx_resilient._layers.failover.readdress import Target


class FailoverSettings(NamedTuple):
    """
    The settings of a layer, the same for all of its requests.

    Args:
        failover: The group of origins.
        family: The library that the requests belong to.
        targets: The origins in the parts that a request consists of.
        credentials: Which credentials an origin gets.
        emit: Emits the events of the layer.
    """

    failover: Failover
    family: Family
    targets: Sequence[Target]
    credentials: Credentials
    emit: EventEmitter
