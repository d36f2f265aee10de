"""The options of the command `download`, with their help."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadOptions:
    """The arguments that describe a download."""

    url: Annotated[
        str,
        typer.Argument(
            metavar="URL", help="The URL, such as https://example.org/big.iso."
        ),
    ]
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="The file. By default it has the name that the server suggests, or "
            "that of the URL, in this directory.",
        ),
    ] = None
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a file that is there.")
    ] = False
    checksum: Annotated[
        str | None,
        typer.Option(
            metavar="CHECKSUM",
            help="What the file must have, such as sha-256=HEX. By default that which "
            "the server tells, if it does.",
        ),
    ] = None
    connections: Annotated[
        int,
        typer.Option(
            "--connections",
            "-c",
            min=1,
            max=64,
            metavar="N",
            help="How many connections may fetch parts at the same time, if the server "
            "proves that it can.",
        ),
    ] = 1
    header: Annotated[
        list[str] | None,
        typer.Option(
            "--header",
            "-H",
            metavar="HEADER",
            help="A header, such as 'Authorization: Bearer ...'. Repeatable.",
        ),
    ] = None
    max_breaks: Annotated[
        int,
        typer.Option(
            min=1,
            max=1_000_000,
            metavar="N",
            help="How many times the download may break in all; five in a row without "
            "a new byte end it, too.",
        ),
    ] = 20
