"""What tenacity's strategies and hooks read of a call: a request is its function."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, NoReturn

import tenacity

from httpx_resilient._core.family import Family
from httpx_resilient._core.http_types import RequestT, ResponseT
from httpx_resilient._core.origin import safe_url
from httpx_resilient._core.redaction import Redactor, redact_tokens
from httpx_resilient._layers.retry.outcome import Outcome

_OF_A_RESPONSE = {"status_code", "headers", "extensions"}
"""The attributes that each response has, and its class has not."""

_LOWEST_ERROR = 400


class HTTPCallState(tenacity.RetryCallState, Generic[RequestT, ResponseT]):
    """The base of the state of a request: its outcome, and what tenacity reads."""

    fn = None  # there is no function: see `get_fn_name`

    request: RequestT
    family: Family
    error: Exception | None
    is_response_read: bool = False
    """Whether the response was read since this was set to `False`."""
    ended: float
    """When the attempt ended, in monotonic seconds."""
    _response: ResponseT | None
    _outcome: Outcome | None

    @property
    def response(self) -> ResponseT | None:
        """The response, or `None` after an error."""
        self.is_response_read = True
        return self._response

    @response.setter
    def response(self, response: ResponseT | None) -> None:
        self._response = response

    @property
    def outcome(self) -> Outcome | None:  # type: ignore[override] # pyright: ignore[reportIncompatibleVariableOverride] - tenacity's attribute is writable, and only tenacity's own loop writes it
        """The outcome for tenacity's own strategies: ours never read it."""
        response, error = self.response, self.error
        if self._outcome is None and (response is not None or error is not None):
            self._outcome = Outcome(self.attempt_number, response, error)
        return self._outcome

    @property
    def is_success(self) -> bool:
        """Whether the attempt was answered by a status below 400."""
        response: Any = self._response
        return response is not None and response.status_code < _LOWEST_ERROR

    @property
    def elapsed(self) -> float:
        """Seconds from sending the first attempt to the end of this one."""
        return self.ended - self.start_time

    redact: Redactor = staticmethod(redact_tokens)
    """What a text shows of its URL."""

    @property
    def args(self) -> tuple[Any]:  # pyright: ignore[reportIncompatibleVariableOverride] - tenacity's attribute, seldom read
        """The arguments of the call, for tenacity's own hooks."""
        return (self.request,)

    @property
    def kwargs(self) -> dict[str, Any]:  # pyright: ignore[reportIncompatibleVariableOverride] - tenacity's attribute, seldom read
        """The keyword arguments of the call, for tenacity's own hooks."""
        return {}

    def get_fn_name(self) -> str:
        """Name the request, for tenacity's own hooks such as `before_sleep_log`."""
        request: Any = self.request
        return f"{request.method} {safe_url(request, self.redact)}"

    if TYPE_CHECKING:  # they would take any attribute for one
        ...
    else:

        def __getattr__(self, name: str) -> NoReturn:
            """Tell where an attribute is that a strategy expects here."""
            msg = f"{type(self).__name__!r} object has no attribute {name!r}"
            if name.startswith("_"):  # asked for by copy and pickle, of an empty state
                raise AttributeError(msg)
            if name in _OF_A_RESPONSE or hasattr(self.family.response, name):
                msg += (
                    f": it is state.response.{name}, and state.response is None after "
                    "an error; retry_if_result(function) gives a function the response"
                )
            elif hasattr(self.request, name):
                msg += f": it is state.request.{name}"
            raise AttributeError(msg, name=name, obj=self)


def note_missing_response(error: BaseException, response: object) -> None:
    """Explain why a strategy could not read an attribute of the response."""
    if isinstance(error, AttributeError) and error.obj is None and response is None:
        error.add_note("state.response is None after an error: check that first")
