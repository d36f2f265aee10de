"""Exceptions that strike at any moment, as those of signal handlers do."""

from __future__ import annotations

import signal
import sys
import warnings
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import httpx_resilient

PACKAGE = Path(httpx_resilient.__file__).parent
TESTING = str(PACKAGE / "testing")


class Interruption(BaseException):
    """Like `KeyboardInterrupt`, but pytest does not handle it."""


class SoftTimeLimit(Exception):
    """Like the one of Celery."""


class Strike:
    """
    Raises at the n-th step that is taken in the code of the library.

    Args:
        number: The number of the step, from 1.
        error: What is raised.
    """

    def __init__(self, number: int, error: type[BaseException] = Interruption) -> None:
        self._left = number
        self._error = error

    @property
    def struck(self) -> bool:
        return self._left <= 0

    @contextmanager
    def at_calls(self) -> Generator[None]:
        """
        Strike where CPython handles signals: when a function begins, or has ended.

        The exception takes the place of the result of a call, as that of a handler.
        """
        sys.setprofile(self._profile)
        try:
            yield
        finally:
            sys.setprofile(None)

    @contextmanager
    def at_opcodes(self) -> Generator[None]:
        """Strike before any instruction of the interpreter."""
        before = sys.gettrace()  # coverage measures by a trace function
        sys.settrace(self._trace)
        try:
            yield
        finally:
            sys.settrace(before)

    def _profile(self, frame: Any, kind: str, _: Any) -> None:
        if kind in ("call", "return", "c_return") and is_ours(frame):
            self._step()

    def _trace(self, frame: Any, kind: str, _: Any) -> Any:
        # CPython 3.11 leaks an exception if a trace function raises where it is handled.
        if not is_ours(frame) or frame.f_code.co_name == "run_sync":
            return None
        frame.f_trace_opcodes = True
        if kind == "opcode":
            self._step()
        return self._trace

    def _step(self) -> None:
        self._left -= 1
        if self._left == 0:
            raise self._error


def is_ours(frame: Any) -> bool:
    """
    Whether a frame is of the library, and not in a finalizer.

    An exception in a finalizer reaches nobody: the interpreter only reports it. Most
    often a generator that is not read to its end is finalized, too.
    """
    code = frame.f_code
    name: str = code.co_filename
    if not name.startswith(str(PACKAGE)) or name.startswith(TESTING):
        return False
    if code.co_name == "_quotas":
        return False
    while frame is not None:
        if frame.f_code.co_name == "__del__":
            return False
        frame = frame.f_back
    return True


def strikes(
    send: Callable[[], Any],
    *,
    prepare: Callable[[], Any] = int,
    opcodes: bool = False,
    error: type[BaseException] = Interruption,
) -> Iterator[int]:
    """
    Call a function that sends a request again and again. Yield after each strike.

    It is struck at its first step, at its second one and so on, until it ends before.
    Another function prepares each call, and is not struck.
    """
    number = 0
    while True:
        number += 1
        prepare()
        strike = Strike(number, error)
        with unclosed_responses():
            try:
                with strike.at_opcodes() if opcodes else strike.at_calls():
                    send()
            except error:
                pass
        if not strike.struck:
            return
        yield number


@contextmanager
def unclosed_responses() -> Generator[None]:
    """Ignore responses and flows that are lost: an exception struck in between."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        warnings.filterwarnings("ignore", "coroutine .* was never awaited")
        yield


def interrupted_by_signals(
    send: Callable[[], Any],
    times: int,
    error: type[BaseException],
    settle: Callable[[], Any] = int,
) -> None:
    """
    Call a function until a signal handler has raised so many times in it.

    Another function is called after each call, and is not interrupted.
    """
    chance, interrupted = Random(7), 0

    def strike(*_: object) -> None:
        raise error

    # pytest-timeout may use the same signal and timer.
    handler = signal.signal(signal.SIGALRM, strike)
    timer = signal.setitimer(signal.ITIMER_REAL, 0)
    try:
        with unclosed_responses():
            while interrupted < times:
                try:
                    try:
                        signal.setitimer(
                            signal.ITIMER_REAL, chance.uniform(0.00002, 0.0006)
                        )
                        send()
                    finally:
                        signal.setitimer(signal.ITIMER_REAL, 0)
                except error:
                    interrupted += 1
                settle()
    finally:
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, *timer)
