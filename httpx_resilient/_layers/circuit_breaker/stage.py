"""The circuit breaker as a stage."""

from __future__ import annotations

from collections.abc import Hashable

from httpx_resilient._core.classify import (
    SWITCHING_PROTOCOLS,
    Retryability,
    classify_status,
    is_of_server,
)
from httpx_resilient._core.context import RequestContext
from httpx_resilient._core.errors import Refusal
from httpx_resilient._core.events.emitter import EventEmitter
from httpx_resilient._core.family import Family
from httpx_resilient._core.http_types import ResponseLike
from httpx_resilient._core.io.admission import MustWait
from httpx_resilient._core.keys import name_in, own_key_of
from httpx_resilient._core.origin import origin_name
from httpx_resilient._core.state.sliding_window import Window
from httpx_resilient._layers.circuit_breaker.admission import ProbeAdmission
from httpx_resilient._layers.circuit_breaker.breaker import CircuitBreaker
from httpx_resilient._layers.circuit_breaker.events import (
    CircuitClosed,
    CircuitCreated,
    CircuitHalfOpened,
    CircuitOpened,
    CircuitRefused,
)
from httpx_resilient._layers.circuit_breaker.probe import Call, Probe
from httpx_resilient._layers.circuit_breaker.state import Busy, Open, Refused
from httpx_resilient._transport.stage import OVER, Stage


class BreakerStage(Stage):
    """
    Refuses requests while a circuit is not closed, and records how others end.

    Its visit is a `Call`.

    Args:
        breaker: The circuits.
        refusal: The exception of a refusal.
        family: The library of the requests.
        emit: The emitter of the layer.
    """

    def __init__(
        self,
        breaker: CircuitBreaker,
        refusal: type[Refusal],
        family: Family,
        emit: EventEmitter,
    ) -> None:
        self._breaker = breaker
        self._slow_after = breaker.slow_after
        self._known = breaker.circuits.known
        self._append = breaker.circuits.append
        self._refusal = refusal
        self._family = family
        self._emit = emit
        breaker.emit.join(emit)

    def before(self, context: RequestContext) -> Call:
        # Only the end of a request changes a closed circuit.
        slot = self._known(context.origin)
        if slot is None:
            self._create(context)
        elif type(slot.state) is not Window:
            return self._enter(context)
        return [context.now]

    def _create(self, context: RequestContext) -> None:
        """Emit that a request has a circuit of which nothing is known yet."""
        if self._emit.wants(CircuitCreated):
            self._emit(context, CircuitCreated, *self._circuit(context))

    def _enter(self, context: RequestContext) -> Probe:
        key = self._key_of(context)
        answer = self._breaker.enter(key, context.now)
        if isinstance(answer, Busy):
            breaker, emit = self._breaker, self._emit
            raise MustWait(
                ProbeAdmission(context, emit, breaker, key, answer, self.accept)
            )
        return self.accept(context, answer)

    def accept(self, context: RequestContext, answer: Probe | Refused) -> Probe:
        """Return a probe that is admitted, or raise the exception of a refusal."""
        if isinstance(answer, Refused):
            reason, retry_after = answer
            self._emit(context, CircuitRefused, context.request, reason, retry_after)
            msg = f"the circuit to {name_in(context, self._breaker.key)} {reason}"
            raise self._refusal(msg, retry_after=retry_after)
        if answer.half_opened:
            try:
                self._emit(context, CircuitHalfOpened, *self._circuit(context))
            except BaseException:  # observed only, and raised again: it is not sent
                answer.give_back(context.now)
                raise
        return answer

    def after(
        self,
        context: RequestContext,
        visit: Call,
        outcome: ResponseLike | Exception | None,
    ) -> Call:
        sent, now, slow_after = visit[0], context.now, self._slow_after
        if now - sent >= slow_after and context.elapsed_since(sent, now) >= slow_after:
            visit.append(context.now)
        failed: bool | None
        calls = 1
        if isinstance(outcome, Exception):
            failed = is_of_server(outcome, self._family) or None
        elif outcome is None:
            # One cancellation says nothing about the server, many in a row do.
            calls = 0
            if not context.is_held_here:
                key = self._key_of(context)
                calls = self._breaker.give_up(key, visit[0], context.now)
            failed = True if calls else None
        else:
            status = outcome.status_code
            if SWITCHING_PROTOCOLS < status < 500 and type(visit) is list:
                return visit
            failed = status >= 500 and classify_status(status) is not Retryability.NEVER
            # The headers of a slow probe are its end.
            has_body = type(visit) is list or len(visit) == 1
            if not failed and status != SWITCHING_PROTOCOLS and has_body:
                self._breaker.answered(self._key_of(context), visit[0])
                return visit
        self._settle(context, visit, failed=failed, calls=calls)
        return OVER  # type: ignore[no-any-return]  # the visit of no request

    def ended(
        self, context: RequestContext, visit: Call, error: BaseException | None
    ) -> None:
        """Record a request when its body has ended."""
        if (
            error is None
            and len(visit) == 1
            and self._append(context.origin, Window, context.now)
        ):
            return
        failed: bool | None = False
        if isinstance(error, Exception):
            failed = is_of_server(error, self._family) or None
        elif error is not None and not isinstance(error, GeneratorExit):
            failed = None  # cancelled; GeneratorExit means that the reader has enough
        if visit:
            self._settle(context, visit, failed=failed)

    def leaked(self, context: RequestContext, visit: Call) -> None:
        """Ignore a request whose body was never closed: it says nothing."""

    def _settle(
        self,
        context: RequestContext,
        visit: Call,
        *,
        failed: bool | None,
        calls: int = 1,
    ) -> None:
        key, now, slow = self._key_of(context), context.now, len(visit) > 1
        changed = self._breaker.leave(
            key, visit[0], now, failed=failed, slow=slow, calls=calls
        )
        visit.clear()
        if changed is None:
            return
        origin, own_key = self._circuit(context)
        if isinstance(changed, Open):
            seconds, reason = changed.until - now, changed.reason
            self._emit(context, CircuitOpened, origin, reason, seconds, own_key)
        else:
            self._emit(context, CircuitClosed, origin, own_key)

    def _key_of(self, context: RequestContext) -> Hashable:
        """Return the key of the circuit of a request."""
        return context.origin

    def _circuit(self, context: RequestContext) -> tuple[str, Hashable]:
        """Return the origin and the key of a circuit, `None` if they are the same."""
        return origin_name(context.origin), own_key_of(context, self._breaker.key)
