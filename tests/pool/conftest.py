from __future__ import annotations

from typing import Any

import pytest
import trustme
from support.tls_server import trusting


@pytest.fixture
def secure(authority: trustme.CA) -> dict[str, Any]:
    """Options of a transport that negotiates HTTP/2 with a server of the authority."""
    return {"http2": True, "verify": trusting(authority)}
