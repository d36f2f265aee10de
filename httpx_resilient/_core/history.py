"""The history of a request as its layers leave it: records, and where they are kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

KEY = "httpx_resilient"
"""
The one key of the library in extensions.

On a request, it holds the `RequestContext`. On a response, it holds what its attempts
are created from when somebody asks for them: the seconds of the only attempt, or the
list of records.
"""

ATTRIBUTE = "__httpx_resilient__"
"""The attribute of an exception that holds the same, and its notes."""

Record = tuple[
    int,
    int | type[BaseException] | None,
    str,
    float,
    float,
    float,
    float,
    "Sequence[Record]",
    str,
    bool,
]
"""
What one `Attempt`, or several, are created from.

The fields are those of an `Attempt`, with two differences: `at` is in monotonic
seconds, and between `queued` and `origin` stand the records of layers inside, if they
have sent more than once. The number 0 means that of the records inside, or 1.
"""


def history_on(outcome: object) -> Sequence[Record]:
    """Return the records that a layer has left on an outcome itself."""
    holder: Any = outcome
    if isinstance(outcome, BaseException):
        found = vars(outcome).get(ATTRIBUTE, {}).get(KEY)
    else:
        extensions = getattr(outcome, "extensions", None)
        known = isinstance(extensions, dict)
        found = cast("dict[str, object]", extensions).get(KEY) if known else None
    if isinstance(found, float):
        status: int = holder.status_code
        return [(1, status, "", 0.0, found, 0.0, 0.0, (), "", False)]
    return cast("Sequence[Record]", found) if isinstance(found, list) else ()


def leave_history(outcome: Any, records: Sequence[Record]) -> None:
    """Leave records on a response or an exception, in place of earlier ones."""
    if isinstance(outcome, BaseException):
        vars(outcome).setdefault(ATTRIBUTE, {})[KEY] = list(records)
    else:
        outcome.extensions[KEY] = list(records)


def broken(
    records: Sequence[Record], kind: Any, reason: str, wait: float
) -> Sequence[Record]:
    """
    Return the records of a request, the body of whose answer has broken.

    What layers inside have sent last has broken, too: it is the same answer.

    Args:
        records: The records as they were with the headers; there is one at least.
        kind: The class of the exception.
        reason: What has happened, in words. What was told before stays in front of it.
        wait: Seconds until the next attempt.
    """
    *others, last = records
    number, outcome, before, _, duration, at, queued, inside, origin, hedge = last
    told = reason if before in {"", str(outcome)} else f"{before}, {reason}"
    if inside:
        inside = broken(inside, kind, reason, 0.0)
    return [
        *others,
        (number, kind, told, wait, duration, at, queued, inside, origin, hedge),
    ]


def forget_history(outcome: Any) -> None:
    """Remove what a mock has kept from an earlier request, on the same object."""
    if isinstance(outcome, BaseException):
        vars(outcome).get(ATTRIBUTE, {}).pop(KEY, None)
    else:
        outcome.extensions.pop(KEY, None)


def annotate(error: BaseException, name: str, note: str) -> None:
    """
    Add a note to an exception, in place of the one that was added by this name before.

    A mock may raise the same object for each request: only the latest note is true.
    """
    found = vars(error).setdefault(ATTRIBUTE, {})
    notes: list[str] = getattr(error, "__notes__", [])
    before = found.get(name)
    if before in notes:
        notes.remove(before)
    found[name] = note
    error.add_note(note)
