"""The commands: what they take, and what does it."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import typer

import httpx_resilient
from httpx_resilient import HedgePolicy, standard_transport
from httpx_resilient._cli import check as _checking
from httpx_resilient._cli import explain as _explaining
from httpx_resilient._cli import get as _getting
from httpx_resilient._cli import options as _options
from httpx_resilient._cli import request as _asked
from httpx_resilient._cli.load_report import Load
from httpx_resilient._core.events.base import Listener

_CODES = """
Exit codes: 0 all went well, 1 an error or a status code from 400 on, 2 it could not be
tried (a wrong option, URL or file), 130 interrupted.
"""

app = typer.Typer(
    help="Try what httpx_resilient does, from the command line.",
    epilog=_CODES,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(asked: bool) -> None:  # noqa: FBT001 - typer calls it
    if asked:
        typer.echo(httpx_resilient.__version__)
        raise typer.Exit


@app.callback()
def _root(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    pass


@app.command(epilog=_CODES)
def get(
    url: _options.Url,
    *,
    method: _options.Method = None,
    header: _options.Header = None,
    data: _options.Data = None,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Where the body goes to, - for the standard output. All else is said "
            "on the standard error then. By default it is read and thrown away.",
        ),
    ] = None,
    location: Annotated[
        bool, typer.Option("--location", "-L", help="Follow redirects.")
    ] = False,
    attempts: _options.Attempts = None,
    stop: _options.Stop = None,
    wait: _options.Wait = None,
    retry: _options.Retry = None,
    retry_status: _options.RetryStatus = None,
    budget: _options.Budget = True,
    hedge: Annotated[
        float | None,
        typer.Option(
            min=0.001,
            max=_options.LONGEST,
            metavar="SECONDS",
            help="Send what may be repeated a second time after so long without an "
            "answer, and take the first success.",
        ),
    ] = None,
    timeout: _options.Timeout = 10.0,
    max_time: _options.MaxTime = None,
    as_json: _options.Json = False,
) -> None:
    """
    Send one request, and tell each of its attempts.

    What curl --retry does, with the policy of this library: by default three attempts,
    for what may be sent again. The URL's query, its password and all headers are sent,
    and never told.
    """
    if as_json and output == _asked.STDOUT:
        msg = "the JSON document is on the standard output: name a file"
        raise typer.BadParameter(msg, param_hint="--output")
    _asked.check_output(output)
    asked = _asked.asked(url, method, header or [], data)
    retries = _options.strategies(attempts, stop, wait, retry, retry_status)

    def transport(listener: Listener) -> Any:
        return _options.checked(
            _options.ENVIRONMENT,
            lambda: standard_transport(
                deadline=max_time,
                retry=retries,
                budget=budget,
                hedging=None if hedge is None else HedgePolicy(hedge),
                breaker=False,
                rate_limit=False,
                attempt=None,
                on_event=listener,
            ),
        )

    running = _getting.get(
        asked,
        transport,
        step=timeout,
        follow=location,
        output=output,
        as_json=as_json,
    )
    raise typer.Exit(asyncio.run(running))


@app.command(epilog=_CODES)
def check(
    url: _options.Url,
    *,
    requests: Annotated[
        int,
        typer.Option(
            "--requests",
            "-n",
            min=1,
            max=_checking.MOST_REQUESTS,
            metavar="N",
            help="Requests in all.",
        ),
    ] = 100,
    concurrency: Annotated[
        int,
        typer.Option(
            "--concurrency",
            "-c",
            min=1,
            max=_checking.MOST_AT_A_TIME,
            metavar="C",
            help="Requests at a time.",
        ),
    ] = 10,
    rate: Annotated[
        float,
        typer.Option(
            min=0.1,
            max=_checking.MOST_A_SECOND,
            metavar="R",
            help="Requests a second at most, with all that is tried again.",
        ),
    ] = 50.0,
    method: _options.Method = None,
    header: _options.Header = None,
    attempts: _options.Attempts = None,
    stop: _options.Stop = None,
    wait: _options.Wait = None,
    retry: _options.Retry = None,
    retry_status: _options.RetryStatus = None,
    budget: _options.Budget = True,
    timeout: _options.Timeout = 10.0,
    max_time: _options.MaxTime = None,
    as_json: _options.Json = False,
) -> None:
    """
    Send one server of yours a bounded load, and tell what became of it.

    Never more than the limits below, and no more than the server wants: its Retry-After
    is for all of them. Bodies are read and thrown away, redirects are not followed.
    """
    asked = _asked.asked(url, method, header or [])
    retries = _options.strategies(attempts, stop, wait, retry, retry_status)
    running = _checking.check(
        asked,
        Load(asked.name, requests, concurrency, rate),
        step=timeout,
        as_json=as_json,
        deadline=max_time,
        retry=retries,
        budget=budget,
        breaker=False,
        attempt=None,
    )
    raise typer.Exit(asyncio.run(running))


@app.command(epilog=_CODES)
def explain(
    *,
    attempts: _options.Attempts = None,
    stop: _options.Stop = None,
    wait: _options.Wait = None,
    retry: _options.Retry = None,
    retry_status: _options.RetryStatus = None,
    took: Annotated[
        float,
        typer.Option(
            min=0,
            max=_options.LONGEST,
            metavar="SECONDS",
            help="How long each attempt takes until it fails.",
        ),
    ] = 0.0,
    as_json: _options.Json = False,
) -> None:
    """
    Print when a policy tries again, without sending anything.

    Without options it is the default policy. In the table all attempts fail, and those
    are shown that there are if all waits are as on average; a question mark is at those
    that there are not if they are longer. A wait is longer, too, if a server says so by
    Retry-After.
    """
    made = _options.strategies(attempts, stop, wait, retry, retry_status)
    _explaining.explain(_options.policy(made), took=took, as_json=as_json)
