"""The size of the scale part: how many requests each case sends, and its limits."""

from __future__ import annotations

from dataclasses import dataclass, field

LEVELS = (1, 10, 100, 1000, 5000)
ORIGINS = 50
SLOTS = 10
COLD_LIMIT = 12.0
ORIGINS_LIMIT = 6.0


@dataclass(frozen=True)
class Plan:
    """The numbers of requests, and the limits of the cases in seconds."""

    requests: dict[int, int] = field(
        default_factory=lambda: {1: 400, 10: 600, 100: 600, 1000: 1500, 5000: 6000}
    )
    rounds: dict[int, int] = field(
        default_factory=lambda: {1: 11, 10: 11, 100: 3, 1000: 5, 5000: 1}
    )
    """Rounds of the clients in the goals. The others have one round; a small difference
    needs many."""
    connections: int = 2000
    cold: int = 1000
    cold_delay: int = 1000
    origins: int = 1500
    cancelled: int = 2000
    slots: int = 50
    waiting: int = 500
    soak_requests: int = 100_000
    settle: float = 1.5
    limit: float = 4.0
    longer: float = 12.0
    """The limit of cases that send or wait a lot."""
    only_goals: bool = False
    """Whether only the clients in the goals are measured."""


QUICK = Plan(
    requests={1: 3, 10: 10, 100: 20, 1000: 20, 5000: 20},
    rounds=dict.fromkeys(LEVELS, 1),
    connections=40,
    cold=40,
    cold_delay=20,
    origins=60,
    cancelled=40,
    slots=5,
    waiting=20,
    soak_requests=400,
    settle=0.2,
    longer=1.5,
)
