"""The options of commands that send requests, or simulate it, with their help."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from httpx_resilient import PoolingTransport
from httpx_resilient._cli.options import MAX_SECONDS
from httpx_resilient._cli.policy import PolicyOptions
from httpx_resilient._cli.usage import checked

MaxTime = Annotated[
    float | None,
    typer.Option(
        "--max-time",
        "-m",
        min=0.001,
        max=MAX_SECONDS,
        metavar="SECONDS",
        help="Limit for a request as a whole: all attempts, the waits between them "
        "and the body. By default there is none.",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerOptions(PolicyOptions):
    """The options of a policy and of the layers around it."""

    budget: Annotated[
        bool,
        typer.Option(
            "--budget/--no-budget",
            help="Charge retries to a budget that successes refill, so that retries "
            "stay in proportion to them.",
        ),
    ] = True
    timeout: Annotated[
        float,
        typer.Option(
            min=0.001,
            max=MAX_SECONDS,
            metavar="SECONDS",
            help="Limit for each step of an attempt: connecting, sending or receiving "
            "a part.",
        ),
    ] = 10.0
    max_time: MaxTime = None

    def layers(self) -> dict[str, Any]:
        """
        Return the keyword arguments of `standard_transport`.

        Raises:
            BadParameter: An option is not a strategy, or cannot be used.
        """
        return {
            "deadline": self.max_time,
            "retry": self.strategies(),
            "budget": self.budget,
            "breaker": False,
            "attempt": None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SendingOptions(LayerOptions):
    """The options of commands that send requests."""

    http2: Annotated[bool, typer.Option("--http2", help="Offer HTTP/2.")] = False
    proxy: Annotated[
        str | None,
        typer.Option(
            "--proxy",
            "-x",
            metavar="URL",
            help="The proxy, instead of those that the environment names.",
        ),
    ] = None
    cacert: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="The certificates of the authorities to trust."
        ),
    ] = None
    insecure: Annotated[
        bool,
        typer.Option(
            "--insecure", "-k", help="Do not verify the certificate of the server."
        ),
    ] = False

    def http(self) -> dict[str, Any]:
        """
        Return the options of the transport that sends.

        Raises:
            BadParameter: An option cannot be used.
        """
        options: dict[str, Any] = {}
        if self.http2:
            options["http2"] = True
            checked("--http2", lambda: PoolingTransport(http2=True))
        if self.proxy is not None:
            options["proxy"] = proxy = self.proxy
            checked("--proxy", lambda: PoolingTransport(proxy=proxy))
        if self.insecure:
            options["verify"] = False
        elif self.cacert is not None:
            file = self.cacert
            options["verify"] = checked(
                "--cacert", lambda: ssl.create_default_context(cafile=file)
            )
        return options
