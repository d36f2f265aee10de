"""The layer that goes on with bodies that break."""

from __future__ import annotations

from typing import Any, ClassVar, Unpack

from httpx_resilient._budget.budget import RetryBudget, budget_of
from httpx_resilient._core.context import RequestContext
from httpx_resilient._core.events.base import Listener
from httpx_resilient._core.http_types import RequestT, ResponseT
from httpx_resilient._core.io.protocol import IO
from httpx_resilient._core.validation import check_switch, number
from httpx_resilient._layers.resuming.errors import ContentChanged
from httpx_resilient._layers.resuming.settings import OPTION, Settings
from httpx_resilient._layers.resuming.steps import Limits
from httpx_resilient._layers.resuming.stream import ResumedStream
from httpx_resilient._transport.base import InnerT, ResilientTransport
from httpx_resilient._transport.inner import HTTPOptions, LimitsT, ProxyT

_WITH_BODY = frozenset({200, 206})


class ResumingTransport(
    ResilientTransport[RequestT, ResponseT, InnerT, LimitsT, ProxyT]
):
    """
    A transport whose bodies go on where they break, unseen by whoever reads them.

    If the connection of a streamed GET breaks, it asks for the rest, by `Range` and
    `If-Range` (RFC 9110 §14.2 and §13.1.5), and hands out its bytes only with every
    proof: the position, the total length, a strong validator, the encoding. Without a
    strong validator it reads everything once more, and goes on if the bytes that were
    handed out have the same hash. If neither is possible, the reader gets the exception
    of the break, with a note that says why; if the content has changed,
    `ContentChanged`, which names both versions.

    Put it inside of a `RetryingTransport`: then a body that is read as a whole, and
    cannot go on because the content has changed, is a failed attempt, and the new
    content arrives. Its own requests are repeated by itself.

    Args:
        inner: The transport to send with. By default, a `PoolingTransport`.
        max_resumes: The maximum number of further requests for one body. After five
            without a new byte it is given up earlier.
        max_reread: The maximum number of bytes of one body that may come more than
            once, 64 MiB by default. A body without a strong validator is hashed up to
            this length. 0 for none: then such a body is not resumed.
        budget: The budget that further requests are charged to, as in
            `RetryingTransport`: share its `RetryBudget`. By default, the transport has
            its own. A request costs as much as one after a timeout, which is refunded
            once a new byte has come.
        complete: Whether a body of gzip, deflate, br or zstd that ends before its
            encoding does has broken. The libraries read it as a shorter one.
        on_event: Called with each `Event`, as in `RetryingTransport`.
        http: The options of the default inner transport, as in `PoolingTransport`.

    Raises:
        TypeError: An option is not of its kind or unknown; `inner` is not a transport,
            or belongs to the other library.
        ValueError: A number is negative or not a number (NaN); a proxy cannot be used.
        ImportError: `http2=True` without the extra `http2`.

    It resumes the bodies of 200 and 206 to GET. An event stream and several ranges are
    not resumed, nor is a request with `{"resume": False}` or `{"retry": False}` in its
    extensions. Bytes are counted as they are on the wire, below the decoders of the
    client. `attempts_of` and `explain` have an attempt for each further request.

    Example:
        >>> import httpx
        >>> transport = RetryingTransport(ResumingTransport(max_reread=1_000_000))
        >>> with httpx.Client(transport=transport) as client:
        ...     pass
    """

    _option: ClassVar[str | None] = OPTION
    _makes_context: ClassVar[bool] = False
    _refusal: ClassVar[type[ContentChanged]] = ContentChanged

    def __init__(
        self,
        inner: InnerT | None = None,
        *,
        max_resumes: int = 20,
        max_reread: int = 64 * 1024 * 1024,
        budget: RetryBudget | bool = True,
        complete: bool = True,
        on_event: Listener | None = None,
        **http: Unpack[HTTPOptions[LimitsT, ProxyT]],
    ) -> None:
        super().__init__(inner, on_event, dict(http))
        limits = Limits(
            int(number("max_resumes", max_resumes, least=0, whole=True)),
            int(number("max_reread", max_reread, least=0, whole=True, unit="bytes")),
        )
        check_switch("complete", complete)
        self.budget: RetryBudget | None = budget_of(budget)
        self._settings = Settings(
            self._family,
            self._refusal,
            self._emit,
            limits,
            self.budget,
            complete,
            earns=budget is True,
        )
        self._stream_class = self._family.stream_class(ResumedStream)

    def _linked_io(self, *, asynchronous: bool) -> IO[RequestT, ResponseT]:
        io = super()._linked_io(asynchronous=asynchronous)
        inner: Any = self._async_side.made
        if (
            asynchronous
            and not self._is_observed
            and getattr(inner, "_plain_io", None) is not None
        ):
            # The flow inside needs no context, or makes it: so does this one.
            self._plain_io = io
        return io

    async def _handle(
        self,
        request: RequestT,
        io: IO[RequestT, ResponseT],
        context: RequestContext | None = None,
    ) -> ResponseT:
        if OPTION in request.extensions:
            check_switch(f'extensions["{OPTION}"]', request.extensions[OPTION])
        began = io.now()
        deadline = None if context is None else context.deadline
        response: Any = await io.send(request, context)
        if (
            request.method == "GET"
            and response.status_code in _WITH_BODY
            and not response.is_closed
        ):
            exchange = request, response, io, context, deadline, began, io.now()
            response.stream = self._stream_class(
                self._settings, exchange, response.stream
            )
        return response  # type: ignore[no-any-return]  # a response of the library
