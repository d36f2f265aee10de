"""A transport of a stage that a user has written."""

from __future__ import annotations

from typing import Unpack

from httpx_resilient._core.events.base import Listener
from httpx_resilient._core.http_types import RequestT, ResponseT
from httpx_resilient._transport.base import InnerT
from httpx_resilient._transport.inner import HTTPOptions, LimitsT, ProxyT
from httpx_resilient._transport.stage import Stage
from httpx_resilient._transport.staged import StagedTransport


class StageTransport(StagedTransport[RequestT, ResponseT, InnerT, LimitsT, ProxyT]):
    """
    A transport that runs a `Stage` of your own.

    It serves both clients, nests with every other layer, and shares one flow with the
    stages of the transports inside.

    Args:
        stage: The stage, which other transports may share.
        inner: The transport to send with. By default, a `PoolingTransport`.
        on_event: Called with each `Event` of the default inner transport, and with
            `CallEnded` if it asks for that, and this is the outermost layer.
        http: The options of the default inner transport, as in `PoolingTransport`.

    Raises:
        TypeError: `stage` is not a `Stage`; `inner` is not a transport, or belongs to
            the other library; an option is unknown, or given together with an `inner`.
        ValueError: A proxy cannot be used.
        ImportError: `http2=True` without the extra `http2`.

    Example:
        >>> import httpx
        >>> class Maintenance(Stage):
        ...     def before(self, context):
        ...         raise httpx.ConnectError("closed for maintenance until 9:00")
        >>> with httpx.Client(transport=StageTransport(Maintenance())) as client:
        ...     try:
        ...         response = client.get("https://api.example.com/")
        ...     except httpx.ConnectError as error:
        ...         print(error)
        closed for maintenance until 9:00
    """

    def __init__(
        self,
        stage: Stage,
        inner: InnerT | None = None,
        *,
        on_event: Listener | None = None,
        **http: Unpack[HTTPOptions[LimitsT, ProxyT]],
    ) -> None:
        super().__init__(inner, on_event, dict(http))
        if not isinstance(stage, Stage):
            msg = (
                "stage must be an instance of a subclass of Stage, such as "
                f"MyStage(); got {stage!r}"
            )
            raise TypeError(msg)
        self.stage: Stage = stage
        self._run(stage)
