"""
The faults, the notation in which users give them, and the two that end a request.

A fault only plans what happens to a request. It has no effects, no clock, and works for
both HTTP libraries.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import cast

from httpx_resilient._core.described import Described
from httpx_resilient._core.public import public
from httpx_resilient._core.validation import number
from httpx_resilient.testing._plan import CannedResponse, FaultPlan


class Fault(Described, ABC):
    """Something that can happen to a request."""

    @property
    def name(self) -> str:
        """The name of the fault in events, notes and counts."""
        return type(self).__name__

    @property
    def parts(self) -> tuple[Fault, ...]:
        """The faults that this one is composed of."""
        return ()

    @abstractmethod
    def apply_to(self, plan: FaultPlan) -> None:
        """Add this fault to the plan of a request."""


FaultSpec = int | Exception | type[Exception] | Fault | None
"""A fault in the notation of users: `503`, `httpx.ReadTimeout`, `Reset()`, `None`."""


@public("httpx_resilient.testing")
class Answer(Fault):
    """
    A response that is made locally. The request is not sent, nor its body read.

    A bare status, such as `503`, is short for an `Answer` without headers and body.

    Args:
        status: Status code, from 200 to 599.
        headers: Headers, such as `{"retry-after": "2"}`.
        body: Body. It is left out after a HEAD request, and with 204 and 304.

    Raises:
        TypeError: The status is not a whole number, the headers are not a mapping of
            text to text, or the body is not bytes.
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
            msg = f"body must be bytes, such as b'slow down'; got {body!r}"
            raise TypeError(msg)
        pairs = _header_pairs({} if headers is None else headers)
        self._response = CannedResponse(int(status), pairs, body)

    @property
    def name(self) -> str:
        """The status, as text."""
        return str(self._response.status)

    def apply_to(self, plan: FaultPlan) -> None:
        """End the request with this response."""
        plan.end(self.name, response=self._response)


def _header_pairs(headers: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    if not isinstance(headers, Mapping) or not all(
        isinstance(text, str) for header in headers.items() for text in header
    ):
        msg = (
            "headers must be a mapping of text to text, such as "
            f"{{'retry-after': '2'}}; got {headers!r}"
        )
        raise TypeError(msg)
    for header in headers.items():
        # The HTTP library would refuse it too, but only when a request is answered.
        if not all(text.isascii() and not {*text} & {*"\r\n"} for text in header):
            msg = f"a header must be ASCII on one line; got {header!r}"
            raise ValueError(msg)
    return tuple(headers.items())


class RaiseError(Fault):
    """An exception, as a transport raises it. Users give the exception itself."""

    def __init__(self, error: Exception | type[Exception]) -> None:
        self.error = error
        self.kind = error if isinstance(error, type) else type(error)
        if isinstance(error, type):
            try:
                error("")
            except TypeError as cause:
                msg = (
                    f"{error.__name__} cannot be made from a message alone: "
                    "give an instance"
                )
                raise TypeError(msg) from cause

    @property
    def name(self) -> str:
        """The name of the exception's class."""
        return self.kind.__name__

    def apply_to(self, plan: FaultPlan) -> None:
        """End the request with this exception."""
        plan.end(self.name, error=self.error)


class Pass(Fault):
    """Lets the request pass. Users write `None`."""

    def apply_to(self, plan: FaultPlan) -> None:
        """Leave the plan as it is."""


def parse_fault(spec: object) -> Fault:
    """
    Read a fault in the notation of users.

    Raises:
        TypeError: `spec` is not a fault.
        ValueError: `spec` is a number, but not a status.
    """
    if isinstance(spec, Fault):
        return spec
    if spec is None:
        return Pass()
    if isinstance(spec, int) and not isinstance(spec, bool):
        return Answer(spec)
    kind = spec if isinstance(spec, type) else type(spec)
    if issubclass(kind, Exception):
        return RaiseError(cast("Exception | type[Exception]", spec))
    if issubclass(kind, Fault):
        msg = f"a fault must be an instance: give {kind.__name__}(...), not the class"
    else:
        msg = (
            "a fault must be a status such as 503, an exception such as ReadTimeout, "
            f"a fault such as Reset(), or None to let the request pass; got {spec!r}"
        )
    raise TypeError(msg)


def flatten(fault: Fault) -> Iterator[Fault]:
    """Yield a fault and, recursively, its parts."""
    yield fault
    for part in fault.parts:
        yield from flatten(part)
