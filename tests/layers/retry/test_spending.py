"""The cost of retries: how much, when it is charged, and when it is refunded."""

from __future__ import annotations

import time
from typing import Any

import anyio
import httpx
import pytest
import tenacity
from support.fake_io import FakeIO, Scripted, run_flow
from support.server import Server, reset
from support.world import LIBRARIES, World

from httpx_resilient import (
    BodyHints,
    CircuitOpen,
    RetryBudget,
    RetryingTransport,
    attempts_of,
    hints_in_body,
    retry_if_status,
    wait_retry_after,
)
from httpx_resilient._budget.events import BUDGET_SPENT
from httpx_resilient._core.deadline import set_deadline
from httpx_resilient._core.io.protocol import run_sync

pytestmark = pytest.mark.anyio

GET = httpx.Request("GET", "https://example.org/")


class Budgeted:
    """A transport whose budget has a number of retries."""

    def __init__(self, retries: float = 1, **options: Any) -> None:
        # A request earns 1 % of a retry, so none is earned by accident.
        self.budget = RetryBudget(0.01, least=0, most=max(retries, 1), grace=0)
        if not retries:
            take_all(self.budget)
        options = {"wait": tenacity.wait_fixed(1), "budget": self.budget, **options}
        self.transport: Any = RetryingTransport(**options)

    def send(
        self, io: FakeIO, request: httpx.Request = GET, patience: float | None = None
    ) -> httpx.Response:
        """Send a request, not before the budget was made. Its patience is a deadline."""
        io.time = max(io.time, 1000.0)
        context = self.transport._enter(request, io)
        if patience is not None:
            until = io.time + patience
            context.deadline = set_deadline(until, patience, io.time, None)
        flow = self.transport._handle(request, io, context)
        response: httpx.Response = run_sync(flow)
        return response

    def outcome(
        self, *script: Scripted, request: httpx.Request = GET
    ) -> httpx.Response | Exception:
        """Send a request. Return its response or exception."""
        try:
            return self.send(FakeIO(*script), request)
        except Exception as error:
            return error

    def take_all(self) -> int:
        """Withdraw all retries. Return their number."""
        return take_all(self.budget)

    def deposits(self) -> int:
        """Return the number of requests that earned."""
        return len(self.budget.account(GET.url).deposits)


def take_all(budget: RetryBudget, now: float = 1001.0) -> int:
    """Withdraw all retries of a budget. Return their number."""
    count = 0
    while budget.spend(GET.url, now):
        count += 1
    return count


def request_with(**options: Any) -> httpx.Request:
    return httpx.Request("GET", GET.url, extensions={"retry": options})


# Without a budget, and with a spent one.


def test_with_a_spent_budget_no_retry_is_sent() -> None:
    io = FakeIO(503)
    assert Budgeted(0).send(io).status_code == 503
    assert io.did == ["send"]


def test_the_history_names_a_spent_budget() -> None:
    response = Budgeted(0).outcome(503)
    assert [attempt.reason for attempt in attempts_of(response)] == [
        f"503, and {BUDGET_SPENT}"
    ]


def test_the_log_names_a_spent_budget(caplog: pytest.LogCaptureFixture) -> None:
    Budgeted(0).outcome(503)
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert record.getMessage().endswith(f": 503, and {BUDGET_SPENT}")


def test_the_note_on_an_exception_names_a_spent_budget() -> None:
    error = Budgeted(1).outcome(503, httpx.ReadError("broken"))
    assert isinstance(error, httpx.ReadError)
    assert error.__notes__ == [
        f"gave up after 2 attempts in 1.0 s: 503, ReadError, and {BUDGET_SPENT}"
    ]


def test_by_default_a_transport_has_a_budget_of_ten_retries() -> None:
    io = FakeIO(*[503] * 33)
    io.time, transport = 1000.0, RetryingTransport(wait=tenacity.wait_none())
    run_flow(transport, GET, io)
    io.time += 60  # the failures go on
    for _ in range(20):
        run_flow(transport, GET, io)
    assert io.did.count("send") == 3 + 20 + 10


def test_without_a_budget_every_request_has_three_attempts() -> None:
    io = FakeIO(*[503] * 30)
    transport = RetryingTransport(wait=tenacity.wait_none(), budget=False)
    for _ in range(10):
        run_flow(transport, GET, io)
    assert io.did.count("send") == 30


def test_without_a_budget_nothing_is_deposited() -> None:
    budgeted = Budgeted(budget=False)
    assert len(attempts_of(budgeted.outcome(200))) == 1
    assert not budgeted.budget.accounts


def test_each_origin_has_an_account_of_its_own() -> None:
    budgeted = Budgeted(1)
    budgeted.outcome(503, 503)
    other = httpx.Request("GET", "https://example.org:8443/")
    response = budgeted.outcome(503, 200, request=other)
    assert len(attempts_of(response)) == 2


# The cost of a retry.


def test_a_retry_that_fails_costs_one() -> None:
    budgeted = Budgeted(4)
    budgeted.outcome(503, 503, 503)
    assert budgeted.take_all() == 2


def test_a_retry_that_succeeds_costs_nothing() -> None:
    budgeted = Budgeted(4)
    budgeted.outcome(503, 200)
    assert budgeted.take_all() == 4


def test_of_two_retries_only_the_one_that_fails_costs() -> None:
    budgeted = Budgeted(4)
    budgeted.outcome(503, 503, 200)
    assert budgeted.take_all() == 3


def test_a_retry_with_a_final_and_healthy_response_costs_nothing() -> None:
    budgeted = Budgeted(4)
    budgeted.outcome(503, 404)
    assert budgeted.take_all() == 4


def test_a_retry_with_a_final_and_unhealthy_response_costs_one() -> None:
    budgeted = Budgeted(4)
    budgeted.outcome(503, 501)
    assert budgeted.take_all() == 3


def test_a_retry_after_a_timeout_costs_two() -> None:
    budgeted = Budgeted(4)
    budgeted.outcome(httpx.ReadTimeout("slow"), 503, 503)
    assert budgeted.take_all() == 1


def test_requests_that_are_never_sent_cost_nothing() -> None:
    refused = httpx.ConnectError("refused")
    budgeted = Budgeted(0)
    assert budgeted.outcome(refused, refused, refused) is refused
    assert len(attempts_of(refused)) == 3


@pytest.mark.parametrize(
    "error",
    [httpx.ConnectError("refused"), httpx.PoolTimeout("full"), CircuitOpen("open")],
    ids=repr,
)
def test_a_retry_that_was_never_sent_costs_nothing(error: Exception) -> None:
    budgeted = Budgeted(4, retry=tenacity.retry_always)
    budgeted.outcome(503, error, 503)
    assert budgeted.take_all() == 4


def test_a_last_retry_that_was_never_sent_costs_nothing() -> None:
    budgeted = Budgeted(4, stop=tenacity.stop_after_attempt(2))
    budgeted.outcome(503, httpx.ConnectTimeout("unreachable"))
    assert budgeted.take_all() == 4


def broken_over_http2() -> OSError:
    """An exception that httpcore raises for all requests of an HTTP/2 connection."""
    error = OSError("reset")
    scope: dict[str, Any] = {"__name__": "httpcore._async.http2", "error": error}
    with pytest.raises(OSError, match="reset"):
        exec("raise error", scope)
    return error


def test_the_end_of_a_connection_with_many_requests_costs_one() -> None:
    broken, budgeted = broken_over_http2(), Budgeted(4)
    for _ in range(3):
        error = httpx.ReadError("reset")
        error.__cause__ = broken
        budgeted.outcome(error, 503, 501)
    # The first one pays for both of its retries, the others for their second one.
    assert budgeted.take_all() == 0


# What is free: a single event, and a wait that the server asks for.


def with_grace(seconds: float = 2) -> Budgeted:
    """A transport with three retries, after a failure that was free."""
    return Budgeted(budget=RetryBudget(0.01, least=3, most=3, grace=seconds))


def sends(budgeted: Budgeted, *script: Scripted, at: float, took: float = 0) -> int:
    """Make a call at a time. Return how many attempts it had."""
    io = FakeIO(*script, takes=took)
    io.time = at
    try:
        response = budgeted.send(io)
    except httpx.TransportError:
        return io.did.count("send")
    return len(attempts_of(response))


@pytest.mark.parametrize(
    "failure", [502, 503, 500, 429, httpx.ReadError("reset")], ids=repr
)
def test_retries_are_free_for_two_seconds(failure: Scripted) -> None:
    budgeted = with_grace()
    for _ in range(10):
        assert sends(budgeted, failure, failure, failure, at=1000) == 3


def test_retries_are_charged_when_the_failures_go_on() -> None:
    budgeted = with_grace()
    sends(budgeted, 503, 503, 503, at=1000)
    attempts = [sends(budgeted, 503, 503, 503, at=1010 + n) for n in range(5)]
    assert attempts == [3, 2, 1, 1, 1]


@pytest.mark.parametrize("failure", [504, httpx.ReadTimeout("slow")], ids=repr)
def test_a_retry_after_a_timeout_is_never_free(failure: Scripted) -> None:
    budgeted = with_grace()
    for _ in range(3):
        sends(budgeted, failure, failure, failure, at=1000)
    assert sends(budgeted, failure, 200, at=1000) == 1


def hinted(seconds: float = 1) -> httpx.Response:
    return httpx.Response(429, headers={"Retry-After": str(seconds)})


def test_a_wait_that_the_server_asks_for_is_free() -> None:
    budgeted = Budgeted(0, wait=wait_retry_after())
    for n in range(20):
        assert sends(budgeted, hinted(), hinted(), 200, at=1000 + n) == 3


def test_the_budget_knows_when_a_retry_that_helped_was_sent() -> None:
    budgeted = Budgeted(4)
    account = budgeted.budget.account(GET.url)
    sends(budgeted, 200, at=1000)
    sends(budgeted, 503, 503, 503, at=1001)
    assert account.helped < 1000
    sends(budgeted, 503, 200, at=1002, took=5)
    assert account.helped == 1002 + 5 + 1


def test_a_retry_that_comes_earlier_than_the_server_asks_is_charged() -> None:
    budgeted = Budgeted(0, wait=tenacity.wait_fixed(0.5))
    assert sends(budgeted, hinted(), 200, at=1000) == 1


def test_a_server_that_serves_nobody_is_believed_for_two_minutes() -> None:
    budgeted = Budgeted(0, wait=wait_retry_after())
    attempts = [
        sends(budgeted, hinted(), hinted(), hinted(), at=1000 + 10 * n)
        for n in range(20)
    ]
    assert attempts[:12] == [3] * 12
    assert attempts[13:] == [1] * 7


def test_a_wait_that_a_body_asks_for_is_free() -> None:
    told = hints_in_body(lambda _: BodyHints(retry_after=1.0))
    budgeted = Budgeted(0, wait=wait_retry_after(), body_hints=told)
    for n in range(20):
        assert sends(budgeted, 429, 429, 200, at=1000 + n) == 3


# When a retry is charged, and when it is refunded.


def test_a_success_whose_body_asks_for_another_attempt_earns_nothing() -> None:
    again = hints_in_body(lambda _: BodyHints(should_retry=True), statuses={200})
    budgeted = Budgeted(2, body_hints=again)
    assert sends(budgeted, 200, 200, 200, at=1000) == 3
    assert budgeted.take_all() == 0
    assert budgeted.deposits() == 0


def test_a_retry_is_charged_before_its_wait() -> None:
    budgeted, left = Budgeted(4), list[int]()

    class Watching(FakeIO):
        async def sleep(self, seconds: float) -> None:
            left.append(budgeted.take_all())

    budgeted.send(Watching(503, 200))
    assert left == [3]


class Stop(BaseException):
    """A stand-in for a cancellation, which is a base exception too."""


def test_a_request_that_is_cancelled_in_a_wait_gets_a_refund() -> None:
    class Cancelled(FakeIO):
        async def sleep(self, seconds: float) -> None:
            raise Stop

    budgeted = Budgeted(4)
    with pytest.raises(Stop):
        budgeted.send(Cancelled(503))
    assert budgeted.take_all() == 4


def test_a_request_that_is_cancelled_in_a_retry_gets_no_refund() -> None:
    class Cancelled(FakeIO):
        async def send(self, request: Any, context: Any = None) -> Any:
            if self.sent:
                raise Stop
            return await super().send(request)

    budgeted = Budgeted(4)
    with pytest.raises(Stop):
        budgeted.send(Cancelled(503))
    assert budgeted.take_all() == 3


def test_a_retry_costs_nothing_if_its_hook_raises() -> None:
    def broken(_: object) -> None:
        raise LookupError

    budgeted = Budgeted(4, before_sleep=broken)
    assert isinstance(budgeted.outcome(503), LookupError)
    assert budgeted.take_all() == 4


def test_a_request_whose_body_cannot_be_sent_again_costs_nothing() -> None:
    budgeted = Budgeted(4)
    once = httpx.Request("PUT", GET.url, content=iter([b"once"]))

    class Reading(FakeIO):
        async def send(self, request: Any, context: Any = None) -> Any:
            list(request.stream)
            return await super().send(request)

    assert budgeted.send(Reading(503), once).status_code == 503
    assert budgeted.take_all() == 4


def test_a_request_whose_deadline_allows_no_wait_costs_nothing() -> None:
    budgeted = Budgeted(4)
    assert budgeted.send(FakeIO(503), patience=0.5).status_code == 503
    assert budgeted.take_all() == 4


# The earnings of a request.


@pytest.mark.parametrize("status", [200, 204, 301, 404, 101])
def test_a_request_earns_if_its_first_response_is_healthy(status: int) -> None:
    budgeted = Budgeted(0)
    budgeted.outcome(status)
    assert budgeted.deposits() == 1


@pytest.mark.parametrize("script", [(500,), (501,), (503, 200)])
def test_a_request_earns_nothing_if_its_first_response_is_not_healthy(
    script: tuple[int, ...],
) -> None:
    budgeted = Budgeted(1)
    budgeted.outcome(*script, *script)
    assert not budgeted.deposits()


@pytest.mark.parametrize(
    "retry", [retry_if_status(503), tenacity.retry_if_exception_type()]
)
def test_whether_a_response_earns_does_not_depend_on_the_policy(retry: Any) -> None:
    budgeted = Budgeted(0, retry=retry)
    for status in (404, 500, 429):
        budgeted.outcome(status)
    assert budgeted.deposits() == 1


def test_an_exception_earns_nothing() -> None:
    budgeted = Budgeted(0)
    budgeted.outcome(httpx.UnsupportedProtocol("gopher"))
    assert not budgeted.deposits()


def test_a_request_with_options_of_its_own_earns() -> None:
    budgeted = Budgeted(0)
    budgeted.outcome(200, request=request_with(wait=tenacity.wait_none()))
    assert budgeted.deposits() == 1


# The budget of one request.


def test_a_request_with_the_budget_false_is_not_charged() -> None:
    response = Budgeted(0).outcome(503, 503, 503, request=request_with(budget=False))
    assert len(attempts_of(response)) == 3


def test_a_request_may_have_a_budget_of_its_own() -> None:
    mine = RetryBudget(least=1, most=1, grace=0)
    response = Budgeted(0).outcome(503, 503, request=request_with(budget=mine))
    assert len(attempts_of(response)) == 2


def test_the_budget_true_of_a_request_is_that_of_its_transport() -> None:
    response = Budgeted(1).outcome(503, 503, request=request_with(budget=True))
    assert len(attempts_of(response)) == 2


def test_the_budget_true_of_a_request_is_a_new_one_if_its_transport_has_none() -> None:
    response = Budgeted(0, budget=False).outcome(
        503, 503, 503, request=request_with(budget=True)
    )
    assert len(attempts_of(response)) == 3


@pytest.mark.parametrize("budget", [5, None, RetryBudget])
def test_an_argument_that_is_not_a_budget_is_refused(budget: Any) -> None:
    message = r"budget must be a RetryBudget, .*, or False for none"
    with pytest.raises(TypeError, match=message):
        RetryingTransport(budget=budget)
    with pytest.raises(TypeError, match=message):
        Budgeted().send(FakeIO(200), request_with(budget=budget))


# The overdraft of a policy with more attempts.


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
def test_a_policy_with_more_attempts_may_overdraw_the_budget(
    stop: Any, retries: int
) -> None:
    io = FakeIO(*[503] * 100)
    io.time, budget = 1000.0, RetryBudget(grace=0)
    transport = RetryingTransport(wait=tenacity.wait_none(), stop=stop, budget=budget)
    requests = 20
    for _ in range(requests):
        run_flow(transport, GET, io)
    assert io.did.count("send") == requests + retries


# Over sockets.


async def test_a_retry_after_a_broken_connection_is_charged(
    world: World, server: Server
) -> None:
    server.play(reset())
    budget = RetryBudget(least=1, most=1, grace=0)
    transport = world.transport(world.http(), budget=budget)
    async with world.client(transport) as client:
        for _ in range(5):
            with pytest.raises(world.library.TransportError):
                await client.get(server.url)
    assert server.requests == 5 + 1


@pytest.mark.parametrize("runtime", ["asyncio", "trio"], indirect=True)
async def test_all_retries_of_requests_that_are_cancelled_together_are_refunded(
    library: str,
) -> None:
    world = World(*LIBRARIES[library], sync=False)
    budget = RetryBudget(0.01, least=1000, most=1000, grace=0)
    failing = world.mock(lambda _: world.library.Response(503))
    transport = world.ours.RetryingTransport(
        failing, wait=tenacity.wait_fixed(3600), budget=budget
    )
    async with world.client(transport) as client, anyio.create_task_group() as tasks:
        for _ in range(300):
            tasks.start_soon(client.get, str(GET.url))
        await anyio.wait_all_tasks_blocked()
        taken = take_all(budget, time.monotonic())
        tasks.cancel_scope.cancel()
    assert taken == 1000 - 300
    assert take_all(budget, time.monotonic()) == 300
