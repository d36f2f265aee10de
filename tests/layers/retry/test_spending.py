"""What retries pay for, when, and what they get back."""

from __future__ import annotations

import time
from typing import Any

import anyio
import httpx
import pytest
import tenacity
from support.fake_io import FakeIO, Scripted
from support.server import Server, reset
from support.world import LIBRARIES, World

from httpx_resilient import (
    CircuitOpen,
    RetryBudget,
    RetryingTransport,
    attempts_of,
    retry_if_status,
)
from httpx_resilient._budget.budget import SPENT
from httpx_resilient._core.deadline import Deadline
from httpx_resilient._core.io.protocol import run_sync

pytestmark = pytest.mark.anyio

GET = httpx.Request("GET", "https://example.org/")


class Till:
    """A transport with a budget of so many retries, and what becomes of requests."""

    def __init__(self, retries: float = 1, **options: Any) -> None:
        # Nothing is earned by accident: 1 % of a retry for each request.
        self.budget = RetryBudget(0.01, least=0, most=max(retries, 1))
        if not retries:
            empty(self.budget)
        options = {"wait": tenacity.wait_fixed(1), "budget": self.budget, **options}
        self.transport: Any = RetryingTransport(**options)

    def flow(self, io: FakeIO, request: httpx.Request = GET) -> httpx.Response:
        io.time = max(io.time, 1000.0)
        return run_sync(self.transport._handle(request, io))

    def does(
        self, *script: Scripted, request: httpx.Request = GET
    ) -> httpx.Response | Exception:
        try:
            return self.flow(FakeIO(*script), request)
        except Exception as error:
            return error

    @property
    def left(self) -> int:
        """How many retries there are. It takes them."""
        return empty(self.budget)


def empty(budget: RetryBudget, now: float = 1001.0) -> int:
    """Take all that there is, and say how much that was."""
    count = 0
    while budget.spend(GET.url, now):
        count += 1
    return count


def request_with(**options: Any) -> httpx.Request:
    return httpx.Request("GET", GET.url, extensions={"retry": options})


# What it is for.


def test_a_retry_that_is_not_paid_for_is_not_made() -> None:
    io = FakeIO(503)
    assert Till(0).flow(io).status_code == 503
    assert io.did == ["send"]


def test_the_history_says_so() -> None:
    response = Till(0).does(503)
    assert [attempt.reason for attempt in attempts_of(response)] == [
        f"503, and {SPENT}"
    ]


def test_and_the_log(caplog: pytest.LogCaptureFixture) -> None:
    Till(0).does(503)
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert record.getMessage().endswith(f": 503, and {SPENT}")


def test_and_the_note_on_an_exception() -> None:
    error = Till(1).does(503, httpx.ReadError("broken"))
    assert isinstance(error, httpx.ReadError)
    assert error.__notes__ == [
        f"gave up after 2 attempts in 1.0 s: 503, ReadError, and {SPENT}"
    ]


def test_by_default_there_is_a_budget() -> None:
    io = FakeIO(*[503] * 30)
    transport = RetryingTransport(wait=tenacity.wait_none())
    for _ in range(20):
        run_sync(transport._handle(GET, io))
    assert io.did.count("send") == 20 + 10


def test_without_one_each_request_has_its_attempts() -> None:
    io = FakeIO(*[503] * 30)
    transport = RetryingTransport(wait=tenacity.wait_none(), budget=False)
    for _ in range(10):
        run_sync(transport._handle(GET, io))
    assert io.did.count("send") == 30


def test_and_nothing_is_counted() -> None:
    till = Till(budget=False)
    assert len(attempts_of(till.does(200))) == 1
    assert not till.budget.accounts


def test_each_origin_has_its_own() -> None:
    till = Till(1)
    till.does(503, 503)
    other = httpx.Request("GET", "https://example.org:8443/")
    response = till.does(503, 200, request=other)
    assert len(attempts_of(response)) == 2


# What is paid.


def test_a_retry_that_does_not_help_costs_one() -> None:
    till = Till(4)
    till.does(503, 503, 503)
    assert till.left == 2


def test_one_that_helps_costs_nothing() -> None:
    till = Till(4)
    till.does(503, 200)
    assert till.left == 4


def test_of_two_the_one_that_helps_costs_nothing() -> None:
    till = Till(4)
    till.does(503, 503, 200)
    assert till.left == 3


def test_a_final_answer_that_tells_of_health_is_help() -> None:
    till = Till(4)
    till.does(503, 404)
    assert till.left == 4


def test_one_that_does_not_is_none() -> None:
    till = Till(4)
    till.does(503, 501)
    assert till.left == 3


def test_after_a_timeout_it_costs_two() -> None:
    till = Till(4)
    till.does(httpx.ReadTimeout("slow"), 503, 503)
    assert till.left == 1


def test_what_was_never_sent_costs_nothing() -> None:
    refused = httpx.ConnectError("refused")
    till = Till(0)
    assert till.does(refused, refused, refused) is refused
    assert len(attempts_of(refused)) == 3


@pytest.mark.parametrize(
    "error",
    [httpx.ConnectError("refused"), httpx.PoolTimeout("full"), CircuitOpen("open")],
    ids=repr,
)
def test_a_retry_that_was_never_sent_costs_nothing(error: Exception) -> None:
    till = Till(4, retry=tenacity.retry_always)
    till.does(503, error, 503)
    assert till.left == 4


def test_neither_does_the_last_one() -> None:
    till = Till(4, stop=tenacity.stop_after_attempt(2))
    till.does(503, httpx.ConnectTimeout("unreachable"))
    assert till.left == 4


# When.


def test_it_is_paid_before_the_wait() -> None:
    till, left = Till(4), list[int]()

    class Watching(FakeIO):
        async def sleep(self, seconds: float) -> None:
            left.append(till.left)

    till.flow(Watching(503, 200))
    assert left == [3]


class Stop(BaseException):
    """As a cancellation is."""


def test_a_request_that_is_cancelled_while_it_waits_gets_it_back() -> None:
    class Cancelled(FakeIO):
        async def sleep(self, seconds: float) -> None:
            raise Stop

    till = Till(4)
    with pytest.raises(Stop):
        till.flow(Cancelled(503))
    assert till.left == 4


def test_one_that_is_cancelled_when_it_has_been_sent_does_not() -> None:
    class Cancelled(FakeIO):
        async def send(self, request: Any) -> Any:
            if self.sent:
                raise Stop
            return await super().send(request)

    till = Till(4)
    with pytest.raises(Stop):
        till.flow(Cancelled(503))
    assert till.left == 3


def test_a_hook_that_raises_costs_nothing() -> None:
    def broken(_: object) -> None:
        raise LookupError

    till = Till(4, before_sleep=broken)
    assert isinstance(till.does(503), LookupError)
    assert till.left == 4


def test_a_body_that_cannot_be_sent_again_costs_nothing() -> None:
    till = Till(4)
    once = httpx.Request("PUT", GET.url, content=iter([b"once"]))

    class Reading(FakeIO):
        async def send(self, request: Any) -> Any:
            list(request.stream)
            return await super().send(request)

    assert till.flow(Reading(503), once).status_code == 503
    assert till.left == 4


def test_nor_does_a_wait_that_a_deadline_does_not_allow() -> None:
    till = Till(4)
    transport = till.transport
    late = httpx.Request(
        "GET", GET.url, extensions={"deadline": Deadline.of({}, 1000.5, 0.5)}
    )
    assert run_sync(transport._handle(late, _at_1000(503))).status_code == 503
    assert till.left == 4


def _at_1000(*script: Scripted) -> FakeIO:
    io = FakeIO(*script)
    io.time = 1000.0
    return io


# What is earned.


@pytest.mark.parametrize("status", [200, 204, 301, 404, 101])
def test_a_request_that_goes_well_at_once_earns(status: int) -> None:
    till = Till(0)
    till.does(status)
    assert len(till.budget.account(GET.url).good) == 1


@pytest.mark.parametrize("script", [(500,), (501,), (503, 200)])
def test_one_that_does_not_earns_nothing(script: tuple[int, ...]) -> None:
    till = Till(1)
    till.does(*script, *script)
    assert not till.budget.account(GET.url).good


@pytest.mark.parametrize(
    "retry", [retry_if_status(503), tenacity.retry_if_exception_type()]
)
def test_whatever_is_retried(retry: Any) -> None:
    till = Till(0, retry=retry)
    for status in (404, 500, 429):
        till.does(status)
    assert len(till.budget.account(GET.url).good) == 1


def test_an_error_of_ours_earns_nothing() -> None:
    till = Till(0)
    till.does(httpx.UnsupportedProtocol("gopher"))
    assert not till.budget.account(GET.url).good


def test_a_request_with_options_of_its_own_earns_as_well() -> None:
    till = Till(0)
    till.does(200, request=request_with(wait=tenacity.wait_none()))
    assert len(till.budget.account(GET.url).good) == 1


# For one request.


def test_one_request_may_do_without() -> None:
    assert (
        len(
            attempts_of(Till(0).does(503, 503, 503, request=request_with(budget=False)))
        )
        == 3
    )


def test_or_have_another_one() -> None:
    mine = RetryBudget(least=1, most=1)
    response = Till(0).does(503, 503, request=request_with(budget=mine))
    assert len(attempts_of(response)) == 2


def test_or_the_one_of_its_transport() -> None:
    response = Till(1).does(503, 503, request=request_with(budget=True))
    assert len(attempts_of(response)) == 2


def test_or_one_of_its_own_where_there_is_none() -> None:
    response = Till(0, budget=False).does(
        503, 503, 503, request=request_with(budget=True)
    )
    assert len(attempts_of(response)) == 3


@pytest.mark.parametrize("budget", [5, None, RetryBudget])
def test_what_is_no_budget_is_refused(budget: Any) -> None:
    with pytest.raises(TypeError, match="budget is a RetryBudget, or False for none"):
        RetryingTransport(budget=budget)
    with pytest.raises(TypeError, match="budget is a RetryBudget, or False for none"):
        Till().flow(FakeIO(200), request_with(budget=budget))


# How many attempts a policy allows.


@pytest.mark.parametrize(
    ("stop", "retries"),
    [
        (tenacity.stop_after_attempt(3), 10),
        (tenacity.stop_after_attempt(6), 10 + 3),
        (tenacity.stop_after_attempt(6) | tenacity.stop_after_delay(60), 10 + 3),
        (tenacity.stop_after_attempt(6) & tenacity.stop_after_attempt(3), 10 + 3),
        (tenacity.stop_after_attempt(50), 10 + 47),
        (tenacity.stop_after_delay(60), 10 + 7),
        (tenacity.stop_never, 10 + 7),
    ],
)
def test_who_allows_more_attempts_allows_to_owe_them(stop: Any, retries: int) -> None:
    io = _at_1000(*[503] * 100)
    transport = RetryingTransport(wait=tenacity.wait_none(), stop=stop)
    requests = 20
    for _ in range(requests):
        run_sync(transport._handle(GET, io))
    assert io.did.count("send") == requests + retries


# On the wire.


async def test_a_connection_that_breaks_is_paid_for(
    world: World, server: Server
) -> None:
    server.play(reset())
    transport = world.transport(world.http(), budget=RetryBudget(least=1, most=1))
    async with world.client(transport) as client:
        for _ in range(5):
            with pytest.raises(world.library.TransportError):
                await client.get(server.url)
    assert server.requests == 5 + 1


@pytest.mark.parametrize("runtime", ["asyncio", "trio"], indirect=True)
async def test_of_a_storm_of_cancellations_all_is_given_back(library: str) -> None:
    world = World(*LIBRARIES[library], sync=False)
    budget = RetryBudget(0.01, most=1000)
    failing = world.mock(lambda _: world.library.Response(503))
    transport = world.ours.RetryingTransport(
        failing, wait=tenacity.wait_fixed(3600), budget=budget
    )
    async with world.client(transport) as client, anyio.create_task_group() as tasks:
        for _ in range(300):
            tasks.start_soon(client.get, str(GET.url))
        await anyio.wait_all_tasks_blocked()
        taken = empty(budget, time.monotonic())
        tasks.cancel_scope.cancel()
    assert taken == 1000 - 300
    assert empty(budget, time.monotonic()) == 300
