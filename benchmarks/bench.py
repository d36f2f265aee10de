"""The resources that all cases of the scale part share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.plan import Plan
from benchmarks.workers import CaseResult, Server, Workers

if TYPE_CHECKING:
    from rich.progress import Progress

Results = dict[str, dict[str, list[CaseResult]]]
"""The results by part and client: one for each round, or for each variant."""

Measured = Iterator[tuple[str, CaseResult]]
"""A client and its result, one after the other."""


@dataclass(frozen=True)
class Bench:
    """The processes, the plan and the progress bar of a part."""

    workers: Workers
    server: Server
    plan: Plan
    progress: Progress

    def flight(
        self, client: str, urls: Sequence[str], requests: int, **case: Any
    ) -> CaseResult:
        """Send requests with a client."""
        case = {"warm": 0, "limit": self.plan.limit, **case}
        case["in_flight"] = min(case["in_flight"], requests)
        return self.workers.run(
            client, case="flight", urls=urls, requests=requests, **case
        )
