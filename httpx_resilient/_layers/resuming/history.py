"""The history of a body that broke: one attempt for each request that it took."""

from __future__ import annotations

from typing import Any

from httpx_resilient._core.context import RequestContext
from httpx_resilient._core.history import KEY, Record, history_on, leave_history


class BodyHistory:
    """
    The attempts of a request whose body broke.

    Args:
        response: The response that the caller has.
        began: When the request was sent, in monotonic seconds.
        ended: When the answer came.
    """

    def __init__(self, response: Any, began: float, ended: float) -> None:
        self._response = response
        status = response.status_code
        only: Record = (
            1, status, "", 0.0, ended - began, began, 0.0, (), "", False
        )  # fmt: skip
        # A lone attempt is stored as its seconds, without the moment of its start.
        is_known = isinstance(response.extensions.get(KEY), list)
        self._records: list[Record] = [*history_on(response)] if is_known else [only]

    def broke(self, reason: str, wait: float) -> None:
        """Record why the latest attempt is not the last one."""
        number, kind, before, _, *rest = self._records[-1]
        reason = f"{before}, {reason}" if before else reason
        self._records[-1] = (number, kind, reason, wait, *rest)  # type: ignore[assignment]  # mypy loses the types of `rest`
        self.leave(self._response)

    def sent(
        self, outcome: Any, reason: str, at: float, now: float, context: RequestContext
    ) -> None:
        """
        Record another attempt.

        Args:
            outcome: Its status, or the class of its exception.
            reason: What it was for.
            at: When it was sent, in monotonic seconds.
            now: When it ended.
            context: What it was sent with.
        """
        queued, inside = context.take()
        number = self._records[-1][0] + 1
        self._records.append(
            (number, outcome, reason, 0.0, now - at, at, queued, inside, "", False)
        )
        self.leave(self._response)

    def resumed(self, proof: str, reread: int) -> None:
        """Record that the latest attempt has brought the body on."""
        number, kind, before, *rest = self._records[-1]
        reason = f"{before}, goes on by {proof}, {reread:,} bytes read again"
        self._records[-1] = (number, kind, reason, *rest)  # type: ignore[assignment]  # mypy loses the types of `rest`
        self.leave(self._response)

    def leave(self, outcome: object) -> None:
        """Leave the history on a response or on an exception."""
        leave_history(outcome, self._records)
