"""
The rows of the matrix: every SDK, and what is to be known of it.

Only the standard library is needed here: the SDKs live in environments of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

SCENARIOS = {
    "503 twice": "503, 503",
    "429 with Retry-After": "429",
    "reset before the response": "reset",
    "close before the response": "close",
    "read timeout": "timeout",
    "stream after two 503": "SSE",
    "upload": "upload",
    "own retries off": "off",
    "own retries on": "on",
    "recipe": "recipe",
}
"""Each scenario, and the head of its column."""


@dataclass(frozen=True)
class Row:
    """
    One SDK.

    Args:
        name: Of the row, and of the extra in `pyproject.toml` that installs it.
        package: On the package index.
        family: The library whose client it is given.
        environment: Rows with the same one are installed together.
        driver: Module in `drivers`, if it is not the name.
        example: In `examples`, without `.py`.
        off: How its own retries are turned off. `None` if it has none.
        requests: On the wire while everything fails, with its own retries left on.
        uncovered: What our transport cannot do for it.
        absent: Scenarios that make no sense for it, and why.
        fails: Scenarios that fail, and why. Shown as such.
    """

    name: str
    package: str
    family: Literal["httpx", "httpx2"]
    uncovered: str
    off: str | None = None
    requests: int = 3
    environment: Literal["newest", "httpx line"] = "newest"
    driver: str = ""
    example: str = ""
    absent: Mapping[str, str] = field(default_factory=dict)
    fails: Mapping[str, str] = field(default_factory=dict)

    def scenarios(self) -> list[str]:
        """List what is run for this row."""
        absent = {"recipe"} - ({"recipe"} if self.example else set())
        return [each for each in SCENARIOS if each not in {*self.absent, *absent}]


STALE_TOKENS = "a token that expires between attempts is sent again as it was"

ROWS = [
    Row(
        name="openai",
        package="openai",
        family="httpx2",
        example="with_openai",
        off="`max_retries=0`",
        requests=5,
        uncovered=f"{STALE_TOKENS}; a stream that breaks midway",
    ),
    Row(
        name="openai-httpx",
        package="openai",
        family="httpx",
        environment="httpx line",
        driver="openai",
        off="`max_retries=0`",
        requests=5,
        uncovered="as openai",
    ),
]
