"""What a user says of an origin holds for the requests to it, however it is written."""

from __future__ import annotations

from typing import Any

import pytest
from support.world import World

from httpx_resilient import (
    CircuitBreaker,
    Credentials,
    Failover,
    RetryBudget,
    key_by_path,
)

pytestmark = pytest.mark.anyio

URLS = [
    "https://fa\u00df.example/",
    "https://\u03b2\u03cc\u03bb\u03bf\u03c2.example/",
    "https://www.stra\u00dfe.example/",
    "HTTPS://EXAMPLE.com:443/",
    "http://[2001:DB8::1]/",
    "http://a_b.example./",
]

urls = pytest.mark.parametrize("url", URLS)


def answering(world: World) -> Any:
    return world.mock(lambda request: world.library.Response(200))


@urls
async def test_a_circuit_that_is_forced_open_refuses_requests_to_that_url(
    world: World, url: str
) -> None:
    breaker = CircuitBreaker()
    breaker.force_open(url)
    transport = world.ours.CircuitBreakingTransport(answering(world), breaker)
    async with world.client(transport) as client:
        with pytest.raises(world.ours.CircuitOpen):
            await client.get(url)
        breaker.reset(url)
        await client.get(url)
    assert len(breaker.states()) == 1


@urls
async def test_a_circuit_of_a_path_is_forced_open_by_the_url_that_is_requested(
    world: World, url: str
) -> None:
    breaker = CircuitBreaker(key=key_by_path(depth=2))
    transport = world.ours.CircuitBreakingTransport(answering(world), breaker)
    async with world.client(transport) as client:
        for path in ("a/../v1/\u00fc%41", "v1/(x)|y"):
            breaker.force_open(url + path)
            with pytest.raises(world.ours.CircuitOpen):
                await client.get(url + path)


@urls
async def test_a_budget_has_the_account_of_a_url_under_the_origin_of_its_requests(
    world: World, url: str
) -> None:
    budget = RetryBudget()
    transport = world.transport(answering(world), budget=budget)
    async with world.client(transport) as client:
        await client.get(url)
    account = budget.account(url)
    assert list(budget.accounts.known().values()) == [account]


@pytest.mark.parametrize("url", [each for each in URLS if not each.startswith("HTTPS")])
async def test_a_failover_recognizes_the_requests_to_its_first_origin(
    world: World, url: str
) -> None:
    transport = world.ours.FailoverTransport(answering(world), [url, "https://b"])
    async with world.client(transport) as client:
        response = await client.get(url)
    assert response.extensions["origin"] == transport.failover.origins[0]


def test_a_failover_notices_an_origin_that_is_given_in_two_spellings() -> None:
    with pytest.raises(ValueError, match=r"\[1\] and origins\[0\] are both"):
        Failover(["https://fa\u00df.example", "https://xn--fa-hia.example:443"])


@urls
async def test_a_credential_is_for_the_requests_to_its_origin(
    world: World, url: str
) -> None:
    seen: list[str] = []

    def handle(request: Any) -> Any:
        seen.append(request.headers["authorization"])
        return world.library.Response(200)

    credentials = Credentials(lambda: "token", url)
    transport = world.ours.CredentialsTransport(world.mock(handle), credentials)
    async with world.client(transport) as client:
        await client.get(url)
    assert seen == ["Bearer token"]


@urls
async def test_a_fault_for_an_origin_applies_to_the_requests_to_it(
    world: World, url: str
) -> None:
    faulty = world.testing.FaultInjectingTransport(answering(world), 503, only=url)
    async with world.client(faulty) as client:
        assert (await client.get(url)).status_code == 503


async def test_events_and_states_show_an_origin_by_the_same_name(world: World) -> None:
    events: list[Any] = []
    breaker = CircuitBreaker(minimum_calls=1)
    failing = world.mock(lambda request: world.library.Response(503))
    transport = world.ours.CircuitBreakingTransport(
        failing, breaker, on_event=events.append
    )
    async with world.client(transport) as client:
        await client.get("https://www.fa\u00df.example/")
        with pytest.raises(world.ours.CircuitOpen):
            await client.get("https://www.fa\u00df.example/")
    assert {event.origin for event in events} == set(breaker.states())
