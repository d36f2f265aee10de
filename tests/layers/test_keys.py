"""Keys other than the origin: one bad path behind a gateway, one tenant of many."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import anyio
import pytest
from support.gates import until
from support.server import Connection, Server, close, head, reply, stall
from support.world import World

from httpx_resilient import (
    AdaptiveConcurrencyLimit,
    AdaptiveThrottle,
    CircuitBreaker,
    ConcurrencyLimit,
    Failover,
    HedgePolicy,
    RateLimit,
    RetryBudget,
    attempts_of,
    key_by_header,
    key_by_path,
)
from httpx_resilient._core.state.store import MAX_KEYS

pytestmark = pytest.mark.anyio

in_async = pytest.mark.parametrize("runtime", ["asyncio", "trio"])


def gateway(bad: Any, good: Any = None) -> Any:
    """A step that answers requests to `/bad` in one way, and all others in another."""

    def step(connection: Connection) -> bool:
        is_bad = connection.request.target.startswith("/bad")
        answer: Any = bad if is_bad else good or reply(200, b"good")
        return bool(answer(connection))

    return step


async def outcomes(client: Any, url: str, times: int) -> list[Any]:
    """Send requests one after the other. Return their statuses and exceptions."""
    found: list[Any] = []
    for _ in range(times):
        try:
            found.append((await client.get(url)).status_code)
        except Exception as error:
            found.append(error)
    return found


def number_of_loads(throttle: AdaptiveThrottle) -> int:
    return len(throttle._loads)


def named(error: object) -> str:
    return type(error).__name__


# The circuit breaker.


async def test_the_circuit_of_one_bad_path_leaves_the_others_closed(
    world: World, server: Server
) -> None:
    server.play(gateway(reply(503)))
    breaker = CircuitBreaker(key=key_by_path())
    bad, good = f"{server.url}bad", f"{server.url}good"
    async with world.client(
        world.ours.CircuitBreakingTransport(None, breaker)
    ) as client:
        *_, refused = await outcomes(client, f"{bad}/7", 21)
        assert await outcomes(client, f"{good}/7", 60) == [200] * 60
    assert named(refused) == "CircuitOpen"
    assert str(refused).startswith(f"the circuit to {bad} is open: 20 of 20 requests")
    phases = {key: state.phase for key, state in breaker.states().items()}
    assert phases == {bad: "open", good: "closed"}


async def test_a_probe_closes_the_circuit_of_its_path_only(
    world: World, server: Server
) -> None:
    bad, worse = f"{server.url}bad", f"{server.url}worse"
    breaker = CircuitBreaker(minimum_calls=1, open_for=0.01, key=key_by_path())
    server.play(reply(503), reply(503), reply(200))
    events: list[str] = []
    transport = world.ours.CircuitBreakingTransport(
        None, breaker, on_event=lambda event: events.append(str(event))
    )
    async with world.client(transport) as client:
        assert await outcomes(client, bad, 1) == [503]
        assert await outcomes(client, worse, 1) == [503]
        await world.sleep(0.05)
        assert await outcomes(client, bad, 1) == [200]
    assert [each for each in events if each.startswith("the circuit")][4:] == [
        f"the circuit to {bad} is half-open",
        f"the circuit to {bad} is closed",
    ]
    assert breaker.states()[worse].phase == "open"


async def test_a_circuit_is_forced_by_a_url_of_its_path(
    world: World, server: Server
) -> None:
    breaker = CircuitBreaker(key=key_by_path())
    url, other = f"{server.url}bad/7", f"{server.url}good"
    async with world.client(
        world.ours.CircuitBreakingTransport(None, breaker)
    ) as client:
        breaker.force_open(world.library.URL(url))
        (refused,) = await outcomes(client, url, 1)
        assert "forced open" in str(refused)
        assert await outcomes(client, other, 1) == [200]
        breaker.reset(url)
        assert await outcomes(client, url, 1) == [200]
        breaker.force_closed(url)
    assert breaker.states()[f"{server.url}bad"].phase == "forced closed"
    assert len(breaker.states()) == 2


async def test_a_circuit_with_a_key_of_the_users_own_is_forced_by_that_key(
    world: World,
) -> None:
    breaker = CircuitBreaker(key=lambda request: request.headers["tenant"])
    breaker.force_open("poor")
    mock = world.mock(lambda _: world.library.Response(200))
    transport = world.ours.CircuitBreakingTransport(mock, breaker)
    async with world.client(transport) as client:
        await client.get("http://a/", headers={"tenant": "rich"})
        with pytest.raises(world.ours.CircuitOpen) as caught:
            await client.get("http://a/", headers={"tenant": "poor"})
    assert str(caught.value).startswith("the circuit to http://a (one of its keys) is")
    assert {*breaker.states()} == {"poor", "rich"}


async def test_a_broken_body_opens_the_circuit_of_its_path(
    world: World, server: Server
) -> None:
    broken = head(200, {"content-length": "9"}) + b"half"
    server.play(gateway(close(broken)))
    breaker = CircuitBreaker(minimum_calls=1, key=key_by_path())
    transport = world.ours.CircuitBreakingTransport(None, breaker)
    async with world.client(transport) as client:
        (error,) = await outcomes(client, f"{server.url}bad", 1)
        assert await outcomes(client, f"{server.url}good", 1) == [200]
    assert named(error) == "RemoteProtocolError"
    phases = [state.phase for state in breaker.states().values()]
    assert phases == ["open", "closed"]


# The throttle.


async def test_a_throttled_path_leaves_the_others_unthrottled(
    world: World, server: Server
) -> None:
    server.play(gateway(reply(503)))
    throttle = AdaptiveThrottle(key=key_by_path())
    async with world.client(world.ours.ThrottlingTransport(None, throttle)) as client:
        # Of 200, nine in ten would be refused: none at all is as likely as 1 in 10^100.
        ends = await outcomes(client, f"{server.url}bad", 200)
        assert await outcomes(client, f"{server.url}good", 60) == [200] * 60
    refused = next(each for each in ends if each != 503)
    assert named(refused) == "RequestThrottled"
    assert f"of requests to {server.url}bad are rejected locally" in str(refused)
    assert number_of_loads(throttle) == 2


@in_async
async def test_a_cancelled_request_says_nothing_about_its_path(
    world: World, server: Server
) -> None:
    server.play(stall())
    throttle = AdaptiveThrottle(key=key_by_path())
    async with world.client(world.ours.ThrottlingTransport(None, throttle)) as client:
        with anyio.move_on_after(10) as scope:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(client.get, server.url)
                await until(world, lambda: server.requests)
                scope.cancel()
    assert number_of_loads(throttle) == 1
    assert throttle.enter(server.url.rstrip("/"), 0).share is None


# The limits.


@pytest.mark.parametrize("kind", [ConcurrencyLimit, AdaptiveConcurrencyLimit])
async def test_a_path_that_occupies_all_its_permits_lets_the_others_pass(
    world: World, server: Server, kind: Any
) -> None:
    limit = kind(1, key=key_by_path(), queue=0)
    bad, good = f"{server.url}bad", f"{server.url}good"
    transport = world.ours.ConcurrencyLimitingTransport(None, limit)
    async with world.client(transport) as client:
        held = await client.send(client.build_request("GET", bad), stream=True)
        (refused,) = await outcomes(client, bad, 1)
        assert await outcomes(client, good, 3) == [200] * 3
        assert limit.states()[bad].in_flight == 1
        await world.close(held)
    assert str(refused).startswith(f"the concurrency limit to {bad} and its queue are")
    assert {key: each.in_flight for key, each in limit.states().items()} == {
        bad: 0,
        good: 0,
    }


async def test_a_full_limit_does_not_show_a_key_of_the_users_own(world: World) -> None:
    limit = ConcurrencyLimit(1, key=lambda _: "secret", queue=0)
    mock = world.mock(lambda _: world.library.Response(200, content=iter([b""])))
    transport = world.ours.ConcurrencyLimitingTransport(mock, limit)
    permit = limit.semaphore("secret").try_acquire()
    async with world.client(transport) as client:
        (refused,) = await outcomes(client, "http://a/", 1)
    assert str(refused).startswith("the concurrency limit to this key and its queue")
    assert [*limit.states()] == ["secret"]
    assert permit is not None


def test_a_limit_of_all_origins_takes_no_key() -> None:
    with pytest.raises(ValueError, match="per_origin=False is one limit for all"):
        ConcurrencyLimit(per_origin=False, key=key_by_path())


def test_the_number_of_semaphores_is_bounded() -> None:
    limit = ConcurrencyLimit(key=len)
    for number in range(2 * MAX_KEYS):
        limit.semaphore(number)
    assert len(limit.states()) == MAX_KEYS


async def test_a_pause_of_one_path_lets_the_others_pass(
    world: World, server: Server
) -> None:
    server.play(gateway(reply(429, retry_after="100")))
    limit = RateLimit(key=key_by_path(), max_wait=20)
    bad = f"{server.url}bad"
    async with world.client(world.ours.RateLimitingTransport(None, limit)) as client:
        await outcomes(client, bad, 1)
        (refused,) = await outcomes(client, bad, 1)
        assert await outcomes(client, f"{server.url}good", 3) == [200] * 3
    assert str(refused).startswith(f"the rate limit to {bad} admits this request in")
    assert limit.states()[bad].paused > 90


# The retry budget.


async def test_a_path_that_has_spent_its_budget_leaves_the_others_theirs(
    world: World, server: Server
) -> None:
    first_fails = [reply(503), reply()]
    server.play(gateway(reply(503), lambda connection: first_fails.pop(0)(connection)))
    events: list[str] = []
    budget = RetryBudget(most=1, grace=0, key=key_by_path())
    bad, good = f"{server.url}bad", f"{server.url}good"
    transport = world.transport(
        budget=budget, on_event=lambda event: events.append(str(event))
    )
    async with world.client(transport) as client:
        response = await client.get(bad)
        assert len(attempts_of(response)) == 2
        assert attempts_of(response)[-1].reason == (
            f"503, and the retry budget of {bad} is spent"
        )
        assert len(attempts_of(await client.get(good))) == 2
    assert f"GET {bad}: the retry budget of {bad} is spent" in events
    assert budget.states() == {bad: 0, good: 1}


async def test_a_success_earns_for_its_path(world: World) -> None:
    budget = RetryBudget(0.5, most=2, grace=0, key=key_by_path())
    mock = world.mock(lambda _: world.library.Response(200))
    bad: Any = world.library.URL("http://a/bad")
    assert budget.spend(bad, 0, 2)
    async with world.client(world.transport(mock, budget=budget)) as client:
        await client.get("http://a/good")
        await client.get("http://a/bad")
    assert budget.states() == {"http://a/bad": 0.5, "http://a/good": 2}


async def test_a_budget_of_one_request_may_have_a_key(world: World) -> None:
    budget = RetryBudget(most=1, grace=0, key=lambda _: "secret")
    mock = world.mock(lambda _: world.library.Response(503))
    async with world.client(world.transport(mock)) as client:
        options = {"retry": {"budget": budget}}
        response = await client.get("http://a/", extensions=options)
    reason = attempts_of(response)[-1].reason
    assert reason == "503, and the retry budget of its key is spent"
    assert budget.states() == {"secret": 0}


# Failover.


async def test_a_path_that_one_origin_fails_to_serve_fails_over_alone(
    world: World, server: Server
) -> None:
    server.play(gateway(reply(503)))
    with Server() as other:
        origins = [server.url.rstrip("/"), other.url.rstrip("/")]
        group = Failover(origins, key=key_by_path())
        bad, good = f"{server.url}bad", f"{server.url}good"
        events: list[str] = []
        transport = world.ours.FailoverTransport(
            None, group, on_event=lambda event: events.append(str(event))
        )
        async with world.client(transport) as client:
            assert await outcomes(client, bad, 3) == [200] * 3
            assert await outcomes(client, good, 3) == [200] * 3
    assert [each.target for each in server.received] == ["/bad", *["/good"] * 3]
    assert [each.target for each in other.received] == ["/bad"] * 3
    assert group.states() == {bad: (origins[0],), good: ()}
    assert group.down == (origins[0],)
    assert f"{origins[0]} is down for {bad}: 503" in events


async def test_an_origin_is_up_again_for_the_path_that_it_serves_again(
    world: World, server: Server
) -> None:
    server.play(reply(503), reply())
    with Server() as other:
        origins = [server.url.rstrip("/"), other.url.rstrip("/")]
        group = Failover(origins, cooldown=0.01, key=lambda _: "secret")
        events: list[str] = []
        transport = world.ours.FailoverTransport(
            None, group, on_event=lambda event: events.append(str(event))
        )
        async with world.client(transport) as client:
            await client.get(server.url)
            await world.sleep(0.05)
            await client.get(server.url)
    assert f"{origins[0]} is up again for one key" in events
    assert group.states() == {"secret": ()}


def test_without_a_function_all_requests_have_one_state() -> None:
    assert Failover(["http://a"]).states() == {"*": ()}


async def test_callers_are_told_apart_at_an_origin_that_gets_no_credentials(
    world: World,
) -> None:
    def site(request: Any) -> Any:
        return world.library.Response(503 if request.url.host == "a" else 200)

    breaker = CircuitBreaker(key=lambda request: request.headers["authorization"])
    inner = world.ours.CircuitBreakingTransport(world.mock(site), breaker)
    transport = world.ours.FailoverTransport(inner, ["http://a", "http://b"])
    async with world.client(transport) as client:
        for caller in ("one", "two"):
            await client.get("http://a/", headers={"authorization": caller})
    assert [*breaker.states()] == ["one", "two"]


# Hedging.


@in_async
async def test_each_path_has_a_delay_of_its_own(world: World, server: Server) -> None:
    server.play(reply(), reply(), stall(), reply(200, b"hedge"))
    policy = HedgePolicy(samples=1, quantile=1, key=key_by_path())
    slow, fast = f"{server.url}slow", f"{server.url}fast"
    policy.origins.slot(slow).pending.append((0.0, 50.0, True))
    policy.origins.fold(slow)
    async with world.client(world.ours.HedgingTransport(None, policy)) as client:
        assert await outcomes(client, fast, 1) == [200]
        assert policy.delays()[slow] == 50
        assert policy.delays()[fast] < 5
        assert await outcomes(client, fast, 1) == [200]
        assert (await client.get(fast)).content == b"hedge"
    assert [*policy.delays()] == [slow, fast]


@in_async
async def test_hedges_are_charged_to_the_budget_of_their_path(
    world: World, server: Server
) -> None:
    server.play(gateway(stall(seconds=0.2), reply()))
    budget = RetryBudget(most=1, grace=0, key=key_by_path())
    bad: Any = world.library.URL(f"{server.url}bad")
    assert budget.spend(bad, 0)
    events: list[str] = []
    transport = world.ours.HedgingTransport(
        None,
        HedgePolicy(0.01),
        budget=budget,
        on_event=lambda event: events.append(str(event)),
    )
    async with world.client(transport) as client:
        await outcomes(client, str(bad), 1)
    assert f"GET {bad}: the retry budget of {bad} is spent" in events
    assert not any("hedge sent" in each for each in events)


# The standard stack.


async def test_in_the_standard_stack_a_bad_path_refuses_no_good_request(
    world: World, server: Server
) -> None:
    server.play(gateway(reply(500)))
    transport = world.ours.standard_transport(
        throttle=True, concurrency=True, key=key_by_path(), retry=False
    )
    async with world.client(transport) as client:
        bad, good = f"{server.url}bad", f"{server.url}good"
        ends = await outcomes(client, bad, 60)
        assert await outcomes(client, good, 60) == [200] * 60
    assert named(ends[-1]) == "CircuitOpen"


def states_of(transport: Any) -> dict[str, Any]:
    """Return the function for keys of each layer, from the outside in."""
    found: dict[str, Any] = {}
    while transport is not None:
        for name in ("policy", "failover", "budget"):
            state = getattr(transport, name, None)
            if state is not None and hasattr(state, "key"):
                found[f"{named(transport)}.{name}"] = state.key
            elif getattr(state, "budget", None) is not None:
                found[f"{named(transport)}.{name}.budget"] = state.budget.key
        stage: Any = getattr(transport, "_stage", None)
        for name in ("_limit", "_breaker", "_throttle"):
            if hasattr(stage, name):
                found[named(transport)] = getattr(stage, name).key
        side = getattr(transport, "_async_side", None)
        transport = None if side is None else side.made
    return found


@in_async
async def test_the_standard_stack_gives_its_key_to_each_state_that_it_makes(
    world: World,
) -> None:
    key = key_by_path()
    mock = world.mock(lambda _: world.library.Response(200))
    transport = world.ours.standard_transport(
        mock, failover=["http://a"], hedging=True, throttle=True, concurrency=True,
        key=key,
    )  # fmt: skip
    async with world.client(transport) as client:
        await client.get("http://a/")
    found = states_of(transport)
    assert [*found] == [
        "RetryingTransport.policy.budget",
        "FailoverTransport.failover",
        "HedgingTransport.policy",
        "HedgingTransport.budget",
        "ThrottlingTransport",
        "CircuitBreakingTransport",
        "RateLimitingTransport",
        "ConcurrencyLimitingTransport",
    ]
    assert set(found.values()) == {key}


async def test_a_state_that_the_user_has_made_keeps_its_own_key(world: World) -> None:
    mock = world.mock(lambda _: world.library.Response(200))
    breaker = CircuitBreaker()
    budget = RetryBudget(key=lambda _: "own")
    group = Failover(["http://a"])
    transport = world.ours.standard_transport(
        mock, breaker=breaker, budget=budget, failover=group, key=key_by_path()
    )
    async with world.client(transport) as client:
        await client.get("http://a/path")
    assert [*breaker.states()] == ["http://a"]
    assert [*budget.states()] == ["own"]
    assert [*group.states()] == ["*"]


def test_a_budget_that_the_options_of_the_retry_ask_for_has_the_key(
    world: World,
) -> None:
    key = key_by_path()
    transport = world.ours.standard_transport(
        retry={"budget": True}, deadline=None, key=key
    )
    assert transport.policy.budget.key is key


async def test_a_function_is_asked_once_for_all_layers_and_attempts(
    world: World,
) -> None:
    asked: list[str] = []

    def key(request: Any) -> str:
        asked.append(request.url.path)
        return "key"

    answers = iter([503, 503, 200])
    mock = world.mock(lambda _: world.library.Response(next(answers)))
    transport = world.ours.standard_transport(
        mock, failover=["http://a"], hedging=not world.sync,
        throttle=AdaptiveThrottle(max_rejection=1e-9, key=key),
        concurrency=True, retry={"wait": lambda _: 0}, key=key,
    )  # fmt: skip
    async with world.client(transport) as client:
        response = await client.get("http://a/path", extensions={"failover": False})
    assert response.status_code == 200
    assert asked == ["/path"]


# One tenant of many.


async def test_a_tenant_whose_quota_is_used_up_stops_no_other(
    world: World, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    def step(connection: Connection) -> bool:
        is_poor = connection.request.headers["authorization"] == "Bearer poor"
        return (reply(429, retry_after="100") if is_poor else reply())(connection)

    server.play(step)
    limit = RateLimit(key=key_by_header("Authorization"), max_wait=1)
    transport = world.ours.standard_transport(rate_limit=limit)
    caplog.set_level(logging.DEBUG, "httpx_resilient")
    async with world.client(transport) as client:
        poor = {"headers": {"authorization": "Bearer poor"}}
        rich = {"headers": {"authorization": "Bearer rich"}}
        once = {"extensions": {"retry": False}}
        await client.get(server.url, **poor, **once)
        with pytest.raises(world.ours.RateLimitExceeded) as caught:
            await client.get(server.url, **poor, **once)
        assert (await client.get(server.url, **rich)).status_code == 200
    shown = f"{limit.states()} {caught.value} {caplog.text}"
    assert "authorization-" in shown
    assert "poor" not in shown
    assert "rich" not in shown


# A function that fails.


def layers(world: World) -> dict[str, Callable[[Any, Any], Any]]:
    ours = world.ours
    made: dict[str, Callable[[Any, Any], Any]] = {
        "retry": lambda inner, key: ours.RetryingTransport(
            inner, budget=RetryBudget(key=key)
        ),
        "failover": lambda inner, key: ours.FailoverTransport(
            inner, Failover(["http://a"], key=key)
        ),
        "throttle": lambda inner, key: ours.ThrottlingTransport(
            inner, AdaptiveThrottle(key=key)
        ),
        "breaker": lambda inner, key: ours.CircuitBreakingTransport(
            inner, CircuitBreaker(key=key)
        ),
        "rate limit": lambda inner, key: ours.RateLimitingTransport(
            inner, RateLimit(1, per=0.001, key=key)
        ),
        "concurrency": lambda inner, key: ours.ConcurrencyLimitingTransport(
            inner, ConcurrencyLimit(key=key)
        ),
    }
    if not world.sync:
        made["hedging"] = lambda inner, key: ours.HedgingTransport(
            inner, HedgePolicy(key=key)
        )
        made["hedging's budget"] = lambda inner, key: ours.HedgingTransport(
            inner, budget=RetryBudget(key=key)
        )
    return made


async def test_what_a_function_raises_reaches_the_caller_and_occupies_nothing(
    world: World,
) -> None:
    def key(request: Any) -> str:
        return str(request.headers["tenant"])

    sent: list[Any] = []

    def site(request: Any) -> Any:
        sent.append(request)
        return world.library.Response(200)

    for name, make in layers(world).items():
        limit = ConcurrencyLimit()
        breaker = CircuitBreaker(minimum_calls=1, open_for=0.001)
        inner = make(world.mock(site), key)
        transport = world.ours.ConcurrencyLimitingTransport(
            world.ours.CircuitBreakingTransport(inner, breaker), limit
        )
        breaker.leave(("http", "a", None), 0, 0, failed=True, slow=False)
        async with world.client(transport) as client:
            with pytest.raises(KeyError, match="tenant"):
                await client.get("http://a/")
            assert sent == [], name
            assert limit.states()["http://a"].in_flight == 0, name
            # The next request may be the probe: the other one does not block it.
            response = await client.get("http://a/", headers={"tenant": "a"})
            assert response.status_code == 200, name
        sent.clear()


async def test_a_key_that_is_not_hashable_fails_the_first_request(world: World) -> None:
    mock = world.mock(lambda _: world.library.Response(200))
    for make in layers(world).values():
        async with world.client(make(mock, lambda _: ["list"])) as client:
            with pytest.raises(TypeError, match="key= has returned a list, which is"):
                await client.get("http://a/")
