"""
Print the events of a request, log them, and explain the request.

    pip install httpx_resilient
"""

from __future__ import annotations

import logging
import sys

import httpx
from unreliable import unreliable

from httpx_resilient import RetryingTransport, explain
from httpx_resilient.events import AttemptEnded, ConnectionReused, Event

# Each record carries the fields of its event; so do the records of structlog.
handler = logging.StreamHandler(sys.stdout)
handler.setFormatter(
    logging.Formatter("%(levelname)s %(message)s (%(kind)s, wait=%(wait).3f)")
)
logger = logging.getLogger("httpx_resilient")
logger.addHandler(handler)
logger.setLevel(logging.INFO)


def listen(event: Event) -> None:
    """Print some of the events."""
    match event:
        case AttemptEnded(attempt=number, outcome=outcome):
            print(f"attempt {number} ended with {outcome}")
        case ConnectionReused():
            print(event)
        case _:
            pass


with unreliable("finally") as url:
    transport = RetryingTransport(on_event=listen)
    with httpx.Client(transport=transport) as client:
        response = client.get(url, params={"key": "secret"})
    print()
    print(explain(response))
    print()
