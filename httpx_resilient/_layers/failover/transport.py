"""The failover layer: the flow of one request from origin to origin."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Unpack, cast

from httpx_resilient._core.events.base import Listener
from httpx_resilient._core.http_types import RequestT, ResponseT
from httpx_resilient._core.io.protocol import IO
from httpx_resilient._core.origin import origin_key
from httpx_resilient._core.validation import TOKEN
from httpx_resilient._layers.failover.call import ORIGIN, Journey, Terms
from httpx_resilient._layers.failover.group import Failover
from httpx_resilient._layers.failover.readdress import CREDENTIALS, target_of
from httpx_resilient._transport.base import InnerT, ResilientTransport
from httpx_resilient._transport.inner import HTTPOptions, LimitsT, ProxyT

KEY = "failover"


class FailingOver(ResilientTransport[RequestT, ResponseT, InnerT, LimitsT, ProxyT]):
    """
    A transport that sends to the next origin what the first one fails to answer.

    Requests are addressed to the first origin. Where it fails, the next one gets the
    same request: scheme, host, port, `Host` header and the name that TLS asks for are
    its own, all else is as it was. It stays with that one until the first one is back,
    as `Failover` says. Requests to any other address pass untouched, those to a later
    origin as well: links that it gave you lead back to it.

    What is sent on is what `RetryingTransport` would send again, if the body can be:
    anything that was certainly not processed (connect errors, a circuit that is open,
    429: another origin may have quota), and timeouts, broken connections, 408 and 5xx
    only if the request may be repeated, as `retry_if_idempotent` says. A certificate
    that is refused counts as a connect error. Any other request gets its own outcome,
    and the next one a better origin: a retry around this layer goes on from there.

    No origin is asked twice for a request. If all fail, you get the last outcome, as it
    is; an exception has a note that tells of the others.

    Args:
        inner: The transport to send with. Without one, it is what a `PoolingTransport`
            is.
        origins: A `Failover`, which may be shared; or a list of origins, to make one:
            `["https://eu.example.com", "https://us.example.com"]`.
        share_credentials: Whether all origins may have what you send to the first one:
            `Authorization`, `Cookie`, `Proxy-Authorization` and a user or password in
            the URL. By default the others get none of it, and cannot set a cookie,
            which would be sent to the first one.
        also_strip: More headers that the other origins do not get, such as
            `("x-api-key",)`. A key in a header of its own cannot be told from any other
            header. One in a query or in a body is always sent: if the other origins
            must not see it, do not list them here.
        on_event: Called with each `Event`, as for `RetryingTransport`.
        http: What the library's own HTTP transport takes, as for `RetryingTransport`.

    Raises:
        TypeError: `origins` or `also_strip` is no list of strings; `inner` is no
            transport, or of the other library; an option is unknown, or given together
            with an `inner`.
        ValueError: There is no origin, or one of them twice; one is not just scheme,
            host and port; a name in `also_strip` is no header's; a proxy cannot be
            used.
        ImportError: `http2=True` without its extra.

    `response.extensions["origin"]` tells which origin has answered. `response.url` is
    what you asked for, and what a relative redirect starts from. A `Host` header or
    `sni_hostname` other than that of the URL is yours, and goes to every origin.

    One request may differ: `extensions={"failover": False}` is sent where it is
    addressed to.

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

    def __init__(
        self,
        inner: InnerT | None = None,
        origins: Failover | Sequence[str] = (),
        *,
        share_credentials: bool = False,
        also_strip: Sequence[str] = (),
        on_event: Listener | None = None,
        **http: Unpack[HTTPOptions[LimitsT, ProxyT]],
    ) -> None:
        super().__init__(inner, on_event, dict(http))
        group = origins if isinstance(origins, Failover) else Failover(origins)
        self.failover = group
        self._terms = Terms(
            group,
            self._family,
            [target_of(origin, self._family) for origin in group.origins],
            _names(also_strip) | (frozenset() if share_credentials else CREDENTIALS),
            share_credentials,
            self._emit,
        )
        self._first = group.origins[0]
        addressed = self._family.request("GET", self._first).url
        self._scheme, self._host, self._port = origin_key(addressed)
        self._plain_body = self._family.plain_body

    async def _handle(
        self, request: RequestT, io: IO[RequestT, ResponseT]
    ) -> ResponseT:
        url = request.url
        if (
            url.raw_host != self._host
            or url.scheme != self._scheme
            or url.port != self._port
            or (KEY in request.extensions and not _is_on(request.extensions[KEY]))
        ):
            return await io.send(request)
        # The happy path comes first: the first origin is up, and answers.
        journey, sent, started = None, request, io.now()
        if (
            type(request.stream) is not self._plain_body
            or self.failover.state.due[0] is not None
        ):
            journey = Journey(self._terms, request)
            sent = journey.onward(started)
        response: ResponseT | None = None
        try:
            while True:
                try:
                    response = await io.send(sent)
                except Exception as error:
                    journey = journey or Journey(self._terms, request, started)
                    if not await journey.raised(error, io):
                        raise
                else:
                    if response.status_code < 400 and journey is None:
                        response.extensions[ORIGIN] = self._first
                        return response
                    journey = journey or Journey(self._terms, request, started)
                    if not await journey.returned(response, io):
                        return response
                    answer, response = response, None
                    await io.discard(answer)
                sent = journey.onward(io.now())
        except BaseException:  # looked at only: what is cancelled may have been slow
            journey = journey or Journey(self._terms, request, started)
            await journey.is_abandoned(response, io)
            raise


def _names(headers: object) -> frozenset[bytes]:
    example = "also_strip is a list of headers such as ('x-api-key',)"
    if isinstance(headers, str) or not isinstance(headers, Iterable):
        msg = f"{example}, got {headers!r}"
        raise TypeError(msg)
    names: set[bytes] = set()
    for name in cast("Iterable[object]", headers):
        if not isinstance(name, str):
            msg = f"{example}, got {name!r} in it"
            raise TypeError(msg)
        if not TOKEN.fullmatch(name):
            msg = f"{example}: {name!r} is no name of a header"
            raise ValueError(msg)
        names.add(name.lower().encode())
    return frozenset(names)


def _is_on(option: object) -> bool:
    if not isinstance(option, bool):
        msg = f'extensions["{KEY}"] is False, or left out; got {option!r}'
        raise TypeError(msg)
    return option
