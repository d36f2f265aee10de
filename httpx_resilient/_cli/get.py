"""One request, told as it happens."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Generator
from contextlib import aclosing, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import httpx

from httpx_resilient import attempts_of
from httpx_resilient._cli.console import (
    ERROR,
    FAILED,
    INTERRUPTED,
    console,
    emit,
    outcome_of,
    say,
    seconds,
    times,
)
from httpx_resilient._cli.progress import Story
from httpx_resilient._cli.request import STDOUT, Asked, ready

_OF_URLS = (httpx.InvalidURL, UnicodeError, OverflowError)
"""What is wrong with the URL of a redirect. The last is for its port."""


@dataclass(slots=True)
class Result:
    """
    What became of a request.

    Args:
        status: Of its response, if there was one.
        error: The exception, if there was one.
        size: Bytes of the body.
        took: Seconds in all.
        interrupted: Whether somebody pressed Ctrl-C.
    """

    status: int | None = None
    error: Exception | None = None
    size: int = 0
    took: float = 0.0
    interrupted: bool = False

    @property
    def code(self) -> int:
        """The exit code."""
        if self.interrupted:
            return INTERRUPTED
        is_good = self.error is None and self.status is not None and self.status < ERROR
        return 0 if is_good else FAILED


async def get(
    asked: Asked,
    make: Callable[[Story], Any],
    *,
    step: float,
    follow: bool,
    output: str | None,
    as_json: bool,
) -> int:
    """
    Send a request, tell of it, and return the exit code.

    Args:
        asked: The request.
        make: Makes the transport that it is sent with, and that tells the story.
        step: Seconds for a step of it.
        follow: Whether to follow redirects.
        output: Where its body goes to: the name of a file, or `-`.
        as_json: Whether it is for a machine.
    """
    out = console(stderr=output == STDOUT)
    # What moves would wipe out the last line of a body that is on the same terminal.
    mixed = output == STDOUT and sys.stdout.isatty()
    moving = not as_json and out.is_terminal and not mixed
    with out.status(asked.name, spinner="line") if moving else nullcontext() as status:
        story, result = Story(None if as_json else out, status), Result()
        client = httpx.AsyncClient(
            transport=make(story), timeout=step, follow_redirects=follow
        )
        await ready(client)
        started = time.monotonic()
        try:
            await _send(client, asked, output, story, result)
        except asyncio.CancelledError:  # what asyncio makes of Ctrl-C
            result.interrupted = True
            story.ends()
        result.took = time.monotonic() - started
    if as_json:
        emit(_document(asked, story, result))
    else:
        say(out, _summary(story, result), "bold" if result.code == 0 else "bold red")
    return result.code


async def _send(
    client: httpx.AsyncClient,
    asked: Asked,
    output: str | None,
    story: Story,
    result: Result,
) -> None:
    async with aclosing(client):
        try:
            response = await client.send(asked.request(client), stream=True)
        except (httpx.HTTPError, *_OF_URLS, ExceptionGroup) as error:
            result.error = _first(error)
            story.ends(_reason(error))
            return
        try:
            result.status = response.status_code
            story.ends(_reason(response))
            with _opened(output) as write:
                async for chunk in response.aiter_bytes():
                    result.size += len(chunk)
                    write(chunk)
        except BrokenPipeError:  # its reader has enough
            raise
        except (httpx.HTTPError, OSError) as error:
            result.error = error
        finally:
            await response.aclose()


def _first(error: Exception) -> Exception:
    """Of what was raised for each address of a host, the first is told."""
    while isinstance(error, ExceptionGroup):
        error = cast("ExceptionGroup[Exception]", error).exceptions[0]
    return error


def _reason(outcome: object) -> str:
    attempts = attempts_of(outcome)
    return attempts[-1].reason if attempts else ""


@contextmanager
def _opened(output: str | None) -> Generator[Callable[[bytes], object], None, None]:
    """Open what a body goes to, and give what it is written with."""
    if output is None:
        yield len  # nobody wants it
    elif output == STDOUT:
        file: BinaryIO = sys.stdout.buffer
        yield file.write
        file.flush()
    else:
        with Path(output).open("wb") as file:
            yield file.write


def _summary(story: Story, result: Result) -> str:
    outcome = [] if result.status is None else [outcome_of(result.status)]
    if result.error is not None:
        outcome.append(_told(result.error))
    if result.interrupted:
        outcome.append("interrupted")
    attempts = times(len(story.attempts), "attempt")
    parts = [", ".join(outcome), f"{attempts} in {seconds(result.took)} s"]
    if story.connection is not None:
        parts.append(f"{story.connection} connection")
    if result.status is not None:
        parts.append(times(result.size, "byte"))
    return ", ".join(parts)


def _told(error: Exception) -> str:
    """Tell an error, but not a URL that could have something secret in it."""
    name = type(error).__name__
    text = "" if isinstance(error, _OF_URLS) else str(error)
    return f"{name}: {text}" if text else name


def _document(asked: Asked, story: Story, result: Result) -> dict[str, Any]:
    error = result.error
    return {
        "request": asked.name,
        "ok": result.code == 0,
        "interrupted": result.interrupted,
        "status": result.status,
        "error": None if error is None else type(error).__name__,
        "message": None if error is None else _told(error),
        "seconds": result.took,
        "bytes": result.size,
        "connection": story.connection,
        "attempts": story.attempts,
        "events": story.events,
    }
