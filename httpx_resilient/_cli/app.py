"""The commands and their options."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

import httpx_resilient
from httpx_resilient import HedgePolicy
from httpx_resilient._cli.check import send_load
from httpx_resilient._cli.download import check_file, run_download
from httpx_resilient._cli.download_options import DownloadOptions
from httpx_resilient._cli.explain import explain_policy
from httpx_resilient._cli.get import send_request
from httpx_resilient._cli.load_report import Load
from httpx_resilient._cli.option_groups import expand_groups
from httpx_resilient._cli.options import (
    MAX_SECONDS,
    GetOptions,
    Json,
    LoadOptions,
    RequestOptions,
)
from httpx_resilient._cli.output import STDOUT, check_output
from httpx_resilient._cli.policy import PolicyOptions
from httpx_resilient._cli.request import parse_request
from httpx_resilient._cli.sending_options import MaxTime, SendingOptions
from httpx_resilient._cli.simulate import simulate
from httpx_resilient._cli.usage import usage_error

_EXIT_CODES = """
Exit codes: 0 success, 1 an error or a status code of 400 or above, 2 a usage error (a
wrong option, URL or file), 130 interrupted.
"""

app = typer.Typer(
    help="Try httpx_resilient from the command line.",
    epilog=_EXIT_CODES,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _print_version(requested: bool) -> None:  # noqa: FBT001 - typer's callback
    if requested:
        typer.echo(httpx_resilient.__version__)
        raise typer.Exit


@app.callback()
def _root(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_print_version,
            is_eager=True,
            help="Print the version.",
        ),
    ] = False,
) -> None:
    pass


@app.command(epilog=_EXIT_CODES)
@expand_groups
def get(
    target: GetOptions,
    sending: SendingOptions,
    *,
    hedge: Annotated[
        float | None,
        typer.Option(
            min=0.001,
            max=MAX_SECONDS,
            metavar="SECONDS",
            help="Send a safe request, such as a GET, a second time after this long "
            "without a response, and take the first success.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """
    Send one request and print each of its attempts.

    As curl --retry does, with the policy of this library: by default three attempts, if
    the request may be repeated. The URL's query and password and all headers are sent
    but never printed.
    """
    if as_json and target.output == STDOUT:
        problem = "--json writes to standard output itself; name a file"
        raise usage_error(problem, option="--output")
    check_output(target.output, overwrite=target.overwrite)
    request = parse_request(target.url, target.method, target.header, target.data)
    layers = {**sending.layers(), **sending.http()}
    if hedge is not None:
        layers["hedging"] = HedgePolicy(hedge)
    running = send_request(request, layers, target, sending, as_json=as_json)
    raise typer.Exit(asyncio.run(running))


@app.command(name="download", epilog=_EXIT_CODES)
@expand_groups
def fetch(
    target: DownloadOptions, sending: SendingOptions, *, as_json: Json = False
) -> None:
    """
    Download a file: it is whole under its name, or not there at all.

    What has arrived is in FILE.part meanwhile, and the same command goes on with it:
    after a break, after Ctrl-C, after a crash. Bytes are joined only with proof that
    they are of the same version. Redirects are followed.
    """
    check_file(target.output, overwrite=target.overwrite)
    request = parse_request(target.url, "GET", target.header)
    running = run_download(request, target, sending, as_json=as_json)
    raise typer.Exit(asyncio.run(running))


@app.command(epilog=_EXIT_CODES)
@expand_groups
def check(
    target: RequestOptions,
    load: LoadOptions,
    sending: SendingOptions,
    *,
    as_json: Json = False,
) -> None:
    """
    Send a bounded load to one of your servers and print a summary.

    The load never exceeds the limits below, and a Retry-After header pauses all
    requests. Bodies are read and discarded; redirects are not followed.
    """
    request = parse_request(target.url, target.method, target.header, target.data)
    running = send_load(
        request,
        Load(request.name, load.requests, load.concurrency, load.rate),
        sending,
        as_json=as_json,
    )
    raise typer.Exit(asyncio.run(running))


@app.command(epilog=_EXIT_CODES)
@expand_groups
def explain(
    options: PolicyOptions,
    *,
    took: Annotated[
        float,
        typer.Option(
            min=0,
            max=MAX_SECONDS,
            metavar="SECONDS",
            help="The duration of each attempt.",
        ),
    ] = 0.0,
    max_time: MaxTime = None,
    as_json: Json = False,
) -> None:
    """
    Print when a policy retries and after which outcomes.

    Nothing is sent. Without options, the policy is the default one. The table assumes
    that every attempt fails and every wait is average; "?" marks attempts that longer
    waits would rule out. A Retry-After header can lengthen any wait, and a budget that
    many failures have spent can refuse any retry.
    """
    explain_policy(options.policy(max_time), took=took, as_json=as_json)


app.command(epilog=_EXIT_CODES)(simulate)
