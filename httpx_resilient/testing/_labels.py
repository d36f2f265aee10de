"""Marks on what was injected, so that nobody hunts a ghost."""

from __future__ import annotations

from typing import Any

KEY = "fault"
"""The names of the faults in a response's extensions."""


def marked(response: Any, *names: str) -> None:
    """Tell in a response's extensions what was done to it, here or by another one."""
    extensions = response.extensions
    before = [extensions[KEY]] if KEY in extensions else []
    extensions[KEY] = ", ".join([*before, *names])


def injected(given: Exception | type[Exception], name: str, what: str) -> Exception:
    """
    Make an exception to raise.

    Args:
        given: Its class, or one to raise a copy of: several requests may fail by it.
        name: The name of the fault.
        what: What has happened; the message, if a class was given.
    """
    if isinstance(given, type):
        error = given(f"injected: {what}")
    else:
        # As pickle does it, but for the call: other exceptions take other arguments.
        error = type(given).__new__(type(given), *given.args)
        vars(error).update(vars(given))
        if hasattr(given, "__notes__"):
            error.__notes__ = list(given.__notes__)
        error.__cause__ = given.__cause__
        error.__suppress_context__ = given.__suppress_context__
    error.add_note(f"injected by a FaultInjectingTransport: {name}")
    return error
