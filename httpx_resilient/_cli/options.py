"""The other options of the commands, in groups, with their help."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

MAX_SECONDS = 604_800.0
"""The upper bound of options in seconds: a week."""

Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON document and nothing else.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestOptions:
    """The arguments that describe a request."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class GetOptions(RequestOptions):
    """The arguments that describe a request of the command `get`."""

    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="The file to write the body to, or - for standard output; all other "
            "output then goes to standard error. The file appears when it is whole: an "
            "error status or a body that is cut leaves it as it was. By default the "
            "body is read and discarded.",
        ),
    ] = None
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the file of --output.")
    ] = False
    location: Annotated[
        bool, typer.Option("--location", "-L", help="Follow redirects.")
    ] = False
    verbose: Annotated[
        bool,
        typer.Option(
            "--verbose",
            "-v",
            help="Print all events, and the headers of the response that hold no "
            "secret.",
        ),
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
