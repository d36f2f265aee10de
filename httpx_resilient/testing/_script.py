"""What a transport has played so far: which request comes next, what was injected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from random import SystemRandom
from threading import Lock

from httpx_resilient._core.family import Family
from httpx_resilient._transport.inner import home_of
from httpx_resilient.testing._faults import Entry, Fault, Raising, fault_of, faults_in
from httpx_resilient.testing._plan import Plan


class Player:
    """
    Tells each request what happens to it. Threads may ask at the same time.

    What it keeps is two numbers, a moment, and one count for each name of a fault.

    Args:
        faults: A script, one for each request, or a fault for all of them.
        seed: What the dice are made from; if there is none, one is made up.
        family: The library whose exceptions may be raised.

    Raises:
        TypeError: A fault is none, or an exception of the other library.
        ValueError: A number is no status.
    """

    def __init__(
        self,
        faults: Sequence[Entry] | Entry,
        seed: int | str | None,
        family: Family,
    ) -> None:
        if seed is not None and not isinstance(seed, (int, str)):
            msg = f"seed is a whole number or a text, got {seed!r}"
            raise TypeError(msg)
        self.seed = SystemRandom().getrandbits(32) if seed is None else seed
        self.requests = 0
        self._script, self._always = _read(faults)
        for fault in self._script if self._always is None else (self._always,):
            _check_family(fault, family)
        self._counts: Counter[str] = Counter()
        self._first: float | None = None
        self._lock = Lock()

    def plan(self, now: float) -> Plan:
        """Plan what happens to the next request. Each call is one."""
        with self._lock:
            number = self.requests
            self.requests += 1
            if self._first is None:
                self._first = now
            first = self._first
        plan = Plan(max(0.0, now - first), f"{self.seed}/{number}")
        fault = self._always
        if fault is None and number < len(self._script):
            fault = self._script[number]
        if fault is not None:
            fault.decide(plan)
        return plan

    def count(self, name: str) -> None:
        """Note that a fault has happened."""
        with self._lock:
            self._counts[name] += 1

    def counts(self) -> dict[str, int]:
        """Copy what was noted."""
        with self._lock:
            return dict(self._counts)


def _read(
    faults: Sequence[Entry] | Entry,
) -> tuple[tuple[Fault, ...], Fault | None]:
    if isinstance(faults, Sequence) and not isinstance(faults, (str, bytes)):
        return tuple(fault_of(each) for each in faults), None
    return (), fault_of(faults)


def _check_family(fault: Fault, family: Family) -> None:
    for each in faults_in(fault):
        if isinstance(each, Raising):
            for base in each.kind.__mro__:
                package = base.__module__.partition(".")[0]
                # Asked by where it lives: under an alias both names are one library.
                if home_of(base) is not None and package != family.package:
                    msg = (
                        f"{each.name} is an exception of {package}, and this transport "
                        f"is for {family.name}: give {family.name}'s own"
                    )
                    raise TypeError(msg)
