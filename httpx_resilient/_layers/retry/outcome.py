"""The outcome of an attempt, as tenacity's strategies read it."""

from __future__ import annotations

from typing import Any

import tenacity


class Outcome(tenacity.Future):
    """
    The outcome of an attempt, as tenacity's strategies read it.

    A `concurrent.futures.Future` with its lock costs 2 µs to build, and strategies read
    three attributes only. The first access to any other one builds the future.

    Args:
        number: The number of the attempt.
        response: The response, or `None`.
        error: The exception, or `None`.
    """

    def __init__(self, number: int, response: object, error: Exception | None) -> None:
        self.attempt_number = number
        self._response = response
        self._error = error

    @property
    def failed(self) -> bool:
        return self._error is not None

    def exception(self, timeout: float | None = None) -> Exception | None:  # noqa: ARG002 - the outcome is known, so nothing waits
        return self._error

    def result(self, timeout: float | None = None) -> Any:  # noqa: ARG002 - the outcome is known, so nothing waits
        if self._error is not None:
            raise self._error
        return self._response

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or "_condition" in vars(self):
            raise AttributeError(name)
        super().__init__(self.attempt_number)
        if self._error is not None:
            self.set_exception(self._error)
        else:
            self.set_result(self._response)
        return getattr(self, name)
