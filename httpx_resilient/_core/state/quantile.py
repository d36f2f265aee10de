"""The quantile of a sample."""

from __future__ import annotations

import math
from collections.abc import Sequence


def quantile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that has this share of all values at or below it."""
    return sorted(values)[math.ceil(share * len(values)) - 1]
