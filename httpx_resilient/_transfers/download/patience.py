"""How long a download goes on after failures: pure functions of counts."""

from __future__ import annotations

from dataclasses import dataclass, replace

LONGEST_WAIT = 30.0
"""Seconds."""


@dataclass(frozen=True, slots=True)
class Patience:
    """
    The bounds of a download, and what they have been used for.

    Args:
        failures: How many requests in a row may bring no new byte.
        breaks: How many requests may fail or break in all.
        backoff: Seconds before the second failure in a row; each further one doubles
            them. A random part of them is waited. After new bytes there is no wait.
        in_a_row: How many have failed in a row.
        total: How many have failed in all.
    """

    failures: int = 5
    breaks: int = 20
    backoff: float = 0.5
    in_a_row: int = 0
    total: int = 0

    @property
    def is_over(self) -> bool:
        """Whether another request would be one too many."""
        return self.in_a_row >= self.failures or self.total >= self.breaks

    def after_failure(self, *, progress: bool) -> Patience:
        """Count a request that has failed, with new bytes or without."""
        in_a_row = 0 if progress else self.in_a_row + 1
        return replace(self, in_a_row=in_a_row, total=self.total + 1)

    def wait(self, random: float, retry_after: float | None = None) -> float:
        """
        Return the seconds to wait before the next request.

        Args:
            random: From 0 to 1.
            retry_after: What the server has asked for.
        """
        if retry_after is not None:
            return retry_after
        if not self.in_a_row:
            return 0.0
        doubled = self.backoff * 2.0 ** min(self.in_a_row - 1, 30)
        return min(doubled, LONGEST_WAIT) * random


DEFAULT = Patience()
"""The bounds without options."""
