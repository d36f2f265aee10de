"""The command `download`: fetch a file that is whole, or goes on later."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx

from httpx_resilient import (
    ChecksumMismatch,
    Download,
    DownloadError,
    attempts_of,
    download,
    standard_transport,
)
from httpx_resilient._cli.console import (
    FAILED,
    exit_code,
    format_count,
    format_number,
    make_console,
    print_json,
    print_line,
)
from httpx_resilient._cli.download_options import DownloadOptions
from httpx_resilient._cli.download_progress import DownloadReporter, format_bytes
from httpx_resilient._cli.file_name import file_name
from httpx_resilient._cli.get import first_of
from httpx_resilient._cli.request import RequestSpec, enter
from httpx_resilient._cli.sending_options import SendingOptions
from httpx_resilient._cli.usage import ENVIRONMENT, checked, usage_error
from httpx_resilient._core.error_text import describe_error
from httpx_resilient._transfers.download.checksum import parse_checksum
from httpx_resilient._transfers.download.target import check_target

_INVALID_REDIRECT = (httpx.InvalidURL, UnicodeError, OverflowError)


def check_file(output: str | None, *, overwrite: bool) -> None:
    """
    Check that a file can be made, before anything is sent.

    Raises:
        BadParameter: It cannot. Its exit code is 1 if the file exists: the command is
            right, and may work elsewhere.
    """
    if output is None:
        return
    try:
        check_target(Path(output).resolve(), overwrite=overwrite)
    except OSError as error:
        problem = f"{error.strerror}".replace("overwrite=True", "--overwrite")
        found = usage_error(problem, option="--output")
        if isinstance(error, FileExistsError):
            found.exit_code = FAILED
        raise found from error


class _Run:
    """One run of the command: what it has found out, and how it ended."""

    def __init__(self, request: RequestSpec, target: DownloadOptions) -> None:
        self.request, self.target = request, target
        self.path = None if target.output is None else Path(target.output)
        self.result: Download | None = None
        self.error: Exception | None = None
        self.is_interrupted = False

    def choose(self, response: httpx.Response) -> Path:
        """Choose the file when the first response has come."""
        self.path = Path(file_name(response, self.request.url))
        return self.path

    @property
    def exit_code(self) -> int:
        """The exit code of the command."""
        return exit_code(ok=self.result is not None, interrupted=self.is_interrupted)


async def run_download(
    request: RequestSpec,
    target: DownloadOptions,
    sending: SendingOptions,
    *,
    as_json: bool,
) -> int:
    """
    Download a file, print the progress and the result, and return the exit code.

    Args:
        request: The request.
        target: The file, and how it is fetched.
        sending: The policy, and the options of the transport.
        as_json: Whether to print JSON instead of lines.
    """
    checked("--checksum", lambda: parse_checksum(target.checksum))
    layers: dict[str, Any] = {**sending.layers(), **sending.http(), "deadline": None}
    transport: httpx.AsyncBaseTransport = checked(
        ENVIRONMENT, lambda: standard_transport(rate_limit=False, **layers)
    )
    client = httpx.AsyncClient(transport=transport, timeout=sending.timeout)
    out, run = make_console(), _Run(request, target)
    reporter = DownloadReporter(None if as_json else out, lambda: run.path)
    await enter(client, sending.proxy)
    try:
        with reporter:
            await _send(client, run, reporter, sending.max_time)
    except asyncio.CancelledError:  # asyncio.run() cancels its task on Ctrl-C
        run.is_interrupted = True
    finally:
        await client.aclose()
    if as_json:
        print_json(_document(run, reporter))
    else:
        style = "bold" if run.exit_code == 0 else "bold red"
        print_line(out, _summary(run, reporter), style)
    return run.exit_code


async def _send(
    client: httpx.AsyncClient,
    run: _Run,
    reporter: DownloadReporter,
    max_time: float | None,
) -> None:
    target = run.target
    headers = {name.decode(): value.decode() for name, value in run.request.headers}
    try:
        async with asyncio.timeout(max_time):
            run.result = await download(
                client,
                run.request.url,
                run.choose if run.path is None else run.path,
                overwrite=target.overwrite,
                checksum=target.checksum,
                connections=target.connections,
                headers=headers,
                max_breaks=target.max_breaks,
                on_progress=reporter,
            )
    except TimeoutError as error:
        run.error = error
    except (httpx.HTTPError, OSError, *_INVALID_REDIRECT, ExceptionGroup) as error:
        run.error = first_of(error)


def _summary(run: _Run, reporter: DownloadReporter) -> str:
    result = run.result
    if result is None:
        return f"{_problem(run)}{reporter.kept(run.error)}"
    parts = [
        f"{result.path.name}: {result.size:,} bytes",
        f"{format_number(result.seconds)} s",
    ]
    fetched = result.size - result.resumed_at
    parts.append(f"{format_bytes(fetched / max(result.seconds, 1e-9))}/s")
    if result.resumed_at:
        parts.append(f"resumed at {result.resumed_at:,}")
    if result.breaks:
        parts.append(format_count(len(result.breaks), "break"))
    if result.bytes_read_twice:
        parts.append(f"{result.bytes_read_twice:,} bytes read twice")
    if result.connections > 1:
        parts.append(f"{result.connections} connections")
    if result.checksum:
        parts.append(f"{result.checksum.partition('=')[0]} is right")
    return ", ".join(parts)


def _problem(run: _Run) -> str:
    error = run.error
    if run.is_interrupted:
        return "interrupted"
    if isinstance(error, TimeoutError):
        return "it took longer than --max-time"
    if isinstance(error, httpx.HTTPStatusError):
        status = error.response.status_code
        return f"{status} {httpx.codes.get_reason_phrase(status)}".rstrip()
    if isinstance(error, OSError):
        text = f"{error.strerror or error}".replace("overwrite=True", "--overwrite")
        return f"{Path(str(error.filename)).name}: {text}" if error.filename else text
    if isinstance(error, DownloadError):
        return str(error).replace("the same call", "the same command")
    return describe_error(error) if error else "nothing was downloaded"


def _document(run: _Run, reporter: DownloadReporter) -> dict[str, Any]:
    result, error = run.result, run.error
    outcome = result or error
    path = result.path if result else run.path
    return {
        "request": run.request.name,
        "ok": run.exit_code == 0,
        "interrupted": run.is_interrupted,
        "path": None if path is None else str(path),
        "error": None if error is None else type(error).__name__,
        "message": None if error is None else _problem(run),
        "received": result.size if result else reporter.received,
        "total": result.size if result else reporter.total,
        "resumed_at": result.resumed_at if result else reporter.resumed_at,
        "breaks": [each._asdict() for each in reporter.breaks],
        "bytes_read_twice": result.bytes_read_twice if result else None,
        "checksum": result.checksum if result else None,
        "mismatch": isinstance(error, ChecksumMismatch),
        "etag": result.etag if result else None,
        "connections": result.connections if result else None,
        "seconds": result.seconds if result else None,
        "attempts": [
            {**each._asdict(), "outcome": str(each)} for each in attempts_of(outcome)
        ],
    }
