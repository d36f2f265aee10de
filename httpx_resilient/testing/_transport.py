"""The fault-injecting layer: the flow of one request through what happens to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from inspect import iscoroutinefunction
from typing import Any, Unpack
from urllib.parse import urlsplit

from httpx_resilient._core.classify import SWITCHING_PROTOCOLS
from httpx_resilient._core.events.base import Listener
from httpx_resilient._core.events.faults import FaultInjected
from httpx_resilient._core.http_types import RequestT, ResponseT
from httpx_resilient._core.io.protocol import IO
from httpx_resilient._core.origin import origin_key, parse_origin
from httpx_resilient._transport.base import InnerT, ResilientTransport
from httpx_resilient._transport.inner import HTTPOptions, LimitsT, ProxyT
from httpx_resilient.testing._faults import Entry
from httpx_resilient.testing._faulty_body import FaultyBody, in_time
from httpx_resilient.testing._labels import injected, marked
from httpx_resilient.testing._plan import MadeAnswer, Plan
from httpx_resilient.testing._script import Player

_WITHOUT_BODY = frozenset({204, 304})  # RFC 9110 §6.4.1


class FaultInjecting(
    ResilientTransport[RequestT, ResponseT, InnerT, LimitsT, ProxyT]
):
    """
    A transport that fails as you say: for tests, and for chaos in staging.

    Put it inside of what is to be tested: `RetryingTransport(faulty)`. What it does is
    what the wire does, with the exceptions of the library it is for.

    Args:
        inner: The transport that sends what passes. Without one, it is what a
            `PoolingTransport` is.
        faults: A list is a script: one entry for each request, in the order in which
            they come; after the last one all pass. Anything else is for every request.
            A fault is a status, answered here (200, too); an exception of the library,
            class or instance; `None` for nothing; or a `Reset`, `Truncated`,
            `SlowBody`, `Latency`, `Answer`, `Outage`, `Chance` or several `Together`.
        seed: What chance is made from: the same seed, the same faults for the first
            request, the second, ... By default another one in each run, which the
            attribute `seed` tells.
        only: The requests that it is for: an origin, `https://api.example.com`, or a
            callable that is given the request. Others pass, and count for nothing.
        on_event: Called with each `Event`, as for `RetryingTransport`.
        http: What the library's own HTTP transport takes, as for `RetryingTransport`.

    Raises:
        TypeError: A fault is none, or an exception of the other library; `only` or
            `seed` is of no use; `inner` is no transport, or of the other library; an
            option is unknown, or given together with an `inner`.
        ValueError: A number is out of range; `only` is no origin; a proxy cannot be
            used.
        ImportError: `http2=True` without its extra.

    An answer tells what was done to it, in `response.extensions["fault"]`; an exception
    in a note. `enabled = False` turns it off while it runs.

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

    def __init__(
        self,
        inner: InnerT | None,
        faults: Sequence[Entry] | Entry,
        *,
        seed: int | str | None = None,
        only: str | Callable[[RequestT], bool] | None = None,
        on_event: Listener | None = None,
        **http: Unpack[HTTPOptions[LimitsT, ProxyT]],
    ) -> None:
        super().__init__(inner, on_event, dict(http))
        self.enabled = True
        self._player = Player(faults, seed, self._family)
        self._only = None if only is None else _predicate(only)
        self._faulty = self._family.stream_class(FaultyBody)

    @property
    def injected(self) -> dict[str, int]:
        """How many of each fault have happened, by its name."""
        return self._player.counts()

    @property
    def requests(self) -> int:
        """How many requests it was for: as many entries of a script are used."""
        return self._player.requests

    @property
    def seed(self) -> int | str:
        """What chance is made from. Given again, it makes the same."""
        return self._player.seed

    async def _handle(
        self, request: RequestT, io: IO[RequestT, ResponseT]
    ) -> ResponseT:
        if not self.enabled or (self._only is not None and not self._only(request)):
            return await io.send(request)
        count, plan = partial(self._count, request), self._player.plan(io.now())
        if plan.wait:
            late = not await in_time(plan.wait, request, io)
            count("Latency")
            if late:
                what = "no answer came within the read timeout"
                raise injected(self._family.read_timeout, "Latency", what)
        if plan.error is not None:
            count(plan.name)
            raise injected(plan.error, plan.name, plan.name)
        if plan.answer is None:
            response = await io.send(request)
        else:
            count(plan.name)
            response = self._made(plan.answer, request)
        if plan.is_lost:
            await io.discard(response, drain=False)
            count(plan.name)
            what = "the connection was reset before the response came"
            raise injected(self._family.read_error, plan.name, what)
        self._spoil(response, plan, request, io)
        return response

    def _count(self, request: RequestT, fault: str) -> None:
        self._player.count(fault)
        self._emit(FaultInjected, request, fault)

    def _made(self, answer: MadeAnswer, request: RequestT) -> ResponseT:
        # Made with its content it would count as read, which none from a wire does.
        headers = list(answer.headers)
        if answer.body and not any(n.lower() == "content-length" for n, _ in headers):
            headers.append(("Content-Length", str(len(answer.body))))
        has_body = request.method != "HEAD" and answer.status not in _WITHOUT_BODY
        stream = self._family.plain_body(answer.body if has_body else b"")
        made: ResponseT = self._family.response(
            answer.status, headers=headers, stream=stream
        )
        return made

    def _spoil(
        self,
        response: ResponseT,
        plan: Plan,
        request: RequestT,
        io: IO[RequestT, ResponseT],
    ) -> None:
        names = ["Latency"] if plan.wait else []
        names += [plan.name] if plan.name else []
        if plan.body and response.status_code != SWITCHING_PROTOCOLS:
            _reopen(response)
            faulty: Any = response
            for fault in plan.body:
                names.append(fault.name)
                quiet = not fault.reset and _ends_with_its_connection(response)
                count = partial(self._count, request)
                faulty.stream = self._faulty(
                    faulty.stream, fault, request, io, count, quiet=quiet
                )
        if names:
            marked(response, *names)


def _reopen(response: object) -> None:
    # A response that was made with its content counts as read, and nobody would ask
    # its stream. No public name changes that.
    held = vars(response)
    if held.pop("_content", None) is not None:
        held.pop("_decoder", None)
        held.update(is_closed=False, is_stream_consumed=False)


def _ends_with_its_connection(response: Any) -> bool:
    """Whether nothing tells how long a body is (RFC 9112 §6.3, the last case)."""
    headers = response.headers
    return response.extensions.get("http_version", b"")[:6] == b"HTTP/1" and not (
        "content-length" in headers or "transfer-encoding" in headers
    )


def _predicate(only: str | Callable[[Any], bool]) -> Callable[[Any], bool]:
    if isinstance(only, str):
        parts = urlsplit(only)
        if parts.path not in {"", "/"} or parts.query or parts.fragment:
            msg = (
                "only is an origin such as https://api.example.com, without a path: "
                "for more give a callable of the request"
            )
            raise ValueError(msg)
        key = parse_origin(only)
        return lambda request: origin_key(request.url) == key
    if not callable(only) or iscoroutinefunction(only):
        msg = (
            "only is an origin such as https://api.example.com, or a callable that is "
            f"given a request and is not asynchronous; got {only!r}"
        )
        raise TypeError(msg)
    return only
