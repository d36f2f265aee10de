"""The command `check`: send a bounded load to one server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import aclosing

import httpx
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Column

from httpx_resilient import (
    ConcurrencyLimit,
    PoolingTransport,
    RateLimit,
    attempts_of,
    standard_transport,
)
from httpx_resilient._cli.console import ERROR_STATUS, make_console
from httpx_resilient._cli.load_output import print_report
from httpx_resilient._cli.load_report import Load, LoadReport
from httpx_resilient._cli.request import RequestSpec, enter
from httpx_resilient._cli.sending_options import SendingOptions
from httpx_resilient._cli.usage import ENVIRONMENT, checked

_MAX_PAUSE = 60.0
"""Seconds. If the server asks for a longer pause, requests fail instead of waiting."""


async def send_load(
    request: RequestSpec,
    load: Load,
    sending: SendingOptions,
    *,
    as_json: bool,
) -> int:
    """
    Send a load, print a summary, and return the exit code.

    Args:
        request: Sent again and again.
        load: The number of requests and their pace.
        sending: The policy, the proxy, and the limit for each step of an attempt.
        as_json: Whether to print JSON instead of a table.
    """
    report, most = LoadReport(), load.concurrency
    layers, http = sending.layers(), sending.http()
    limits = httpx.Limits(max_connections=most, max_keepalive_connections=most)
    pool = checked(ENVIRONMENT, lambda: PoolingTransport(limits=limits, **http))
    transport = standard_transport(
        pool,
        # All requests in flight may have to wait for the rate, one after the other.
        rate_limit=RateLimit(load.rate, max_wait=_MAX_PAUSE + most / load.rate),
        concurrency=ConcurrencyLimit(most),
        on_event=report,
        **layers,
    )
    err = make_console(stderr=True)
    name = Column(ratio=1, no_wrap=True, overflow="ellipsis")
    bar = Progress(
        MofNCompleteColumn(),
        BarColumn(bar_width=20),
        TextColumn("{task.description}", markup=False, table_column=name),
        expand=True,
        console=err,
        transient=True,
        disable=not err.is_terminal,
    )
    client = httpx.AsyncClient(transport=transport, timeout=sending.timeout)
    await enter(client, sending.proxy)
    started = time.monotonic()
    with bar:
        task = bar.add_task(load.name, total=load.requests)
        try:
            await _send_all(client, request, load, report, lambda: bar.advance(task))
        except asyncio.CancelledError:  # asyncio.run() cancels its task on Ctrl-C
            report.interrupted = True
    report.elapsed = time.monotonic() - started
    print_report(report, load, pool.stats(), as_json=as_json)
    return report.exit_code


async def _send_all(
    client: httpx.AsyncClient,
    request: RequestSpec,
    load: Load,
    report: LoadReport,
    on_end: Callable[[], None],
) -> None:
    remaining = iter(range(load.requests))

    async def work() -> None:
        for _ in remaining:
            await _send_one(client, request, report)
            on_end()

    async with aclosing(client), asyncio.TaskGroup() as tasks:
        for _ in range(min(load.concurrency, load.requests)):
            tasks.create_task(work())


async def _send_one(
    client: httpx.AsyncClient, request: RequestSpec, report: LoadReport
) -> None:
    response, started = None, report.begin()
    try:
        response = await client.send(request.build(client), stream=True)
        try:
            async for _ in response.aiter_raw():
                pass
        finally:
            await response.aclose()
    except httpx.HTTPError as error:
        attempts = attempts_of(error) or attempts_of(response)
        outcome, failed = type(error).__name__, True
    else:
        attempts, status = attempts_of(response), response.status_code
        outcome, failed = str(status), status >= ERROR_STATUS
    report.add(outcome, attempts, started=len(started), failed=failed)
