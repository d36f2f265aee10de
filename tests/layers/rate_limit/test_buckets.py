"""Which requests the limits of a server bind, and how their ends are found out."""

from __future__ import annotations

import math
import time
from typing import Any

import httpx
import pytest
from support.fake_io import flow_of
from support.gates import Gate, until
from support.rates import IO, answer, asking, told
from support.server import Server, reply
from support.world import World

from httpx_resilient import RateLimit, RateLimitExceeded, RateLimitingTransport
from httpx_resilient._core.clock import Clock
from httpx_resilient._core.io.protocol import run_sync
from httpx_resilient._layers.rate_limit.answer import UNANSWERED
from httpx_resilient._layers.rate_limit.headers import ServerQuota
from httpx_resilient._layers.rate_limit.known import MAX_BUCKETS, MAX_PATHS
from httpx_resilient._layers.rate_limit.lanes import DOUBTFUL
from httpx_resilient._layers.rate_limit.queue import RatePlace
from httpx_resilient._layers.rate_limit.state import Asker, Lane

pytestmark = pytest.mark.anyio

ORIGIN = "https://example.org"
KEY = ("https", "example.org", None)
NEVER = (KEY, 0, -1.0)
"""The visit of a request that was sent before the limit knew of anything."""


def get(path: str, **headers: str) -> httpx.Request:
    return httpx.Request("GET", ORIGIN + path, headers=headers)


def waits(
    *requests: httpx.Request, answers: list[Any], limit: RateLimit | None = None
) -> list[float]:
    """Send requests one after the other, and return how long each has waited."""
    io, found = IO(*answers), list[float]()
    layer = RateLimitingTransport(None, limit)
    for request in requests:
        before = io.time
        run_sync(flow_of(layer, request, io))
        found.append(io.time - before)
    return found


def spent(seconds: float, **fields: str) -> httpx.Response:
    return answer(
        x_ratelimit_remaining="0", x_ratelimit_reset_after=str(seconds), **fields
    )


# The table: a success that tells of a used-up quota, then a request of another one.

SUCCESSES: list[tuple[str, httpx.Response, str, str]] = [
    (
        "X",
        answer(x_rate_limit_remaining="0", x_rate_limit_reset="900"),
        "/2/tweets",
        "/2/users",
    ),
    (
        "Hugging Face",
        answer(ratelimit='"api";r=0;t=250'),
        "/api/models",
        "/org/model/resolve/main/config.json",
    ),
    (
        "Okta",
        answer(x_rate_limit_remaining="0", x_rate_limit_reset="55"),
        "/api/v1/apps",
        "/api/v1/users",
    ),
    ("GitHub", spent(50, x_ratelimit_resource="search"), "/search/code", "/user"),
    ("GitHub, soon", spent(20, x_ratelimit_resource="search"), "/search/code", "/user"),
    (
        "Discord",
        spent(12.5, x_ratelimit_bucket="abcd"),
        "/channels/1/messages",
        "/guilds/1",
    ),
    (
        "Discord, shared",
        answer(
            429,
            retry_after="20",
            x_ratelimit_bucket="abcd",
            x_ratelimit_scope="shared",
        ),
        "/channels/1/messages",
        "/guilds/1",
    ),
    (
        "Jira",
        answer(429, retry_after="20", ratelimit_reason="jira-burst-based"),
        "/rest/api/3/search",
        "/rest/api/3/myself",
    ),
]
named = pytest.mark.parametrize(
    ("first", "path", "other"),
    [row[1:] for row in SUCCESSES],
    ids=[row[0] for row in SUCCESSES],
)


@named
def test_a_request_of_another_quota_is_sent_at_once(
    first: httpx.Response, path: str, other: str
) -> None:
    assert waits(get(path), get(other), answers=[first, 200]) == [0, 0]


@named
async def test_a_request_of_another_quota_is_sent_at_once_by_the_standard_transport(
    world: World, first: httpx.Response, path: str, other: str
) -> None:
    answers = [first, httpx.Response(200)]

    def serve(_: Any) -> Any:
        served = answers.pop(0)
        return world.library.Response(served.status_code, headers=served.headers.raw)

    transport = world.ours.standard_transport(world.mock(serve), retry=None)
    async with world.client(transport) as client:
        await client.get(ORIGIN + path)
        started = time.monotonic()
        assert (await client.get(ORIGIN + other)).status_code == 200
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(("seconds", "least", "most"), [(20.0, 20, 22), (360.0, 0, 0)])
def test_a_quota_of_requests_delays_those_of_its_path_but_refuses_none(
    seconds: float, least: float, most: float
) -> None:
    """As OpenAI sends it."""
    fields = {
        "x_ratelimit_remaining_requests": "0",
        "x_ratelimit_reset_requests": f"{seconds}s",
    }
    request = get("/v1/responses")
    _, second = waits(request, request, answers=[answer(**fields), 200])
    assert least <= second <= most


# Names.


def test_a_named_quota_binds_all_paths_that_were_answered_with_its_name() -> None:
    core = {"x_ratelimit_resource": "core"}
    first = answer(x_ratelimit_remaining="9", x_ratelimit_reset_after="20", **core)
    found = waits(
        get("/a"), get("/b?x=1"), get("/a"), answers=[first, spent(20, **core), 200]
    )
    assert found[:2] == [0, 0]
    assert 20 <= found[2] <= 22


def test_a_path_belongs_to_the_quota_of_its_last_answer() -> None:
    found = waits(
        get("/a"),
        get("/a"),
        get("/b"),
        get("/a"),
        answers=[
            spent(1, x_ratelimit_bucket="one"),
            answer(
                x_ratelimit_bucket="two",
                x_ratelimit_remaining="5",
                x_ratelimit_reset_after="90",
            ),
            spent(50, x_ratelimit_bucket="one"),
            200,
        ],
    )
    assert found[3] == 0


@pytest.mark.parametrize(
    "fields",
    [
        {"x_ratelimit_bucket": "abcd", "x_ratelimit_scope": "global"},
        {"x_ratelimit_bucket": "abcd", "x_ratelimit_global": "true"},
        {"ratelimit_reason": "jira-quota-tenant-based"},
        {},
    ],
)
def test_a_pause_of_a_global_scope_or_without_a_name_binds_all_requests(
    fields: dict[str, str],
) -> None:
    first = answer(429, retry_after="20", **fields)
    assert waits(get("/a"), get("/b"), answers=[first, 200])[1] >= 20


def test_a_named_pause_binds_its_paths() -> None:
    first = answer(429, retry_after="20", x_ratelimit_bucket="abcd")
    found = waits(get("/a"), get("/b"), get("/a"), answers=[first, 200, 200])
    assert found[1] == 0
    assert found[2] >= 20


def test_after_a_refusal_unknown_paths_wait_for_the_named_quota_too() -> None:
    """Or each of a thousand items would be refused once."""
    core = {"x_ratelimit_resource": "core"}
    refused = answer(429, retry_after="20", **core)
    found = waits(
        get("/a"), get("/b"), get("/c"), answers=[spent(20, **core), refused, 200]
    )
    assert found[:2] == [0, 0]
    assert found[2] >= 20


def test_of_a_named_quota_requests_of_unknown_paths_are_counted() -> None:
    limit = RateLimit()
    told(limit, NEVER, ServerQuota(None, 2, 20.0, "core"), 0.0)
    visits = [limit.take(KEY, asking(0.0, f"/{n}")) for n in range(4)]
    assert [visit is not None for visit in visits] == [True, True, True, False]
    assert limit.take(KEY, asking(1.0, "/4")) is not None


# Quotas without names.


def test_the_first_requests_of_other_paths_go_one_by_one() -> None:
    limit = RateLimit()
    told(limit, NEVER, ServerQuota(None, 0, 50.0), 0.0, "/spent")
    first = limit.take(KEY, asking(0.0, "/a"))
    assert first is not None
    assert limit.take(KEY, asking(0.5, "/a")) is None
    assert limit.take(KEY, asking(0.5, "/b")) is None
    told(limit, first, None, 0.6, "/a")
    at = [(0.6, "/a"), (0.6, "/a"), (0.6, "/b"), (0.6, "/c"), (1.6, "/c")]
    visits = [limit.take(KEY, asking(now, path)) for now, path in at]
    assert [each is not None for each in visits] == [True, True, True, False, True]
    assert limit.take(KEY, asking(1.6, "/spent")) is None


def test_a_path_that_was_known_before_is_tried_once_too() -> None:
    limit = RateLimit()
    told(limit, NEVER, ServerQuota(None, 9, 50.0), 0.0, "/a")
    told(limit, NEVER, ServerQuota(None, 0, 50.0), 1.0, "/spent")
    visits = [limit.take(KEY, asking(1.0, "/a")) for _ in range(2)]
    assert [visit is not None for visit in visits] == [True, False]


def test_a_refusal_of_another_path_pauses_all_of_them() -> None:
    found = waits(
        get("/a"),
        get("/b"),
        get("/c"),
        answers=[spent(50), answer(429, retry_after="20"), 200],
    )
    assert found[1] == 0
    assert found[2] >= 20


def test_a_request_that_failed_lets_the_next_one_try() -> None:
    limit = RateLimit()
    told(limit, NEVER, ServerQuota(None, 0, 50.0), 0.0, "/spent")
    first: Any = limit.take(KEY, asking(0.0, "/a"))
    assert limit.take(KEY, asking(0.1, "/b")) is None
    limit.record(first, UNANSWERED, 0.2)
    assert limit.take(KEY, asking(0.2, "/b")) is not None


def test_a_quota_of_one_path_is_that_of_the_others_until_they_are_known() -> None:
    limit = RateLimit()
    told(limit, NEVER, ServerQuota(None, 2, 50.0), 0.0, "/a")
    visits = [limit.take(KEY, asking(0.0, f"/item/{n}")) for n in range(4)]
    assert [visit is not None for visit in visits] == [True, True, True, False]


# Credentials.

POOR, RICH = {"authorization": "Bearer poor"}, {"authorization": "Bearer rich"}


@pytest.mark.parametrize(
    "first",
    [
        answer(429, retry_after="20"),
        spent(20),
        spent(20, x_ratelimit_bucket="abcd"),
    ],
    ids=["429", "a quota", "a named quota"],
)
def test_the_limit_of_one_caller_does_not_bind_another(first: httpx.Response) -> None:
    found = waits(
        get("/", **POOR), get("/", **RICH), get("/", **POOR), answers=[first, 200, 200]
    )
    assert found[1] == 0
    assert found[2] >= 20


def test_a_second_caller_that_is_refused_shows_that_all_are() -> None:
    refused = answer(429, retry_after="20")
    third = {"authorization": "third"}
    found = waits(
        get("/", **POOR),
        get("/", **RICH),
        get("/", **third),
        answers=[refused, refused, 200],
    )
    assert found[1] == 0
    assert found[2] >= 20


def test_a_second_caller_that_is_refused_stops_none_that_is_served() -> None:
    refused = answer(429, retry_after="20")
    third = {"authorization": "third"}
    found = waits(
        get("/", **POOR),
        get("/", **RICH),
        get("/", **third),
        get("/", **RICH),
        answers=[refused, 200, refused, 200],
    )
    assert found == [0, 0, 0, 0]


@pytest.mark.parametrize(
    "value",
    [
        "AWS4-HMAC-SHA256 Credential=a, Signature={}",
        'Digest username="a", response="{}"',
    ],
)
def test_a_signature_is_no_caller(value: str) -> None:
    """It is another one with each request."""
    one, other = (get("/", authorization=value.format(n)) for n in range(2))
    refused = answer(429, retry_after="20")
    assert waits(one, other, answers=[refused, 200])[1] >= 20


@pytest.mark.parametrize("status", [503, 529])
def test_a_pause_of_the_server_is_for_all_callers(status: int) -> None:
    first = answer(status, retry_after="20")
    assert waits(get("/", **POOR), get("/", **RICH), answers=[first, 200])[1] >= 20


# Successes refuse nothing.


@pytest.mark.parametrize("max_wait", [0.0, 5.0, 60.0])
def test_of_requests_that_cannot_wait_for_the_reset_each_is_sent(
    max_wait: float,
) -> None:
    limit = RateLimit(max_wait=max_wait)
    found = waits(*[get("/")] * 4, answers=[spent(900)] * 4, limit=limit)
    assert found == [0, 0, 0, 0]


def test_those_that_cannot_wait_go_one_by_one() -> None:
    limit, asker = RateLimit(), Asker("/", None, 10.0, 10.0)
    told(limit, NEVER, ServerQuota(None, 0, 900.0), 0.0)
    visits: list[Any] = [limit._admit(KEY, now, asker) for now in (0.0, 0.9, 1.0)]
    assert [each is not None for each in visits] == [True, False, True]
    told(limit, visits[0], ServerQuota(None, 0, 900.0), 1.1)
    assert limit._admit(KEY, 1.1, asker) is not None


async def test_those_in_the_queue_are_sent_at_the_end_of_their_patience(
    world: World, server: Server
) -> None:
    """Though the first of them is not answered."""
    limit = RateLimit(max_wait=0.2)
    told(limit, (("http", "127.0.0.1", server.port), 0, -1.0), None, 0.0)
    far = {"x_ratelimit_remaining": "0", "x_ratelimit_reset": "3600"}
    server.play(reply(200, **far))
    async with world.client(world.ours.RateLimitingTransport(None, limit)) as client:
        await client.get(server.url)
        results = await world.together(*[lambda: client.get(server.url)] * 5)
    del results
    assert server.requests == 6


def test_a_quota_that_only_requests_in_flight_use_up_is_waited_for() -> None:
    limit = RateLimit(max_wait=10)
    told(limit, NEVER, ServerQuota(None, 1, 900.0), 0.0)
    visit = limit.take(KEY, asking(0.0))
    assert visit is not None
    io, layer = IO(200), RateLimitingTransport(None, limit)
    run_sync(flow_of(layer, get("/"), io))
    assert io.time == 10


# Probes.


@pytest.mark.parametrize("status", [429, 503])
def test_a_long_pause_is_probed_and_ends_when_the_probe_is_served(status: int) -> None:
    first = answer(status, retry_after="3600")
    limit = RateLimit(max_wait=70)
    found = waits(*[get("/")] * 3, answers=[first, 200, 200], limit=limit)
    assert 30 <= found[1] <= 60
    assert found[2] <= 1


def test_a_long_pause_of_one_quota_is_probed_too() -> None:
    first = answer(429, retry_after="3600", x_ratelimit_bucket="abcd")
    limit = RateLimit(max_wait=70)
    found = waits(*[get("/")] * 3, answers=[first, 200, 200], limit=limit)
    assert 30 <= found[1] <= 60
    assert found[2] <= 1


def test_a_probe_that_is_refused_is_followed_by_another_after_about_a_minute() -> None:
    refused = answer(429, retry_after="900")
    limit = RateLimit(max_wait=100)
    found = waits(*[get("/")] * 5, answers=[refused] * 4 + [200], limit=limit)
    assert 30 <= found[1] <= 60
    assert all(45 <= each <= 75 for each in found[2:])


def test_the_answer_to_a_probe_may_shorten_the_pause() -> None:
    long, short = answer(429, retry_after="3600"), answer(429, retry_after="5")
    limit = RateLimit(max_wait=100)
    found = waits(*[get("/")] * 3, answers=[long, short, 200], limit=limit)
    assert 5 <= found[2] <= 6


def test_a_probe_that_fails_does_not_end_the_pause() -> None:
    first = answer(429, retry_after="3600")
    limit = RateLimit(max_wait=100)
    found = waits(*[get("/")] * 3, answers=[first, 500, 200], limit=limit)
    assert found[2] >= 45


def test_an_answer_to_a_request_from_before_the_pause_does_not_end_it() -> None:
    limit = RateLimit()
    told(limit, NEVER, ServerQuota(None, 9, 20.0), 0.0)
    slow = limit.take(KEY, asking(0.0))
    told(limit, NEVER, ServerQuota(3600.0), 1.0)
    told(limit, slow, None, 2.0)
    assert limit.take(KEY, asking(3.0)) is None


def test_a_far_reset_is_probed_by_requests_that_could_wait_for_it() -> None:
    limit = RateLimit(max_wait=math.inf)
    found = waits(*[get("/")] * 3, answers=[spent(900), 200, 200], limit=limit)
    assert 30 <= found[1] <= 60
    assert found[2] == 0


def test_a_quota_that_hanging_requests_use_up_is_probed_after_about_a_minute() -> None:
    limit = RateLimit(max_wait=math.inf)
    told(limit, NEVER, ServerQuota(None, 1, 3600.0), 0.0)
    hanging = limit.take(KEY, asking(0.0))
    io, layer = IO(200), RateLimitingTransport(None, limit)
    run_sync(flow_of(layer, get("/"), io))
    assert 45 <= io.time <= 75
    del hanging


def test_a_pause_of_a_minute_is_not_probed() -> None:
    first = answer(429, retry_after="60")
    limit = RateLimit(max_wait=100)
    assert waits(get("/"), get("/"), answers=[first, 200], limit=limit)[1] >= 60


def test_a_pause_longer_than_max_wait_refuses_requests() -> None:
    limit = RateLimit(max_wait=20)
    with pytest.raises(RateLimitExceeded):
        waits(get("/"), get("/"), answers=[answer(429, retry_after="50")], limit=limit)


# Queues.


async def test_a_request_of_one_quota_does_not_wait_behind_those_of_another(
    world: World, server: Server
) -> None:
    limit = RateLimit(max_wait=30)
    host = f"http://127.0.0.1:{server.port}"
    key = ("http", "127.0.0.1", server.port)
    now = Clock.now()
    told(limit, (key, 0, -1.0), ServerQuota(None, 9, 50.0, "b"), now, "/b")
    told(limit, (key, 0, -1.0), ServerQuota(None, 0, 0.7, "a"), now, "/a")
    at: dict[str, float] = {}
    async with world.client(world.ours.RateLimitingTransport(None, limit)) as client:

        async def send(path: str) -> None:
            await client.get(host + path)
            at.setdefault(path, time.monotonic() - now)

        async def later() -> None:
            await until_waiting(world, limit, 2)
            await send("/b")

        await world.together(lambda: send("/a"), lambda: send("/a"), later)
    assert at["/b"] < 0.6 < at["/a"]


async def until_waiting(world: World, limit: RateLimit, number: int) -> None:
    def is_so() -> bool:
        return any(each.waiting == number for each in limit.states().values())

    await until(world, is_so)


# Bounds and states.


def test_the_known_quotas_and_paths_are_bounded() -> None:
    limit = RateLimit()
    for number in range(4 * MAX_PATHS):
        quota = ServerQuota(None, 5, 100.0, f"named {number}" if number % 2 else None)
        told(limit, NEVER, quota, 0.0, f"/{number}")
    server = limit._rates.peek(KEY).server
    assert server is not None
    assert len(server.buckets) == MAX_BUCKETS
    assert len(server.names) == MAX_PATHS


def test_a_quota_that_is_used_up_is_forgotten_last() -> None:
    limit = RateLimit()
    told(limit, NEVER, ServerQuota(None, 0, 100.0, "spent"), 0.0, "/spent")
    for number in range(2 * MAX_BUCKETS):
        told(limit, NEVER, ServerQuota(None, 5, 100.0, f"{number}"), 0.0, f"/{number}")
    assert limit.take(KEY, asking(1.0, "/spent")) is None
    for number in range(2 * MAX_BUCKETS):
        told(limit, NEVER, ServerQuota(None, 0, 100.0, f"{number}"), 0.0, f"/{number}")
    server = limit._rates.peek(KEY).server
    assert server is not None
    assert len(server.buckets) == MAX_BUCKETS


def test_no_state_remains_of_a_named_pause_that_is_over() -> None:
    limit = RateLimit()
    first = answer(429, retry_after="20", ratelimit_reason="jira-burst-based")
    requests = [get("/a")] * 4
    io, layer = IO(first, 200, 200, 200), RateLimitingTransport(None, limit)
    for request in requests:
        run_sync(flow_of(layer, request, io))
        io.time += 5
    assert limit._rates.peek(KEY).server is None


def test_a_state_shows_the_quotas_by_name_or_path_and_is_as_the_strictest() -> None:
    limit, now = RateLimit(), time.monotonic()
    told(limit, NEVER, ServerQuota(None, 7, 50.0, "core"), now, "/user")
    told(limit, NEVER, ServerQuota(None, 0, 40.0, "search"), now, "/search")
    told(limit, NEVER, ServerQuota(None, 3, 30.0), now, "/other")
    told(limit, NEVER, ServerQuota(None, 2, 30.0), now, "/other", authorization="it")
    told(limit, NEVER, ServerQuota(20.0), now, "/any", authorization="me")
    (state,) = limit.states().values()
    left = {name: each.remaining for name, each in state.buckets.items()}
    assert left == {"core": 7, "search": 0, "/other": 2}
    assert 35 < state.buckets["search"].wait == state.wait < 45
    assert state.buckets["core"].wait == 0
    assert state.remaining == 0
    assert 15 < state.paused < 25


@pytest.mark.parametrize(
    "first",
    [
        answer(429, retry_after="900000"),
        answer(503, retry_after="900000"),
        answer(429, retry_after="900000", x_ratelimit_bucket="a"),
        answer(x_ratelimit_remaining="0", x_ratelimit_reset="900000"),
        spent(3600, x_ratelimit_bucket="a"),
    ],
)
def test_a_state_tells_of_no_wait_of_more_than_two_minutes(
    first: httpx.Response,
) -> None:
    limit, io = RateLimit(), IO(first)
    io.time = time.monotonic()
    run_sync(flow_of(RateLimitingTransport(None, limit), get("/"), io))
    (state,) = limit.states().values()
    assert state.wait < 120


async def test_requests_that_may_be_bound_go_when_the_first_of_them_is_served(
    world: World, server: Server
) -> None:
    limit, key = RateLimit(max_wait=30), ("http", "127.0.0.1", server.port)
    told(limit, (key, 0, -1.0), ServerQuota(None, 0, 50.0), Clock.now(), "/spent")
    gate = Gate(reply())
    server.play(gate, reply())
    host = f"http://127.0.0.1:{server.port}"
    async with world.client(world.ours.RateLimitingTransport(None, limit)) as client:

        async def release() -> None:
            await until_waiting(world, limit, 2)
            await until(world, lambda: server.requests)
            assert server.requests == 1
            gate.let()

        started = time.monotonic()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("httpx_resilient._layers.rate_limit.gcra.PROBE_PACE", 20.0)
            calls = [lambda: client.get(f"{host}/other")] * 3
            await world.together(*calls, release)
        assert time.monotonic() - started < 15
    assert server.requests == 3


async def test_requests_in_the_common_queue_leave_it_for_that_of_their_quota(
    world: World, server: Server
) -> None:
    """They wait for the own limit, and then their quota is used up."""
    limit = RateLimit(20, max_wait=30)
    key = ("http", "127.0.0.1", server.port)
    host = f"http://127.0.0.1:{server.port}"
    told(limit, (key, 0, -1.0), ServerQuota(None, 9, 1.0, "b"), Clock.now(), "/b")
    spent_a = reply(
        x_ratelimit_remaining="0", x_ratelimit_reset="1", x_ratelimit_bucket="a"
    )
    server.play(spent_a, reply())
    order: list[str] = []
    async with world.client(world.ours.RateLimitingTransport(None, limit)) as client:

        async def send(path: str) -> None:
            await client.get(host + path)
            order.append(path)

        async def later() -> None:
            await until(world, lambda: server.requests)
            await send("/a")

        async def last() -> None:
            await until_waiting(world, limit, 2)
            await send("/b")

        await world.together(lambda: send("/a"), later, later, last)
    assert order == ["/a", "/b", "/a", "/a"]


@pytest.mark.parametrize(
    ("place", "lane", "moves"),
    [
        (None, None, False),
        (None, Lane("a"), True),
        (None, DOUBTFUL, True),
        (DOUBTFUL, None, True),
        (DOUBTFUL, Lane("a"), True),
        (Lane("a"), Lane("a"), False),
        (Lane("a"), Lane("b"), True),
        (Lane("a"), None, False),
        (Lane("a"), DOUBTFUL, False),
    ],
)
def test_a_request_stays_in_the_queue_of_a_quota_until_another_one_binds_it(
    place: Lane | None, lane: Lane | None, moves: bool
) -> None:
    assert RatePlace(place).must_move(lane) is moves
