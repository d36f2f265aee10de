"""Which of the server's quotas binds a request, as pure functions."""

from __future__ import annotations

from typing import NamedTuple

from httpx_resilient._layers.rate_limit.state import (
    Asker,
    Bucket,
    Lane,
    ServerState,
    remaining,
)

DOUBTFUL = Lane(path="?")
"""
The queue of the requests that a used-up quota binds or not, which nobody knows.

No path begins so.
"""

UNNAMED = Lane()
"""The quota that has no name, as last reported: that of paths that are not known."""


class Binding(NamedTuple):
    """
    What binds one request.

    Args:
        lane: The lane of the request.
        bucket: The quota of its lane, if it is known.
        shared: A pause of all requests with its credentials, if there is one.
        counted: The lane that it counts for: its own, or that which is presumed.
        is_doubtful: Whether it may be bound by a used-up quota, which nobody knows.
    """

    lane: Lane
    bucket: Bucket | None
    shared: Bucket | None
    counted: Lane
    is_doubtful: bool


def lane_of(server: ServerState, asker: Asker) -> Lane:
    """Return the lane of a request: of the quota that its path was last told of."""
    name = server.names.get(asker.path)
    if name is None:
        return Lane(None, asker.path, asker.caller)
    return Lane(name, None, asker.caller)


def binding_of(server: ServerState, asker: Asker, now: float, ahead: int) -> Binding:
    """
    Return what binds a request.

    Args:
        server: The limits of the server.
        asker: The request.
        now: The time.
        ahead: The number of requests that are sent before it.
    """
    caller, buckets, lane = asker.caller, server.buckets, lane_of(server, asker)
    name, bucket, counted, presumed = lane.bucket, buckets.get(lane), lane, None
    shared = None if caller is None else buckets.get(Lane(caller=caller))
    if bucket is None and name is None:
        last = server.presumed
        counted = UNNAMED if last is None else Lane(last, None, caller)
        presumed = buckets.get(counted)
        if server.holds and presumed is not None and now < presumed.pause:
            return Binding(counted, presumed, shared, counted, is_doubtful=False)
    is_doubtful = False
    if lane not in server.cleared:
        is_doubtful = is_used_up(presumed, now, ahead)
        if now < server.bound_until:
            is_doubtful = bucket is None or (
                name is None and bucket.heard < server.bound_since
            )
    return Binding(lane, bucket, shared, counted, is_doubtful)


def is_used_up(bucket: Bucket | None, now: float, ahead: int = 0) -> bool:
    """Return whether a quota has no request left that may be sent before it resets."""
    if bucket is None or bucket.quota is None or now >= bucket.quota.resets:
        return False
    return remaining(bucket, bucket.quota) <= ahead


def is_binding(bucket: Bucket | None, now: float) -> bool:
    """Return whether requests have to wait for a quota, or are spread after it."""
    if bucket is None:
        return False
    return now < max(bucket.pause, bucket.eases) or is_used_up(bucket, now)


def queue_of(server: ServerState | None, asker: Asker, now: float) -> Lane | None:
    """
    Return the queue of a request.

    Requests that wait for one quota do not delay those of another. All that wait for
    the own limit, or for a pause of the whole key, have one queue: `None`.
    """
    if server is None:
        return None
    lane, bucket, shared, _, is_doubtful = binding_of(server, asker, now, 0)
    if is_binding(bucket, now):
        return lane
    if is_binding(shared, now):
        return Lane(caller=asker.caller)
    return DOUBTFUL if is_doubtful else None
