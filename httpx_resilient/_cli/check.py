"""The command `check`: send a bounded load to one server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import aclosing
from contextvars import ContextVar
from typing import Any

import httpx
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from httpx_resilient import (
    ConcurrencyLimit,
    PoolingTransport,
    RateLimit,
    attempts_of,
    standard_transport,
)
from httpx_resilient._cli.console import ERROR_STATUS, make_console
from httpx_resilient._cli.load_report import Load, LoadReport, print_report
from httpx_resilient._cli.request import RequestSpec, enter
from httpx_resilient._cli.usage import ENVIRONMENT, checked
from httpx_resilient._core.events.base import Event
from httpx_resilient._layers.retry.events import AttemptStarted

_ATTEMPTS_STARTED: ContextVar[list[int]] = ContextVar("attempts of this task's request")

_MAX_PAUSE = 60.0
"""Seconds. If the server asks for a longer pause, requests fail instead of waiting."""


async def send_load(
    request: RequestSpec,
    load: Load,
    layers: dict[str, Any],
    *,
    step_timeout: float,
    as_json: bool,
) -> int:
    """
    Send a load, print a summary, and return the exit code.

    Args:
        request: Sent again and again.
        load: The number of requests and their pace.
        layers: Keyword arguments of `standard_transport`, but for the limits.
        step_timeout: Seconds for each step of an attempt.
        as_json: Whether to print JSON instead of a table.
    """
    most = load.concurrency
    limits = httpx.Limits(max_connections=most, max_keepalive_connections=most)
    pool = checked(ENVIRONMENT, lambda: PoolingTransport(limits=limits))
    transport = standard_transport(
        pool,
        # All requests in flight may have to wait for the rate, one after the other.
        rate_limit=RateLimit(load.rate, max_wait=_MAX_PAUSE + most / load.rate),
        concurrency=ConcurrencyLimit(most),
        on_event=_count_attempt,
        **layers,
    )
    report, err = LoadReport(), make_console(stderr=True)
    bar = Progress(
        TextColumn(load.name),
        BarColumn(),
        MofNCompleteColumn(),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    )
    client = httpx.AsyncClient(transport=transport, timeout=step_timeout)
    await enter(client)
    started = time.monotonic()
    with bar:
        task = bar.add_task("", total=load.requests)
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
    response, started = None, list[int]()
    _ATTEMPTS_STARTED.set(started)
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


def _count_attempt(event: Event) -> None:
    if isinstance(event, AttemptStarted):
        _ATTEMPTS_STARTED.get().append(event.attempt)
