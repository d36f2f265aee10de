"""A bounded load on one server."""

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
from httpx_resilient._cli.console import ERROR, console
from httpx_resilient._cli.load_report import Load, Tally, show
from httpx_resilient._cli.options import ENVIRONMENT, checked
from httpx_resilient._cli.request import Asked, ready
from httpx_resilient._core.events.base import Event
from httpx_resilient._layers.retry.events import AttemptStarted

MOST_REQUESTS, MOST_AT_A_TIME, MOST_A_SECOND = 10_000, 100, 1_000
"""What nobody gets more of, whatever is asked for."""

_STARTED: ContextVar[list[int]] = ContextVar("attempts of the request of this task")

_PATIENCE = 60.0
"""Seconds. A server that wants to hear nothing for longer ends what is sent to it."""


async def check(
    asked: Asked,
    load: Load,
    *,
    step: float,
    as_json: bool,
    **layers: Any,
) -> int:
    """
    Send a load, show what became of it, and return the exit code.

    Args:
        asked: What each request is.
        load: How many of them.
        step: Seconds for a step of a request.
        as_json: Whether it is for a machine.
        layers: What `standard_transport` takes, besides the limits.
    """
    most = load.concurrency
    limits = httpx.Limits(max_connections=most, max_keepalive_connections=most)
    pool = checked(ENVIRONMENT, lambda: PoolingTransport(limits=limits))
    transport = standard_transport(
        pool,
        # All that are under way may have to wait for the rate, one after the other.
        rate_limit=RateLimit(load.rate, max_wait=_PATIENCE + most / load.rate),
        concurrency=ConcurrencyLimit(most),
        on_event=_count,
        **layers,
    )
    tally, err = Tally(), console(stderr=True)
    bar = Progress(
        TextColumn(load.name),
        BarColumn(),
        MofNCompleteColumn(),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    )
    client = httpx.AsyncClient(transport=transport, timeout=step)
    await ready(client)
    started = time.monotonic()
    with bar:
        task = bar.add_task("", total=load.requests)
        try:
            await _send(client, asked, load, tally, lambda: bar.advance(task))
        except asyncio.CancelledError:  # what asyncio makes of Ctrl-C
            tally.interrupted = True
    tally.took = time.monotonic() - started
    show(tally, load, pool.stats(), as_json=as_json)
    return tally.code


async def _send(
    client: httpx.AsyncClient,
    asked: Asked,
    load: Load,
    tally: Tally,
    ended: Callable[[], None],
) -> None:
    numbers = iter(range(load.requests))

    async def work() -> None:
        for _ in numbers:
            await _send_one(client, asked, tally)
            ended()

    async with aclosing(client), asyncio.TaskGroup() as tasks:
        for _ in range(min(load.concurrency, load.requests)):
            tasks.create_task(work())


async def _send_one(client: httpx.AsyncClient, asked: Asked, tally: Tally) -> None:
    response, started = None, list[int]()
    _STARTED.set(started)
    try:
        response = await client.send(asked.request(client), stream=True)
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
        outcome, failed = str(status), status >= ERROR
    tally.add(outcome, attempts, started=len(started), failed=failed)


def _count(event: Event) -> None:
    if isinstance(event, AttemptStarted):
        _STARTED.get().append(event.attempt)
