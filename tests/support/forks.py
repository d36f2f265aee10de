"""Forked children, which a test asks a question."""

from __future__ import annotations

import os
import signal
import sys
import traceback
import warnings
from collections.abc import Callable

import pytest

needs_fork = pytest.mark.skipif(
    not hasattr(os, "fork"), reason="this operating system has no os.fork"
)

PATIENCE = 20
"""Seconds until a child that does not answer is ended."""


def in_a_child(ask: Callable[[], object]) -> str:
    """
    Fork, call a function in the child, and return the `repr` of its answer.

    Raises:
        AssertionError: The child did not answer.
    """
    receiving, sending = os.pipe()
    with warnings.catch_warnings():
        # CPython 3.12 warns if there are threads.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        _answer(ask, sending)
    os.close(sending)
    with os.fdopen(receiving) as answers:
        answer = answers.read()
    _, status = os.waitpid(child, 0)
    assert status == 0, f"the child hung or failed (status {status}): {answer}"
    return answer


def _answer(ask: Callable[[], object], sending: int) -> None:
    status = 1
    try:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(PATIENCE)
        os.write(sending, repr(ask()).encode())
        status = 0
    except BaseException:
        os.write(sending, traceback.format_exc().encode())
    finally:
        sys.stdout.flush()
        os._exit(status)
