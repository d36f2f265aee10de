"""The flow of stages: one flow for one stage, or for those of several nested layers."""

from __future__ import annotations

from typing import Any, ClassVar

from httpx_resilient._core.body.tracked import TrackedStream, track
from httpx_resilient._core.context import RequestContext, begin
from httpx_resilient._core.http_types import RequestT, ResponseT
from httpx_resilient._core.io.admission import Admission, MustWait, admit
from httpx_resilient._core.io.protocol import IO
from httpx_resilient._transport.base import InnerT, ResilientTransport
from httpx_resilient._transport.inner import LimitsT, ProxyT
from httpx_resilient._transport.linking import is_linked
from httpx_resilient._transport.stage import OVER, Stage
from httpx_resilient._transport.unwinding import abandon, replace, unwind

_NONE_YET = 1 << 30
"""The index of the outermost stage that has seen the response, if none has."""

Stay = tuple[RequestContext, list[Any], IO[Any, Any]]
"""A request whose body has not ended: its context, the visits of its stages, its IO."""


class StagedTransport(ResilientTransport[RequestT, ResponseT, InnerT, LimitsT, ProxyT]):
    """
    The base of layers that are stages, and the flow that runs them.

    If the inner transport is one, too, this flow runs its stages after its own. But a
    stage that limits the time is the last one: it limits all that it sends with.
    """

    _makes_context: ClassVar[bool] = True

    def _run(self, stage: Stage) -> None:
        """Run a stage."""
        self._stage = stage
        self._end: StagedTransport[Any, Any, Any, Any, Any] | None = None
        """The innermost transport that has joined, or `None` if none has."""
        self._prepare((stage,))

    def _join(self) -> None:
        """Run the stages of the inner transport, too, if they can join."""
        inner: Any = self._async_side.made
        if not self._stage.limits_time and _can_join(inner) and _can_join(self):
            inner._join()  # noqa: SLF001 - the inner one is of this class
            self._end = inner._end or inner  # noqa: SLF001 - the inner one is of this class
            self._prepare((self._stage, *inner._stages))  # noqa: SLF001 - the inner one is of this class

    def _prepare(self, stages: tuple[Stage, ...]) -> None:
        """Look up once what each request needs: only what a stage defines itself."""
        self._stages = stages
        innermost_first = [*enumerate(stages)][::-1]
        self._befores = [each.before for each in stages]
        self._afters = [
            (index, each.after)
            for index, each in innermost_first
            if type(each).after is not Stage.after
        ]
        self._ending = [
            (index, each.ended)
            for index, each in innermost_first
            if type(each).ended is not Stage.ended
        ]
        self._limits_time = stages[-1].limits_time
        self._stream_class = self._family.stream_class(TrackedStream)

    @property
    def _tail(self) -> ResilientTransport[Any, Any, Any, Any, Any]:
        return self._end or self

    def _refuse_asynchronous(self) -> None:
        super()._refuse_asynchronous()
        inner: Any = self._sync_side.made
        if self._end is not None:
            inner._refuse_asynchronous()  # noqa: SLF001 - a layer, too

    async def _handle(  # noqa: C901, PLR0912 - in one piece, since each request pays for each call
        self,
        request: RequestT,
        io: IO[RequestT, ResponseT],
        context: RequestContext | None = None,
    ) -> ResponseT:
        if context is None:
            context = begin(request, io)
            carried = None if self._is_lone else context
        else:
            context.now = io.now()
            carried = context
        visits: list[Any] = []
        admit_next = visits.append
        try:
            try:
                queued = None
                for before in self._befores:
                    admit_next(before(context))
            except MustWait as wait:
                queued = wait.admission
            if queued is not None:
                await self._wait(context, io, visits, queued)
            if self._limits_time and visits[-1] is not None:
                limit, answer = visits[-1], io.send(request, context)
                response = await io.within(limit.at - context.now, answer, limit)
                context.deadline = limit.outer
            else:
                response = await io.send(request, carried)
        except Exception as error:
            failure = self._unwound(context, io, visits, error)
            if failure is None:
                raise
            return replace(failure, context)  # type: ignore[no-any-return]  # it was sent by the same flow
        except BaseException:  # observed only, and raised again
            self._cancelled(context, io, visits)
            raise
        outermost = _NONE_YET
        try:
            context.now = io.now()
            for outermost, after in self._afters:
                visits[outermost] = after(context, visits[outermost], response)
            for index, _ in self._ending:
                if visits[index] is not OVER:
                    self._watch((context, visits, io), response)
                    break
        except BaseException as error:
            await abandon(self._stages, visits, outermost, context, io, response, error)
            raise
        return response

    def _watch(self, stay: Stay, response: ResponseT) -> None:
        """End a request when its response is closed."""
        if response.is_closed:  # a mock's, which was read when it was made
            self.on_closed(stay, None)
        else:
            track(response, self._stream_class, self, stay)

    async def _wait(
        self,
        context: RequestContext,
        io: IO[RequestT, ResponseT],
        visits: list[Any],
        queued: Admission | None,
    ) -> None:
        """Admit a request where it has to wait, and in the stages that are left."""
        while queued is not None:
            visits.append(await admit(queued, io))
            try:
                queued = None
                for before in self._befores[len(visits) :]:
                    visits.append(before(context))  # noqa: PERF401 - it may raise half-way
            except MustWait as wait:
                queued = wait.admission

    def _cancelled(
        self, context: RequestContext, io: IO[RequestT, ResponseT], visits: list[Any]
    ) -> None:
        """End a request that is cancelled. What a stage raises is logged."""
        try:
            self._unwound(context, io, visits, None)
        except Exception as error:  # noqa: BLE001 - a cancellation passes
            self._emit.report("a stage", error)

    def _unwound(
        self,
        context: RequestContext,
        io: IO[RequestT, ResponseT],
        visits: list[Any],
        error: Exception | None,
    ) -> Exception | None:
        """End a request without a response. Return what takes the place of `error`."""
        try:
            context.now = io.now()
            if len(visits) < len(self._stages):
                context.refused = True
            if self._limits_time and len(visits) == len(self._stages) and visits[-1]:
                context.deadline = visits[-1].outer
            failure = unwind(self._stages, visits, context, error)
        except BaseException:  # observed only, and raised again
            unwind(self._stages, visits, context, None)
            raise
        return None if failure is error else failure

    def on_closed(self, resource: Stay, error: BaseException | None) -> None:
        """End a request in each stage, when its response is closed."""
        context, visits, io = resource
        context.now = io.now()
        for index, ended in self._ending:
            visit = visits[index]
            if visit is not OVER:
                visits[index] = OVER
                try:
                    ended(context, visit, error)
                except BaseException:  # observed only, and raised again
                    self.on_closed(resource, error)
                    raise

    def on_leaked(self, resource: Stay) -> None:
        """Release a request in each stage, if its response was never closed."""
        context, visits, _ = resource
        for index, _ in self._ending:
            visit, visits[index] = visits[index], OVER
            if visit is not OVER:
                try:
                    self._stages[index].leaked(context, visit)
                except BaseException:  # observed only, and raised again
                    self.on_leaked(resource)
                    raise


def _can_join(transport: Any) -> bool:
    """Whether a transport runs stages, and no user has given it another flow."""
    flow = vars(StagedTransport)["_handle"]
    return (
        getattr(transport.__class__, "_handle", None) is flow
        and is_linked(transport, asynchronous=True)
        and is_linked(transport, asynchronous=False)
    )
