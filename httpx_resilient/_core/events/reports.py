"""Exceptions of listeners and of logging handlers, which must not fail a request."""

from __future__ import annotations

from contextlib import suppress

from httpx_resilient._core.clock import Clock
from httpx_resilient._core.events.log import logger

INTERVAL = 60.0
"""Seconds between two log records of a listener that raises again and again."""


class FaultReport:
    """
    Logs the exceptions of a listener or of a logging handler, without a flood.

    The first one is logged with its traceback. Later ones are counted, and their number
    is logged once a minute: there may be one for every event.
    """

    def __init__(self) -> None:
        self._count = 0
        self._logged_at = 0.0

    def add(self, culprit: str, error: Exception) -> None:
        """
        Count an exception, and log it if it is time.

        Args:
            culprit: What has raised it, such as `on_event`.
            error: The exception.
        """
        self._count += 1
        now = Clock.now()
        if self._count > 1 and now - self._logged_at < INTERVAL:
            return
        self._logged_at = now
        # The handler of this record may be the one that raises.
        with suppress(Exception):
            if self._count == 1:
                text = "%s raised an exception; the request goes on"
                logger.error(text, culprit, exc_info=error)
            else:
                text = "%s has raised %d exceptions; the requests go on"
                logger.error(text, culprit, self._count)
