"""Values that layers leave on a response or an exception for the layers around them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")


ATTRIBUTE = "__httpx_resilient__"
"""The attribute of an exception that holds its marks. A response has extensions."""


QUEUED = "queued"
"""The key of the seconds that a request waited in queues before it was sent."""


class Mark(NamedTuple):
    """
    A value that a layer has left on an outcome for the layers around it.

    A mock may raise or return the same object for each request. So a mark has a time:
    an earlier one belongs to another request.

    Args:
        at: When it was set, in monotonic seconds.
        value: The value. Its type depends on the key.
    """

    at: float
    value: Any


def mark(outcome: Any, name: str, value: object, now: float) -> None:
    """Leave a value on a response or an exception."""
    made = Mark(now, value)
    if isinstance(outcome, BaseException):
        vars(outcome).setdefault(ATTRIBUTE, {})[name] = made
    else:
        outcome.extensions[name] = made


_NO_MARKS: dict[str, Any] = {}


def marks(outcome: Any) -> dict[str, Any]:
    """Return the marks on an outcome, to be read only."""
    found: dict[str, Any]
    if isinstance(outcome, BaseException):
        found = vars(outcome).get(ATTRIBUTE, _NO_MARKS)
    else:
        found = getattr(outcome, "extensions", _NO_MARKS)
    return found


def value_of(mark: object) -> Any:
    """Return the value of a mark, or `None` if there is no mark."""
    return mark.value if isinstance(mark, Mark) else None


def value_on(error: Exception | None, name: str) -> Any:
    """Return the value of a mark on an exception itself, or `None`."""
    return None if error is None else value_of(marks(error).get(name))


def mark_since(sent: float, now: float, found: dict[str, Any], name: str) -> Any:
    """Return the value of a mark that was set since a request was sent, or `None`."""
    mark = found.get(name)
    return mark.value if isinstance(mark, Mark) and sent < mark.at <= now else None


async def send_after_queue(
    sending: Awaitable[T], seconds: float, now: Callable[[], float]
) -> T:
    """Await a request that had to queue, and mark its outcome with the seconds."""
    sent = now()
    try:
        response = await sending
    except Exception as error:
        _mark_queued(error, seconds, sent, now())
        raise
    _mark_queued(response, seconds, sent, now())
    return response


def _mark_queued(outcome: object, seconds: float, sent: float, now: float) -> None:
    earlier = mark_since(sent, now, marks(outcome), QUEUED) or 0.0
    mark(outcome, QUEUED, earlier + seconds, now)


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
