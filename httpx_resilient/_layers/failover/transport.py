"""The failover layer: the flow of one request from origin to origin."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar, Unpack

from httpx_resilient._core.context import RequestContext, begin
from httpx_resilient._core.events.base import Listener
from httpx_resilient._core.http_types import RequestT, ResponseT
from httpx_resilient._core.idempotency import HeaderNames, idempotency_of
from httpx_resilient._core.io.protocol import IO
from httpx_resilient._core.validation import StringSequence
from httpx_resilient._layers.failover.call import ORIGIN, FailoverCall
from httpx_resilient._layers.failover.credentials import HeadersOf, credentials_for
from httpx_resilient._layers.failover.group import Failover
from httpx_resilient._layers.failover.readdress import target_of
from httpx_resilient._layers.failover.settings import OPTION, FailoverSettings, is_on
from httpx_resilient._transport.base import InnerT, ResilientTransport
from httpx_resilient._transport.inner import HTTPOptions, LimitsT, ProxyT
from httpx_resilient._transport.inside import transports_in


class FailoverTransport(
    ResilientTransport[RequestT, ResponseT, InnerT, LimitsT, ProxyT]
):
    """
    A transport that sends a request to the next of several origins if one fails.

    Address your requests to the first origin. If it fails, the next origin gets the
    same request with its own scheme, host, port, `Host` header and TLS server name.
    Further requests go there until the first origin is back, see `Failover`. Requests
    to any other address are sent unchanged, also those to a later origin: a link in its
    response leads back to it.

    A request fails over if `RetryingTransport` would retry it and its body can be sent
    again. That is always so if it was certainly not processed (connect errors, an open
    circuit, or 429, because another origin may have quota). After timeouts, broken
    connections, 408 and 5xx it is so only if the request is idempotent, see
    `retry_if_idempotent`. An untrusted certificate counts as a connect error. If a
    request may not fail over, you get its outcome, and later requests go to the next
    origin: so does a retry around this layer.

    No origin gets the same request twice. If all origins fail, you get the last outcome
    unchanged; if a layer inside refuses the last one, the response of the origin before
    it, as in `RetryingTransport`. An exception has a note that lists the origins tried.

    Args:
        inner: The transport to send with. By default, a `PoolingTransport`.
        origins: A `Failover`, which other transports may share, or a list of origins:
            `["https://eu.example.com", "https://us.example.com"]`.
        credentials: The headers with the credentials of other origins, by origin:
            `{"https://us.example.com": {"Authorization": f"Bearer {us_key}"}}`, or a
            function in place of the headers, which is called for each request and must
            not block. They replace headers of the same names, which no other origin
            gets. The client has the credentials for the first origin. Without its own,
            an origin gets none; if it answers 401, 403 or 407, the history and the
            event `CredentialsWithheld` name the headers that it did not get.
        share_credentials: Whether all origins get your credentials for the first one:
            `Authorization`, `Cookie`, `Proxy-Authorization`, and user and password in
            the URL. By default only the first one does, and the others cannot set
            cookies, because the client would send these to the first one.
        also_strip: More headers that only the first origin gets, such as
            `("x-api-key",)`. This library cannot recognize a key in a header of its
            own. A key in a query or a body is always sent: do not list an origin that
            must not see it.
        idempotency_header: As in `RetryingTransport`. Name it there if there is one
            around this layer.
        idempotency_key: As in `RetryingTransport`: all origins get the same key.
        on_event: Called with each `Event`, as in `RetryingTransport`.
        http: The options of the default inner transport, as in `PoolingTransport`.

    Raises:
        TypeError: `origins` or `also_strip` is not a list of strings; `credentials` is
            not a dictionary of headers by origin; `inner` is not a transport, or
            belongs to the other library; an option is unknown, or given together with
            an `inner`.
        ValueError: `origins` is empty, or names an origin twice; an origin is more than
            scheme, host and port; `credentials` names another origin, or the first one;
            a header is invalid; `share_credentials` is given together with
            `credentials`; a proxy cannot be used.
        ImportError: `http2=True` without the extra `http2`.

    `response.extensions["origin"]` is the origin that answered. `response.url` is the
    URL that you requested, and relative redirects start from it. All origins get a
    `Host` header or `sni_hostname` that differs from the URL.

    The extension `{"failover": False}` sends one request only to its own address.

    Example:
        >>> import httpx
        >>> def site(request):
        ...     up = request.url.host == "us.example.com"
        ...     return httpx.Response(200 if up else 503)
        >>> origins = ["https://eu.example.com", "https://us.example.com"]
        >>> transport = FailoverTransport(httpx.MockTransport(site), origins)
        >>> with httpx.Client(transport=transport) as client:
        ...     response = client.get("https://eu.example.com/status")
        >>> response.status_code, response.extensions["origin"]
        (200, 'https://us.example.com')
    """

    _option: ClassVar[str | None] = OPTION

    def __init__(
        self,
        inner: InnerT | None = None,
        origins: Failover | StringSequence = (),
        *,
        credentials: Mapping[str, HeadersOf] = MappingProxyType({}),
        share_credentials: bool = False,
        also_strip: StringSequence = (),
        idempotency_header: HeaderNames | None = None,
        idempotency_key: bool = False,
        on_event: Listener | None = None,
        **http: Unpack[HTTPOptions[LimitsT, ProxyT]],
    ) -> None:
        super().__init__(inner, on_event, dict(http))
        group = origins if isinstance(origins, Failover) else Failover(origins)
        self.failover = group
        idempotency = idempotency_of(idempotency_header, idempotency_key)
        self._settings = FailoverSettings(
            group,
            self._family,
            [target_of(origin, self._family) for origin in group.origins],
            credentials_for(
                group.origins, credentials, also_strip, share=share_credentials
            ),
            self._emit,
            idempotency,
        )
        self._slot = group.slot
        self._first = group.origins[0]
        url = self._family.request("GET", self._first).url
        self._scheme, self._host, self._port = url.scheme, url.raw_host, url.port
        # Of a request that may be slow, the layer has to know all that it was queued;
        # with a function for keys, each request looks up its own state; and another
        # name of an idempotency key is for the layers inside, too.
        is_watched = group.slow_after != math.inf or group.key is not None
        is_watched = is_watched or idempotency is not None
        self._plain_body = None if is_watched else self._family.plain_body
        self._has_group_inside = any(
            isinstance(each, FailoverTransport) for each in transports_in(inner)
        )

    async def _handle(  # noqa: C901 - in one piece, since each request pays for each call
        self,
        request: RequestT,
        io: IO[RequestT, ResponseT],
        context: RequestContext | None = None,
    ) -> ResponseT:
        url = request.url
        if (
            url.raw_host != self._host
            or url.scheme != self._scheme
            or url.port != self._port
            or (context is not None and context.has_options and not is_on(request))
        ):
            return await self._pass_on(request, io, context)
        # On the happy path, the first origin is up and no `FailoverCall` is made.
        call, sent, leg, started = None, request, context, io.now()
        if (
            type(request.stream) is not self._plain_body
            or self._slot.state.due[0] is not None
            or (context is not None and context.queued)
        ):
            call = self._call(request, io, context)
            sent, leg = call.next_request(started)
        response: ResponseT | None = None
        try:
            while True:
                try:
                    response = await io.send(sent, leg)
                except Exception as error:
                    call = call or self._call(request, io, context, sent=started)
                    if not await call.on_error(error, io):
                        if call.answer is None:
                            raise
                        return call.answered(call.answer)  # type: ignore[no-any-return]  # an earlier response
                else:
                    if response.status_code < 400 and call is None:
                        response.extensions[ORIGIN] = self._first
                        self.failover.has_answered = True
                        return response
                    call = call or self._call(request, io, context, sent=started)
                    if not await call.on_response(response, io):
                        return response
                    failed, response = response, None
                    await call.release(failed, io)
                sent, leg = call.next_request(io.now())
        except BaseException:  # raised again: a deadline may have caused a cancellation
            call = call or self._call(request, io, context, sent=started)
            await call.abandon(response, io)
            raise

    def _call(
        self,
        request: RequestT,
        io: IO[RequestT, ResponseT],
        context: RequestContext | None,
        sent: float | None = None,
    ) -> FailoverCall[RequestT]:
        context = context or begin(request, io)
        return FailoverCall(self._settings, request, context, sent)

    async def _pass_on(
        self,
        request: RequestT,
        io: IO[RequestT, ResponseT],
        context: RequestContext | None,
    ) -> ResponseT:
        """Send a request that is none of this group's."""
        response = await io.send(request, context)
        if not self._has_group_inside:
            # A mock may return the same object again.
            response.extensions.pop(ORIGIN, None)
        return response
