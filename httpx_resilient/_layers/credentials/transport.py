"""The credentials layer: each attempt has the current credential of its origin."""

from __future__ import annotations

from functools import partial
from typing import ClassVar, Unpack

from httpx_resilient._core.body.replay import Body, body_of
from httpx_resilient._core.context import RequestContext, begin
from httpx_resilient._core.errors import Refusal
from httpx_resilient._core.events.base import Listener
from httpx_resilient._core.http_types import RequestT, ResponseT
from httpx_resilient._core.io.protocol import IO
from httpx_resilient._core.origin import origin_key
from httpx_resilient._core.request_copy import sync_body_back
from httpx_resilient._core.validation import is_asynchronous
from httpx_resilient._layers.credentials.credential import Credential
from httpx_resilient._layers.credentials.credentials import Credentials
from httpx_resilient._layers.credentials.fetching import is_of
from httpx_resilient._layers.credentials.refreshing import Refreshing
from httpx_resilient._layers.credentials.resending import (
    UNAUTHORIZED,
    SentTwice,
    send_again,
)
from httpx_resilient._transport.base import InnerT, ResilientTransport
from httpx_resilient._transport.inner import HTTPOptions, LimitsT, ProxyT


class CredentialsUnavailable(Refusal):
    """
    A request has no credential, because the function that fetches it has failed.

    It is a `TransportError`. Its `__cause__` is what the function has raised. A
    `RetryingTransport` around retries it if that is likely to be over soon.

    Example:
        >>> import httpx
        >>> def fetch():
        ...     raise httpx.ConnectError("the token server is down")
        >>> credentials = Credentials(fetch, "http://localhost")
        >>> mock = httpx.MockTransport(lambda request: httpx.Response(200))
        >>> transport = CredentialsTransport(mock, credentials)
        >>> with httpx.Client(transport=transport) as client:
        ...     try:
        ...         response = client.get("http://localhost/")
        ...     except CredentialsUnavailable as error:
        ...         print(error)
        no credential for http://localhost: fetch has raised ConnectError
    """


class CredentialsTransport(
    ResilientTransport[RequestT, ResponseT, InnerT, LimitsT, ProxyT]
):
    """
    A transport that gives each request the current credential, and renews it after 401.

    If the server answers 401, one request fetches a new credential, all others that
    need one wait for it, and each is sent once more, if its body can be sent again. A
    401 to an older credential than the current one needs no refresh. If the function
    fails, all who wait raise `CredentialsUnavailable`, and the next request tries
    again. If the request that fetches is cancelled, the next one who waits does it.

    Put it inside a `RetryingTransport`, so that every attempt has the current
    credential. What it sends once more is an attempt in `attempts_of`.

    Args:
        inner: The transport to send with. By default, a `PoolingTransport`.
        credentials: The `Credentials`, which other transports may share.
        on_event: Called with each `Event`, as in `RetryingTransport`.
        http: The options of the default inner transport, as in `PoolingTransport`.

    Raises:
        TypeError: `credentials` is not a `Credentials`; `inner` is not a transport, or
            belongs to the other library; an option is unknown, or given together with
            an `inner`. A synchronous client raises it if the function is asynchronous.
        ValueError: A proxy cannot be used.
        ImportError: `http2=True` without the extra `http2`.

    Only the origins of the `Credentials` get the credential: a redirect, a URL or a
    failover to another origin has none. Its headers replace those of the same names on
    a copy of the request, so neither `response.request` nor an event has them.

    Example:
        >>> import httpx
        >>> tokens = iter(["old", "new"])
        >>> def server(request):
        ...     is_new = request.headers["Authorization"] == "Bearer new"
        ...     return httpx.Response(200 if is_new else 401)
        >>> def fetch():
        ...     return next(tokens)
        >>> credentials = Credentials(fetch, "https://api.example.com")
        >>> inner = CredentialsTransport(httpx.MockTransport(server), credentials)
        >>> with httpx.Client(transport=RetryingTransport(inner)) as client:
        ...     response = client.get("https://api.example.com/")
        >>> [attempt.outcome for attempt in attempts_of(response)]
        [401, 200]
    """

    _refusal: ClassVar[type[CredentialsUnavailable]] = CredentialsUnavailable

    def __init__(
        self,
        inner: InnerT | None = None,
        credentials: Credentials | None = None,
        *,
        on_event: Listener | None = None,
        **http: Unpack[HTTPOptions[LimitsT, ProxyT]],
    ) -> None:
        super().__init__(inner, on_event, dict(http))
        if not isinstance(credentials, Credentials):
            msg = (
                "credentials must be Credentials, such as Credentials(fetch, "
                f"'https://api.example.com'); got {type(credentials).__name__}"
            )
            raise TypeError(msg)
        self.credentials: Credentials = credentials
        family, emit = self._family, self._emit
        self._refreshing = Refreshing(credentials, self._refusal, family, emit)
        self._plain_body = family.plain_body

    def _refuse_asynchronous(self) -> None:
        super()._refuse_asynchronous()
        if is_asynchronous(self.credentials.fetch):
            msg = (
                "the function that fetches a credential is asynchronous and cannot be "
                "awaited in a synchronous client: give a plain one, or use an "
                "AsyncClient"
            )
            raise TypeError(msg)

    async def _handle(
        self,
        request: RequestT,
        io: IO[RequestT, ResponseT],
        context: RequestContext | None = None,
    ) -> ResponseT:
        origin = origin_key(request.url) if context is None else context.origin
        credentials = self.credentials
        if origin not in credentials.origins or (
            credentials.flights and is_of(credentials.flight)
        ):
            return await io.send(request, context)
        began, queued = io.now(), 0.0 if context is None else context.queued
        body = None
        if type(request.stream) is not self._plain_body:
            body = body_of(request, self._family)
        credential = credentials.current(began)
        if credential is None:
            context = context or begin(request, io)
            credential = await self._refreshing.credential_for(context, io)
        response = await self._send(credential, request, body, io, context)
        if response.status_code != UNAUTHORIZED:
            return response
        credential.is_refused = True
        if body is not None and await body.again(io) is None:
            return response
        context = context or begin(request, io)
        return await send_again(
            response,
            SentTwice(context, began, queued, io.now()),
            context,
            io,
            self._family,
            self._emit,
            partial(self._refreshing.credential_for, context, io),
            partial(self._send, request=request, body=body, io=io, context=context),
        )

    async def _send(
        self,
        credential: Credential,
        request: RequestT,
        body: Body[RequestT] | None,
        io: IO[RequestT, ResponseT],
        context: RequestContext | None,
    ) -> ResponseT:
        """Send a copy of a request, with a credential."""
        sent = request if body is None else body.request
        copy = credential.put_on(sent, context)
        try:
            return await io.send(copy, context)
        finally:
            if sent is request:
                sync_body_back(request, copy)
