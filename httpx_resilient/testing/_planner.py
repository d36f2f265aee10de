"""Decides which faults each request gets, and counts those that happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from random import SystemRandom
from threading import Lock

from httpx_resilient._core.family import Family
from httpx_resilient._transport.recognition import home_of
from httpx_resilient.testing._faults import (
    Fault,
    FaultSpec,
    RaiseError,
    flatten,
    parse_fault,
)
from httpx_resilient.testing._plan import FaultPlan


class FaultPlanner:
    """
    Plans the faults of each request, in the order in which requests start.

    Threads may share it. Its state is bounded: the number of requests, the time of the
    first one, and a count for each fault name.

    Args:
        faults: A script with one fault for each request, or one fault for all requests.
        seed: Seed of all random numbers. `None` chooses one.
        family: The HTTP library whose exceptions may be raised.
        ends: Whether no request may come after a script.

    Raises:
        TypeError: A fault is not a fault, or is an exception of the other library.
        ValueError: A number is not a status.
    """

    def __init__(
        self,
        faults: Sequence[FaultSpec] | FaultSpec,
        seed: int | str | None,
        family: Family,
        *,
        ends: bool,
    ) -> None:
        if seed is not None and not isinstance(seed, (int, str)):
            msg = f"seed must be a whole number or a text; got {seed!r}"
            raise TypeError(msg)
        self.seed = SystemRandom().getrandbits(32) if seed is None else seed
        self.requests = 0
        self._script, self._always = _parse(faults)
        self._ends = ends
        for fault in self._script if self._always is None else (self._always,):
            _check_family(fault, family)
        self._counts: Counter[str] = Counter()
        self._first: float | None = None
        self._lock = Lock()

    def plan(self, now: float) -> FaultPlan:
        """
        Plan the next request, which starts at `now` (monotonic seconds).

        Raises:
            RuntimeError: The script ends, and has run out.
        """
        with self._lock:
            number = self.requests
            self.requests += 1
            if self._first is None:
                self._first = now
            first = self._first
        plan = FaultPlan(max(0.0, now - first), f"{self.seed}/{number}")
        fault = self._always
        if fault is None:
            if number < len(self._script):
                fault = self._script[number]
            elif self._ends:
                msg = (
                    f"this is request {number + 1}, and the script of faults has "
                    f"{len(self._script)}: add one, such as 200, or give an inner "
                    "transport for the requests that come after the script"
                )
                raise RuntimeError(msg)
        if fault is not None:
            fault.apply_to(plan)
        return plan

    def count(self, name: str) -> None:
        """Count a fault that happened."""
        with self._lock:
            self._counts[name] += 1

    def counts(self) -> dict[str, int]:
        """Return a copy of the counts, by the name of the fault."""
        with self._lock:
            return dict(self._counts)


def _parse(
    faults: Sequence[FaultSpec] | FaultSpec,
) -> tuple[tuple[Fault, ...], Fault | None]:
    """Return the script, and the fault of all requests if it is not a script."""
    if isinstance(faults, Sequence) and not isinstance(faults, (str, bytes)):
        return tuple(parse_fault(each) for each in faults), None
    return (), parse_fault(faults)


def _check_family(fault: Fault, family: Family) -> None:
    for part in flatten(fault):
        if isinstance(part, RaiseError):
            for base in part.kind.__mro__:
                package = base.__module__.partition(".")[0]
                # Compared by package: an import alias gives one library both names.
                if home_of(base) is not None and package != family.package:
                    msg = (
                        f"{part.name} is an exception of {package}, but this transport "
                        f"is for {family.name}: give {family.name}'s own"
                    )
                    raise TypeError(msg)
