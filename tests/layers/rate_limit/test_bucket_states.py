"""The limits of a server with several quotas, in any order of events."""

from __future__ import annotations

from typing import Any, NamedTuple

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from httpx_resilient._layers.rate_limit.answer import UNANSWERED, Answer
from httpx_resilient._layers.rate_limit.answers import record
from httpx_resilient._layers.rate_limit.gcra import take, wait_of
from httpx_resilient._layers.rate_limit.headers import ServerQuota
from httpx_resilient._layers.rate_limit.known import MAX_BUCKETS, MAX_PATHS
from httpx_resilient._layers.rate_limit.state import Asker, Pace, Rate

ALMOST = 1e-6
LONGEST_WAIT = 120.0
NAMES = {"/a": "core", "/b": "core", "/c": "search", "/d": None, "/e": None}
"""The paths, and the names of their quotas. One without a name is of the path."""

paths = st.sampled_from(sorted(NAMES))
jitters = st.floats(0, 1)


class Sent(NamedTuple):
    """A request in flight, and its answer, which the server has given already."""

    ticket: Any
    path: str
    at: float
    left: int
    ends: float


def asker_of(path: str, caller: int | None = None) -> Asker:
    return Asker(path, caller)


class Rates(RuleBasedStateMachine):
    """What all machines do: requests are admitted, and time passes."""

    def __init__(self) -> None:
        super().__init__()
        self.rate, self.now = Rate(), 100.0
        self.going: list[Sent] = []

    def admitted(self, asker: Asker) -> Any:
        self.rate, ticket = take(self.rate, Pace(), self.now, asker)
        return ticket

    def ends(
        self,
        sent: Sent,
        quota: ServerQuota | None,
        jitter: float,
        *,
        is_well: bool = True,
        caller: int | None = None,
    ) -> None:
        answer = Answer(asker_of(sent.path, caller), is_well, True, quota)
        took = self.now - sent.at
        self.rate, _ = record(self.rate, self.now, sent.ticket, answer, took, jitter)

    @rule(seconds=st.sampled_from([0.01, 0.4, 2.0, 9.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def the_known_is_bounded(self) -> None:
        server = self.rate.server
        if server is not None:
            assert len(server.buckets) <= MAX_BUCKETS
            assert len(server.names) <= MAX_PATHS
            assert all(each.in_flight >= 0 for each in server.buckets.values())


@settings(max_examples=80, stateful_step_count=40, deadline=None)
class Truthful(Rates):
    """
    No quota is exceeded, whatever the order of requests and answers.

    The first requests of a window are sent before the server has told of it, so there
    are no more workers than the quota has requests.
    """

    @initialize(full=st.integers(2, 6), seconds=st.sampled_from([5.0, 30.0]))
    def begin(self, full: int, seconds: float) -> None:
        self.full, self.seconds = full, seconds
        self.served: dict[str, tuple[int, float]] = {}
        for path in sorted(NAMES):
            self.ends(self.reaches(0, path), self.told(path), 0.5)

    def reaches(self, ticket: Any, path: str) -> Sent:
        """Let the server count a request."""
        bucket = NAMES[path] or path
        count, ends = self.served.get(bucket, (0, 0.0))
        if self.now >= ends:
            count, ends = 0, self.now + self.seconds
        count += 1
        self.served[bucket] = count, ends
        return Sent(ticket, path, self.now, self.full - count, ends)

    def told(self, path: str) -> ServerQuota | None:
        count, ends = self.served[NAMES[path] or path]
        if ends <= self.now:
            return None
        left = max(self.full - count, 0)
        return ServerQuota(None, left, ends - self.now, NAMES[path])

    @precondition(lambda self: len(self.going) < self.full)
    @rule(path=paths)
    def request(self, path: str) -> None:
        ticket = self.admitted(asker_of(path))
        if ticket is None:
            return
        sent = self.reaches(ticket, path)
        if not ticket.is_doubtful:
            assert sent.left >= 0, f"the quota of {path} is exceeded"
        self.going.append(sent)

    @precondition(lambda self: self.going)
    @rule(data=st.data(), jitter=jitters)
    def is_answered(self, data: st.DataObject, jitter: float) -> None:
        number = data.draw(st.integers(0, len(self.going) - 1))
        sent = self.going.pop(number)
        quota = None
        if sent.ends > self.now:
            left, seconds = max(sent.left, 0), sent.ends - self.now
            quota = ServerQuota(None, left, seconds, NAMES[sent.path])
        self.ends(sent, quota, jitter)


@settings(max_examples=80, stateful_step_count=40, deadline=None)
class Absurd(Rates):
    """Whatever the server says, a request is sent within two minutes."""

    callers = st.sampled_from([None, 1, 2])

    @rule(path=paths, caller=callers, patience=st.sampled_from([0.0, 5.0, 1e9]))
    def request(self, path: str, caller: int | None, patience: float) -> None:
        until = self.now + patience
        ticket = self.admitted(Asker(path, caller, until, until))
        if ticket is not None:
            self.going.append(Sent((ticket, caller), path, self.now, 0, 0.0))

    @precondition(lambda self: self.going)
    @rule(
        data=st.data(),
        jitter=jitters,
        name=st.sampled_from([None, "core", "search"]),
        seconds=st.sampled_from([0.5, 59.0, 90.0, 3600.0]),
        left=st.sampled_from([None, 0, 0, 1, 5]),
    )
    def is_answered(
        self,
        data: st.DataObject,
        jitter: float,
        name: str | None,
        seconds: float,
        left: int | None,
    ) -> None:
        sent = self.going.pop(data.draw(st.integers(0, len(self.going) - 1)))
        ticket, caller = sent.ticket
        sent = sent._replace(ticket=ticket)
        quota = ServerQuota(None, left or 0, seconds, name)
        if left is None:
            quota = ServerQuota(seconds, bucket=name)
        is_well = left is not None
        self.ends(sent, quota, jitter, is_well=is_well, caller=caller)

    @precondition(lambda self: self.going)
    @rule(jitter=jitters, is_well=st.booleans())
    def ends_silently(self, jitter: float, is_well: bool) -> None:
        sent = self.going.pop()
        ticket, caller = sent.ticket
        sent = sent._replace(ticket=ticket)
        self.ends(sent, None, jitter, is_well=is_well, caller=caller)

    @precondition(lambda self: self.going)
    @rule()
    def is_lost(self) -> None:
        ticket, _ = self.going.pop().ticket
        self.rate, _ = record(self.rate, self.now, ticket, UNANSWERED, 0.0, 0.5)

    @invariant()
    def no_request_waits_for_more_than_two_minutes(self) -> None:
        for path in (*NAMES, "/unknown"):
            for caller in (None, 1, 3):
                wait = wait_of(self.rate, Pace(), self.now, 0, asker_of(path, caller))
                assert wait <= LONGEST_WAIT

    @invariant()
    def a_success_refuses_nothing(self) -> None:
        """Without a pause, the wait ends with the patience."""
        server = self.rate.server
        if server is None or server.whole.pause > self.now:
            return
        if any(each.pause > self.now for each in server.buckets.values()):
            return
        asker = Asker("/a", None, self.now + 3, self.now + 2)
        assert wait_of(self.rate, Pace(), self.now, 0, asker) <= 3 + ALMOST


TestTruthful = Truthful.TestCase
TestAbsurd = Absurd.TestCase
