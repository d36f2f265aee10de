"""The library's logger."""

from __future__ import annotations

import logging

logger = logging.getLogger("httpx_resilient")
logger.addHandler(logging.NullHandler())
