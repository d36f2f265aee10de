"""Labels on injected faults, so that nobody mistakes them for real failures."""

from __future__ import annotations

from typing import Any

EXTENSION = "fault"
"""Key of the fault names in a response's extensions."""


def add_labels(response: Any, *names: str) -> None:
    """Add fault names to a response. Nested transports each add their own."""
    extensions = response.extensions
    before = [extensions[EXTENSION]] if EXTENSION in extensions else []
    extensions[EXTENSION] = ", ".join([*before, *names])


def injected_error(
    source: Exception | type[Exception], name: str, description: str
) -> Exception:
    """
    Make the exception that a fault raises, with a note that it is injected.

    Args:
        source: A class, or an instance to copy: several requests may fail with it, and
            each needs a traceback of its own.
        name: Name of the fault.
        description: What happened. It becomes the message if `source` is a class.
    """
    if isinstance(source, type):
        error = source(f"injected: {description}")
    else:
        # A copy without calling `__init__`, whose arguments a subclass may change.
        error = type(source).__new__(type(source), *source.args)
        vars(error).update(vars(source))
        if hasattr(source, "__notes__"):
            error.__notes__ = list(source.__notes__)
        error.__cause__ = source.__cause__
        error.__suppress_context__ = source.__suppress_context__
    error.add_note(f"injected by a FaultInjectingTransport: {name}")
    return error
