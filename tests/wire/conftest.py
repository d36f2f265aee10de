"""These tests are about the wire."""

import pytest


@pytest.fixture(autouse=True)
def wired(wire: None) -> None:
    """Use it, whatever the environment says."""
