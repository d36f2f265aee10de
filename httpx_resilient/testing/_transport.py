"""The fault-injecting layer: carries out the plan of each request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar, Unpack

from httpx_resilient._core.body.unread import mark_unread
from httpx_resilient._core.classify import SWITCHING_PROTOCOLS
from httpx_resilient._core.context import RequestContext
from httpx_resilient._core.events.base import Listener
from httpx_resilient._core.events.faults import FaultInjected, LatencyInjected
from httpx_resilient._core.http_types import RequestT, ResponseT
from httpx_resilient._core.io.protocol import IO
from httpx_resilient._transport.base import InnerT, ResilientTransport
from httpx_resilient._transport.inner import HTTPOptions, LimitsT, ProxyT
from httpx_resilient.testing._faults import FaultSpec
from httpx_resilient.testing._faulty_body import (
    FaultyBody,
    is_delimited_by_close,
    sleep_within_read_timeout,
)
from httpx_resilient.testing._labels import add_labels, injected_error
from httpx_resilient.testing._plan import CannedResponse, FaultPlan
from httpx_resilient.testing._planner import FaultPlanner
from httpx_resilient.testing._request_filter import request_filter

_WITHOUT_BODY = frozenset({204, 304})  # RFC 9110 §6.4.1


class FaultInjectionLayer(
    ResilientTransport[RequestT, ResponseT, InnerT, LimitsT, ProxyT]
):
    """
    A transport that injects faults: for tests, and for chaos experiments in staging.

    Place it inside the layers under test, as in `RetryingTransport(faulty)`. It behaves
    as a real network does, and raises the exceptions of the HTTP library it is for.

    Args:
        inner: The transport that sends the requests that pass. By default, the same as
            that of a `PoolingTransport`.
        faults: A list is a script: each entry applies to one request, in the order in
            which requests start, and later requests pass. Without an `inner` or options
            of the default one, they raise `RuntimeError`, because a test should not
            reach the network. Any other value applies to every request. A fault is a
            status, which is answered locally (200 too); an exception of the library,
            class or instance; `None`, which lets the request pass; or an `Answer`,
            `Chance`, `Latency`, `Outage`, `Reset`, `SlowBody`, `Truncated`, or several
            `Together`.
        seed: Seed of all random numbers: the same seed gives the same faults to the
            first request, the second, ... By default each transport chooses its own,
            which the attribute `seed` shows.
        only: The requests that faults apply to: an origin such as
            `https://api.example.com`, or a callable that takes the request. Others
            pass, and do not count.
        on_event: Called with each `Event`, as for `RetryingTransport`.
        http: Options of the default inner transport, as for `RetryingTransport`.

    Raises:
        TypeError: A fault is not one of these, or is an exception of the other library;
            `only` or `seed` has the wrong type; `inner` is not a transport, or is one
            of the other library; an option is unknown, or given together with `inner`.
        ValueError: A number is out of range; `only` is not an origin; a proxy cannot be
            used.
        ImportError: `http2=True` without its extra.

    `response.extensions["fault"]` names the faults of a response; a note names those of
    an exception. Set `enabled = False` at any time to let all requests pass.

    Example:
        >>> import httpx
        >>> api = httpx.MockTransport(lambda request: httpx.Response(200, text="done"))
        >>> faulty = FaultInjectingTransport(api, [503, httpx.ConnectError])
        >>> with httpx.Client(transport=RetryingTransport(faulty)) as client:
        ...     response = client.get("https://api.example.com/")
        >>> response.text, faulty.injected
        ('done', {'503': 1, 'ConnectError': 1})
        >>> attempts = assert_attempts(response, 503, httpx.ConnectError, 200)
    """

    _is_wire: ClassVar[bool] = True

    def __init__(
        self,
        inner: InnerT | None,
        faults: Sequence[FaultSpec] | FaultSpec,
        *,
        seed: int | str | None = None,
        only: str | Callable[[RequestT], bool] | None = None,
        on_event: Listener | None = None,
        **http: Unpack[HTTPOptions[LimitsT, ProxyT]],
    ) -> None:
        super().__init__(inner, on_event, dict(http))
        self.enabled = True
        ends = inner is None and not http
        self._planner = FaultPlanner(faults, seed, self._family, ends=ends)
        self._selects = request_filter(only)
        self._faulty_body = self._family.stream_class(FaultyBody)

    @property
    def injected(self) -> dict[str, int]:
        """How often each fault has happened, by its name."""
        return self._planner.counts()

    @property
    def requests(self) -> int:
        """Number of requests that faults applied to: the entries of a script used."""
        return self._planner.requests

    @property
    def seed(self) -> int | str:
        """The seed. Another transport with this seed injects the same faults."""
        return self._planner.seed

    async def _handle(
        self,
        request: RequestT,
        io: IO[RequestT, ResponseT],
        context: RequestContext | None = None,
    ) -> ResponseT:
        if not (self.enabled and self._selects(request)):
            return await io.send(request, context)
        count = partial(self._count, context, request)
        plan = self._planner.plan(io.now())
        if plan.delay:
            in_time = await sleep_within_read_timeout(plan.delay, request, io)
            count("Latency")
            if not in_time:
                description = "no response within the read timeout"
                raise injected_error(self._family.read_timeout, "Latency", description)
        if plan.error is not None:
            count(plan.ended_by)
            raise injected_error(plan.error, plan.ended_by, plan.ended_by)
        if plan.response is None:
            response = await io.send(request, context)
        else:
            count(plan.ended_by)
            response = self._build(plan.response, request)
        if plan.loses_response:
            await io.discard(response, drain=False)
            count(plan.ended_by)
            description = "the connection was reset before the response arrived"
            raise injected_error(self._family.read_error, plan.ended_by, description)
        self._apply_body_faults(response, plan, request, io, count)
        return response

    def _count(
        self, context: RequestContext | None, request: RequestT, fault: str
    ) -> None:
        self._planner.count(fault)
        kind = LatencyInjected if fault == "Latency" else FaultInjected
        self._emit(context, kind, request, fault)

    def _build(self, canned: CannedResponse, request: RequestT) -> ResponseT:
        headers = list(canned.headers)
        if canned.body and not any(n.lower() == "content-length" for n, _ in headers):
            headers.append(("Content-Length", str(len(canned.body))))
        has_body = request.method != "HEAD" and canned.status not in _WITHOUT_BODY
        # A stream, as a response that is made from its content counts as read, which
        # one from a network does not.
        stream = self._family.plain_body(canned.body if has_body else b"")
        response: ResponseT = self._family.response(
            canned.status, headers=headers, stream=stream
        )
        return response

    def _apply_body_faults(
        self,
        response: ResponseT,
        plan: FaultPlan,
        request: RequestT,
        io: IO[RequestT, ResponseT],
        count: Callable[[str], None],
    ) -> None:
        names = ["Latency"] if plan.delay else []
        names += [plan.ended_by] if plan.ended_by else []
        if plan.body_faults and response.status_code != SWITCHING_PROTOCOLS:
            if "_content" in vars(response):
                # It was made from its content, so it counts as read.
                mark_unread(response)
            faulty: Any = response
            for fault in plan.body_faults:
                names.append(fault.name)
                faulty.stream = self._faulty_body(
                    faulty.stream,
                    fault,
                    request,
                    family=self._family,
                    io=io,
                    count=count,
                    silent=not fault.reset and is_delimited_by_close(response),
                )
        if names:
            add_labels(response, *names)
