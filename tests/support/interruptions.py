"""Interruptions: a signal handler that raises at any moment, as that of Ctrl-C does."""

from __future__ import annotations

import _thread
import signal
import sys
from functools import partial
from types import FrameType
from typing import Any, Self

PACKAGE = "/httpx_resilient/"


class Interruption(BaseException):
    """What the handler raises, as `KeyboardInterrupt`."""


class TimeLimit(Exception):
    """The same as an ordinary exception, such as the soft time limit of Celery."""


class _Signal:
    """
    The signal, which comes when this object ends.

    It comes from C after the last instruction of the tracer: so its handler is called
    where the interpreter looks for signals next, in the code that is traced.
    """

    __del__ = staticmethod(partial(_thread.interrupt_main, signal.SIGUSR1))


def _is_loop(frame: FrameType) -> bool:
    package = frame.f_globals.get("__name__", "").partition(".")[0]
    return package in {"asyncio", "trio", "anyio", "outcome", "contextlib"}


class Interrupter:
    """
    Interrupts once what a function does in a block.

    Args:
        after: Instructions of the package that are executed before.
        error: What the handler raises. It is raised in that function or in what it
            calls, but not in the code of event loops: none of them survives that. It
            is not raised in a finalizer either: Python would ignore it there, and the
            rest of the finalizer would be lost.
    """

    def __init__(self, after: int, error: type[BaseException] = Interruption) -> None:
        self.left = after
        self.where = ""
        """The function of the package that was interrupted."""
        self._error = error
        self._code: Any = None
        self._before: tuple[Any, Any] = (None, None)
        self._tracer = self._trace  # CPython 3.11 may call it after its last reference

    def __enter__(self) -> Self:
        self._code = sys._getframe(1).f_code
        self._before = (sys.gettrace(), signal.signal(signal.SIGUSR1, self._raise))
        sys.settrace(self._tracer)
        return self

    def __exit__(self, *_: object) -> None:
        tracer, handler = self._before
        sys.settrace(tracer)
        self._code = None
        signal.signal(signal.SIGUSR1, handler)

    def _trace(self, frame: FrameType, _: str, __: object) -> Any:
        if PACKAGE not in frame.f_code.co_filename:
            return None
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        return self._count

    def _count(self, _: FrameType, event: str, __: object) -> Any:
        if event == "opcode":
            self.left -= 1
            if self.left < 0:
                sys.settrace(None)  # else the tracer would get it at the next one
                _at_the_end = _Signal()
        return self._count

    def _raise(self, _: int, frame: FrameType | None) -> None:
        if frame is not None and frame.f_code.co_filename == __file__:
            return  # too late: `__exit__` must restore the tracer, such as coverage's
        where, code, self._code = frame, self._code, None
        while where is not None and where.f_code is not code:
            if where.f_code.co_name == "__del__":
                return
            where = where.f_back
        if where is not None and frame is not None and not _is_loop(frame):
            self.where = frame.f_code.co_qualname
            raise self._error
