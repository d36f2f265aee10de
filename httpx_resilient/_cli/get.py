"""The command `get`: send one request."""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import aclosing, nullcontext
from dataclasses import dataclass, replace
from typing import Any, cast

import httpx

from httpx_resilient import attempts_of, standard_transport
from httpx_resilient._cli.console import (
    ERROR_STATUS,
    exit_code,
    format_count,
    format_number,
    format_status,
    make_console,
    print_json,
    print_line,
)
from httpx_resilient._cli.options import GetOptions
from httpx_resilient._cli.output import STDOUT, open_output
from httpx_resilient._cli.progress import ProgressReporter
from httpx_resilient._cli.request import RequestSpec, enter
from httpx_resilient._cli.sending_options import SendingOptions
from httpx_resilient._cli.usage import ENVIRONMENT, checked
from httpx_resilient._core.error_text import describe_error

_INVALID_REDIRECT = (httpx.InvalidURL, UnicodeError, OverflowError)
"""What a redirect to an invalid URL raises; an `OverflowError` is for its port."""


@dataclass(slots=True)
class Result:
    """
    The result of a request.

    Args:
        status: The status code of its response, if there is one.
        error: The exception, if there is one.
        size: Bytes of the body.
        elapsed: Seconds in total.
        interrupted: Whether Ctrl-C ended it.
    """

    status: int | None = None
    error: Exception | None = None
    size: int = 0
    elapsed: float = 0.0
    interrupted: bool = False

    @property
    def exit_code(self) -> int:
        """The exit code of the command."""
        has_status = self.error is None and self.status is not None
        ok = has_status and cast("int", self.status) < ERROR_STATUS
        return exit_code(ok=ok, interrupted=self.interrupted)


async def send_request(
    request: RequestSpec,
    layers: dict[str, Any],
    target: GetOptions,
    sending: SendingOptions,
    *,
    as_json: bool,
) -> int:
    """
    Send a request, print its progress and result, and return the exit code.

    Args:
        request: The request.
        layers: Keyword arguments of `standard_transport`.
        target: Whether to follow redirects, and where to write the body.
        sending: The limit for each step of an attempt, and the proxy.
        as_json: Whether to print JSON instead of lines.
    """
    output = target.output
    out = make_console(stderr=output == STDOUT)
    # An animation would erase the last line of a body on the same terminal.
    shares_terminal = output == STDOUT and sys.stdout.isatty()
    animated = not as_json and out.is_terminal and not shares_terminal
    spinner = out.status(request.name, spinner="line") if animated else nullcontext()
    with spinner as status:
        shown = None if as_json else out
        reporter, result = (
            ProgressReporter(shown, status, verbose=target.verbose),
            Result(),
        )
        client = httpx.AsyncClient(
            transport=_make_transport(layers, reporter),
            timeout=sending.timeout,
            follow_redirects=target.location,
        )
        await enter(client, sending.proxy)
        started = reporter.started = time.monotonic()
        try:
            await _send(client, request, target, reporter, result)
        except asyncio.CancelledError:  # asyncio.run() cancels its task on Ctrl-C
            result.interrupted = True
            reporter.finish_attempt()
        result.elapsed = time.monotonic() - started
    if as_json:
        print_json(_document(request, reporter, result))
    else:
        style = "bold" if result.exit_code == 0 else "bold red"
        print_line(out, _summary(reporter, result), style)
    return result.exit_code


def _make_transport(
    layers: dict[str, Any], reporter: ProgressReporter
) -> httpx.AsyncBaseTransport:
    transport: httpx.AsyncBaseTransport = checked(
        ENVIRONMENT,
        lambda: standard_transport(rate_limit=False, on_event=reporter, **layers),
    )
    return transport


async def _send(
    client: httpx.AsyncClient,
    request: RequestSpec,
    target: GetOptions,
    reporter: ProgressReporter,
    result: Result,
) -> None:
    async with aclosing(client):
        try:
            response = await client.send(request.build(client), stream=True)
        except (httpx.HTTPError, *_INVALID_REDIRECT, ExceptionGroup) as error:
            result.error = first_of(error)
            reporter.finish_attempt(_last_reason(error))
            return
        try:
            result.status = response.status_code
            reporter.finish_attempt(_last_reason(response))
            reporter.print_headers(response)
            if result.status >= ERROR_STATUS and target.output != STDOUT:
                target = replace(target, output=None)  # no error page in a file
            with open_output(target.output, overwrite=target.overwrite) as write:
                async for chunk in response.aiter_bytes():
                    result.size += len(chunk)
                    write(chunk)
        except BrokenPipeError:  # the reader of standard output has closed it
            raise
        except (httpx.HTTPError, OSError) as error:
            result.error = error
        finally:
            await response.aclose()


def first_of(error: Exception) -> Exception:
    """Return the first error of a group, which has one for each address of a host."""
    while isinstance(error, ExceptionGroup):
        error = cast("ExceptionGroup[Exception]", error).exceptions[0]
    return error


def _last_reason(outcome: object) -> str:
    attempts = attempts_of(outcome)
    return attempts[-1].reason if attempts else ""


def _summary(reporter: ProgressReporter, result: Result) -> str:
    outcome = [] if result.status is None else [format_status(result.status)]
    if result.error is not None:
        outcome.append(describe_error(result.error))
    if result.interrupted:
        outcome.append("interrupted")
    attempts = format_count(len(reporter.attempts), "attempt")
    parts = [", ".join(outcome), f"{attempts} in {format_number(result.elapsed)} s"]
    if reporter.connection is not None:
        parts.append(f"{reporter.connection} connection")
    if result.status is not None:
        parts.append(format_count(result.size, "byte"))
    return ", ".join(parts)


def _document(
    request: RequestSpec, reporter: ProgressReporter, result: Result
) -> dict[str, Any]:
    error = result.error
    return {
        "request": request.name,
        "ok": result.exit_code == 0,
        "interrupted": result.interrupted,
        "status": result.status,
        "error": None if error is None else type(error).__name__,
        "message": None if error is None else describe_error(error),
        "seconds": result.elapsed,
        "bytes": result.size,
        "connection": reporter.connection,
        "attempts": reporter.attempts,
        "events": reporter.events,
    }
