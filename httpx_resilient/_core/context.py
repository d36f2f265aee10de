"""What the layers know of one request: one object, handed inward."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Awaitable, Hashable, Sequence
from typing import Any

from httpx_resilient._core.clock import TimeSource
from httpx_resilient._core.deadline import Deadline
from httpx_resilient._core.history import KEY, Record
from httpx_resilient._core.http_types import RequestLike
from httpx_resilient._core.methods import KEY_HEADERS
from httpx_resilient._core.origin import OriginKey, origin_key
from httpx_resilient._core.public import public
from httpx_resilient._core.waits import Waits

OPTIONS = frozenset({"retry", "deadline", "hedge", "failover", "resume"})
"""The extensions by which a request differs from the settings of its layers."""


class PendingAwaitables(deque[Awaitable[object]]):
    """Awaitables that an asynchronous listener has returned, not awaited yet."""

    is_over = False
    """Whether the request is over. A task that it started may still emit an event."""


@public()
class RequestContext(Waits):
    """
    What the layers know of one request.

    The outermost layer makes it. Every layer hands it inward as an argument, and
    through a transport of another make in the extensions of a copied request. A hedge,
    and a request to another origin, have a fork of it. Stages read it, see `Stage`.

    Example:
        >>> import httpx
        >>> class Announce(Stage):
        ...     def before(self, context):
        ...         print(context.origin, context.attempt)
        >>> mock = httpx.MockTransport(lambda request: httpx.Response(200))
        >>> with httpx.Client(transport=StageTransport(Announce(), mock)) as client:
        ...     response = client.get("https://api.example.com/")
        ('https', 'api.example.com', None) 1
    """

    # What every stage reads is in slots; the rest, which few requests change, has its
    # default in the class, and costs nothing to make.
    __slots__ = (
        "attempt",
        "attempts",
        "clock",
        "deadline",
        "has_options",
        "now",
        "origin",
        "queued",
        "request",
    )

    request: RequestLike
    """The request that the outermost layer was given, or that of a fork."""
    origin: OriginKey
    """Scheme, host and port of the request's URL; a default port is `None`."""
    now: float
    """The clock in monotonic seconds, as last read: before sending, or after it."""
    started: float = math.inf
    """When the first attempt of a request that has failed was sent."""
    clock: TimeSource
    """What tells the time to a stage."""
    deadline: Deadline | None
    """The earliest deadline around, or `None`."""
    attempt: int
    """The number of the attempt that is under way, from 1."""
    last_failure: str = ""
    """Why the attempt before this one failed; empty for the first."""
    has_options: bool
    """Whether the request has an extension for a layer, such as `deadline`."""
    queued: float
    """Seconds that the attempt has waited in queues."""
    attempts: Sequence[Record]
    """What layers inside have sent for the attempt, if they send more than once."""
    answer: Any = None
    """The `SavedResponse` of a retry that was cancelled in a queue, with an answer."""
    in_memory: bool = False
    """Whether the body of the response is in memory: reading it takes no time."""
    pending: PendingAwaitables | None = None
    """What asynchronous listeners have returned, if there are any."""
    timeouts: dict[str, float | None] | None = None
    """The timeouts of the request as it was sent in a synchronous client."""
    parent: RequestContext | None = None
    """The context that this one is a fork of. It may have fewer options."""
    key_headers: tuple[bytes, ...] = KEY_HEADERS
    """The headers that may have an idempotency key, in lower case."""
    secrets: frozenset[bytes] = frozenset()
    """The headers that are for the origin of the request only, in lower case."""
    keys: tuple[tuple[object, Hashable], ...] = ()
    """The keys of the request, each with the function that has returned it."""

    def fork(self, request: RequestLike) -> RequestContext:
        """Make the context of another request within the same attempt."""
        context = begin(request, self.clock)
        context.deadline = self.deadline
        context.attempt = self.attempt
        context.last_failure = self.last_failure
        context.has_options = self.has_options or _has_options(request)
        context.pending = self.pending
        context.key_headers = self.key_headers
        context.secrets = self.secrets
        context.parent = self
        return context

    def __deepcopy__(self, memo: object) -> RequestContext:
        """A transport may copy the extensions of a request. This is the same one."""
        return self

    def __reduce__(self) -> tuple[type[None], tuple[()]]:
        """In another process, nothing is known of the request."""
        return type(None), ()

    def take(self) -> tuple[float, Sequence[Record]]:
        """Return the seconds in queues and the attempts inside, and start anew."""
        taken = self.queued, self.attempts
        self.queued, self.attempts = 0.0, ()
        return taken

    def join(self, fork: RequestContext) -> None:
        """Add what was queued and sent for a fork."""
        self.queued += fork.queued
        self.attempts = [*self.attempts, *fork.attempts]
        self.is_where(fork)


def _has_options(request: RequestLike) -> bool:
    return not OPTIONS.isdisjoint(request.extensions)


def begin(request: RequestLike, clock: TimeSource) -> RequestContext:
    """
    Make the context of a request.

    Args:
        request: The request.
        clock: What tells the time.
    """
    # Not an `__init__`, which costs 450 instructions more for each request.
    context = RequestContext()
    context.request = request
    url: Any = request.url
    try:  # `origin_key`, written out: as a call it would cost another 400 instructions
        parts = url._uri_reference  # noqa: SLF001 - see `origin_key`
        context.origin = parts[0], parts[2], parts[3]
    except AttributeError:
        context.origin = origin_key(url)
    context.now = clock.now()
    context.clock = clock
    context.attempt = 1
    context.attempts = ()
    context.deadline = None
    context.has_options = False
    context.queued = 0.0
    return context


def context_of(request: Any) -> RequestContext | None:
    """Return the context that travels with a request, or `None`."""
    found = request.extensions.get(KEY)
    return found if isinstance(found, RequestContext) else None
