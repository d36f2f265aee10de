"""Mock origins, and a policy that retries for an hour."""

from __future__ import annotations

from typing import Any

import httpx
import tenacity

ORIGIN = "https://example.org/"
BUSY = httpx.MockTransport(lambda request: httpx.Response(503))
HEALTHY = httpx.MockTransport(lambda request: httpx.Response(200))
EVERY_TEN_MINUTES: dict[str, Any] = {
    "wait": tenacity.wait_fixed(600),
    "stop": tenacity.stop_after_attempt(7),
    "budget": False,
}
"""Seven attempts, six waits: an hour."""
