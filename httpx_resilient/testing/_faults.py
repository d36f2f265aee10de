"""
Faults: what they are, how users write them, and the two that end a request here.

A fault decides what happens to a request. It has no effects, no clock and no family.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import cast

from httpx_resilient._core.validation import number
from httpx_resilient.testing._plan import MadeAnswer, Plan


class Fault(ABC):
    """Something that can happen to a request."""

    @property
    def name(self) -> str:
        """What it is called where it is told of, and counted as."""
        return type(self).__name__

    @property
    def within(self) -> tuple[Fault, ...]:
        """The faults that it is made of."""
        return ()

    @abstractmethod
    def decide(self, plan: Plan) -> None:
        """Write into the plan of a request what is to happen to it."""

    def __repr__(self) -> str:
        return f"<{self.name}>"


Entry = int | Exception | type[Exception] | Fault | None
"""A fault as users write it."""


class Answer(Fault):
    """
    An answer that is made here: nothing is sent, and no body read.

    A status alone, such as `503`, is short for one without headers and body.

    Args:
        status: Its status, from 200 to 599.
        headers: Its headers: `{"retry-after": "2"}`.
        body: Its body. To a HEAD, and with 204 and 304, none comes.

    Raises:
        TypeError: The status is no whole number, the headers are no mapping from text
            to text, or the body no bytes.
        ValueError: The status is out of range, or a header is not ASCII on one line.

    Example:
        >>> import httpx
        >>> quota = Answer(429, {"retry-after": "2"}, b"slow down")
        >>> with httpx.Client(transport=FaultInjectingTransport(None, quota)) as client:
        ...     client.get("https://api.example.com/").headers["retry-after"]
        '2'
    """

    def __init__(
        self, status: int, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> None:
        number("status", status, least=200, most=599, whole=True)
        if not isinstance(body, bytes):
            msg = f"body is bytes, such as b'slow down'; got {body!r}"
            raise TypeError(msg)
        given: Mapping[str, str] = {} if headers is None else headers
        if not isinstance(given, Mapping) or not all(
            isinstance(text, str) for header in given.items() for text in header
        ):
            msg = (
                f"headers is a mapping such as {{'retry-after': '2'}}; got {headers!r}"
            )
            raise TypeError(msg)
        for header in given.items():
            # As the library would refuse it, but not before a request is answered.
            if not all(text.isascii() and not {*text} & {*"\r\n"} for text in header):
                msg = f"a header is ASCII on one line, got {header!r}"
                raise ValueError(msg)
        self._answer = MadeAnswer(int(status), tuple(given.items()), body)

    @property
    def name(self) -> str:
        """What it is called."""
        return str(self._answer.status)

    def decide(self, plan: Plan) -> None:
        """Answer."""
        plan.ends(self.name, answer=self._answer)


class Raising(Fault):
    """An exception, as a transport raises it. Users give the exception itself."""

    def __init__(self, error: Exception | type[Exception]) -> None:
        self.error = error
        self.kind = error if isinstance(error, type) else type(error)
        if isinstance(error, type):
            try:
                error("")
            except TypeError as cause:
                msg = f"{error.__name__} needs more than a message: give an instance"
                raise TypeError(msg) from cause

    @property
    def name(self) -> str:
        """What it is called."""
        return self.kind.__name__

    def decide(self, plan: Plan) -> None:
        """Raise."""
        plan.ends(self.name, error=self.error)


class Passing(Fault):
    """Nothing happens. Users write `None`."""

    def decide(self, plan: Plan) -> None:
        """Leave the plan as it is."""


def fault_of(entry: object) -> Fault:
    """
    Read a fault as users write it.

    Raises:
        TypeError: It is none.
        ValueError: It is a number, and no status.
    """
    if isinstance(entry, Fault):
        return entry
    if entry is None:
        return Passing()
    if isinstance(entry, int) and not isinstance(entry, bool):
        return Answer(entry)
    kind = entry if isinstance(entry, type) else type(entry)
    if issubclass(kind, Exception):
        return Raising(cast("Exception | type[Exception]", entry))
    if issubclass(kind, Fault):
        msg = f"a fault is given as an instance: {kind.__name__}(...)"
    else:
        msg = (
            "a fault is a status such as 503, an exception such as ReadTimeout, one of "
            f"Reset, Latency, ... or None for nothing; got {entry!r}"
        )
    raise TypeError(msg)


def faults_in(fault: Fault) -> Iterator[Fault]:
    """Go through a fault and all that it is made of."""
    yield fault
    for inner in fault.within:
        yield from faults_in(inner)
