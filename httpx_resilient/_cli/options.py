"""The other options of the commands, in groups, with their help."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import typer

from httpx_resilient._cli.policy import PolicyOptions

MAX_SECONDS = 604_800.0
"""The upper bound of options in seconds: a week."""

Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON document and nothing else.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestOptions:
    """The arguments that describe a request without a body."""

    url: Annotated[
        str,
        typer.Argument(
            metavar="URL", help="The URL, such as https://example.org/path."
        ),
    ]
    method: Annotated[
        str | None,
        typer.Option(
            "--method",
            "-X",
            metavar="METHOD",
            help="The method. By default GET, or POST with a body.",
        ),
    ] = None
    header: Annotated[
        list[str] | None,
        typer.Option(
            "--header",
            "-H",
            metavar="HEADER",
            help="A header, such as 'Accept: text/html'. Repeatable.",
        ),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GetOptions(RequestOptions):
    """The arguments that describe a request of the command `get`."""

    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            "-d",
            metavar="DATA",
            help="The body: a text, @FILE, or @- for standard input. It is a form "
            "unless a Content-Type header says otherwise.",
        ),
    ] = None
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="The file to write the body to, or - for standard output; all other "
            "output then goes to standard error. By default the body is read and "
            "discarded.",
        ),
    ] = None
    location: Annotated[
        bool, typer.Option("--location", "-L", help="Follow redirects.")
    ] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOptions:
    """The options that bound the load of the command `check`."""

    requests: Annotated[
        int,
        typer.Option(
            "--requests",
            "-n",
            min=1,
            max=10_000,
            metavar="N",
            help="Total number of requests.",
        ),
    ] = 100
    concurrency: Annotated[
        int,
        typer.Option(
            "--concurrency",
            "-c",
            min=1,
            max=100,
            metavar="C",
            help="Maximum number of requests at a time.",
        ),
    ] = 10
    rate: Annotated[
        float,
        typer.Option(
            min=0.1,
            max=1_000,
            metavar="R",
            help="Maximum number of requests per second, retries included.",
        ),
    ] = 50.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SendingOptions(PolicyOptions):
    """The options of commands that send requests."""

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
    max_time: Annotated[
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
    ] = None

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
