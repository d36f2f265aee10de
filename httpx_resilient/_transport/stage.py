"""A stage: what a layer does that only admits a request, watches it and releases it."""

from __future__ import annotations

from typing import Any, ClassVar

from httpx_resilient._core.context import RequestContext
from httpx_resilient._core.http_types import ResponseLike
from httpx_resilient._core.public import public

OVER: Any = object()
"""The visit of a request that has ended for a stage, before its body has."""


@public()
class Stage:
    """
    A layer that admits a request, watches it and releases it, in plain functions.

    `StageTransport` runs it. Nested transports of stages run all of theirs in one flow.
    All three methods are called in the task or thread of the request, and must not
    block. One stage serves many requests at a time: what it has to remember of one is
    its *visit*.

    Example:
        >>> import httpx
        >>> class Count(Stage):
        ...     in_flight = 0
        ...     def before(self, context):
        ...         self.in_flight += 1
        ...     def ended(self, context, visit, error):
        ...         self.in_flight -= 1
        >>> mock = httpx.MockTransport(lambda request: httpx.Response(200))
        >>> transport = StageTransport(Count(), mock)
        >>> with httpx.Client(transport=transport) as client:
        ...     response = client.get("https://api.example.com/")
        >>> transport.stage.in_flight
        0
    """

    limits_time: ClassVar[bool] = False
    """
    Whether its visit is a `Deadline` for all that is sent from then on, or `None`.

    Such a stage is the last one of its flow: the stages inside of it have their own.
    """

    def before(self, context: RequestContext) -> Any:
        """
        Admit a request, or raise to refuse it.

        Args:
            context: What is known of the request. `context.now` is the current time.

        Returns:
            The visit: anything, which the other methods get.

        Raises:
            Exception: The request is refused: a subclass of the library's
                `TransportError`.
            MustWait: It has to wait. What it is granted then is the visit.
        """

    def after(
        self,
        context: RequestContext,  # noqa: ARG002 - what a subclass may read
        visit: Any,
        outcome: ResponseLike | Exception | None,  # noqa: ARG002 - what a subclass may read
    ) -> Any:
        """
        Watch how a request was answered. It is called once, if `before` did not raise.

        Args:
            context: As before. `context.now` is when the headers or the exception came.
            visit: What `before` has returned.
            outcome: The response, open and unread; the exception; or `None` if the
                request was cancelled.

        Returns:
            The visit for `ended`, or `OVER` if that has nothing left to do.

        Raises:
            Exception: It takes the place of the exception in `outcome`.
        """
        return visit

    def ended(
        self, context: RequestContext, visit: Any, error: BaseException | None
    ) -> None:
        """
        Release a request. It is called once, if `before` did not raise.

        If `after` raises, it is called with the visit that `before` has returned.

        A request ends with its exception, or when its response is closed. It may be
        called by a finalizer, so it must not wait for a lock.

        Args:
            context: As before.
            visit: What `after` has returned.
            error: The exception that has ended it, if any. `None` also if the request
                was cancelled before its headers.
        """

    def leaked(self, context: RequestContext, visit: Any) -> None:
        """
        Release a request whose response was collected without having been closed.

        By default, as any that has ended. Any thread may call it, in a finalizer.
        """
        self.ended(context, visit, None)
