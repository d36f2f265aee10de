"""The failover layer: one request's way from origin to origin. No network."""

from __future__ import annotations

import logging
import ssl
import threading
from typing import Any

import anyio
import httpx
import httpx2
import pytest
import tenacity
from support.fake_io import FakeIO, Scripted
from support.world import World

from httpx_resilient import Failover, FailoverTransport, RetryingTransport, attempts_of
from httpx_resilient import httpx2 as for_httpx2
from httpx_resilient._core.classify import Retryability
from httpx_resilient._core.deadline import Deadline
from httpx_resilient._core.errors import Refusal
from httpx_resilient._core.io.protocol import run_sync

A, B, C = "https://a.example", "https://b.example:8443", "https://c.example"
COOLED_DOWN = 11.01
"""Seconds after which a cooldown of 10 s is over, with all its jitter."""


class Refused(Refusal, httpx.TransportError):
    """What a circuit breaker or a rate limit raises."""


class Group:
    """A layer with a scripted IO. Each request is answered by what is next."""

    def __init__(self, *script: Scripted, origins: Any = (A, B), **options: Any):
        self.io = FakeIO(*script)
        self.failover = origins if isinstance(origins, Failover) else Failover(origins)
        self.layer = FailoverTransport(None, self.failover, **options)

    def send(self, request: httpx.Request) -> httpx.Response:
        return run_sync(self.layer._handle(request, self.io))

    def get(self, url: str = A, **options: Any) -> httpx.Response:
        return self.send(httpx.Request("GET", url, **options))

    def post(self, **options: Any) -> httpx.Response:
        return self.send(httpx.Request("POST", A, **options))

    @property
    def asked(self) -> list[str]:
        """The first letter of each host that was sent to."""
        return [request.url.host[0] for request in self.io.sent]


def error(kind: type[httpx.TransportError] = httpx.ConnectError) -> Any:
    return kind("failed")


def refused_certificate() -> Exception:
    refused = httpx.ConnectError("failed")
    refused.__cause__ = ssl.SSLCertVerificationError("expired")
    return refused


# Where a request goes.


def test_while_the_first_is_up_nothing_changes() -> None:
    group, request = Group(200), httpx.Request("GET", A)
    response = group.send(request)
    assert group.io.sent == [request]
    assert response.extensions["origin"] == A


def test_the_next_gets_what_the_first_has_failed_to_answer() -> None:
    group = Group(error(), 200)
    response = group.get()
    assert group.asked == ["a", "b"]
    assert response.extensions["origin"] == B


def test_a_failed_response_is_released_first() -> None:
    group = Group(503, 200)
    group.get()
    assert group.io.did == ["send", "discard", "send"]


def test_it_stays_there() -> None:
    group = Group(error(), 200, 200, 200)
    for _ in range(3):
        group.get()
    assert group.asked == ["a", "b", "b", "b"]


def test_until_the_first_is_back() -> None:
    group = Group(error(), 200, 200, 200)
    group.get()
    group.io.time = COOLED_DOWN
    assert group.get().extensions["origin"] == A
    group.get()
    assert group.asked == ["a", "b", "a", "a"]
    assert group.failover.down == ()


def test_if_it_is_not_the_request_goes_on_and_it_is_left_alone_again() -> None:
    group = Group(error(), 200, 503, 200, 200)
    group.get()
    group.io.time = COOLED_DOWN
    for _ in range(2):
        assert group.get().extensions["origin"] == B
    assert group.asked == ["a", "b", "a", "b", "b"]


def test_any_answer_tells_that_it_is_back() -> None:
    group = Group(error(), 200, 404)
    group.get()
    group.io.time = COOLED_DOWN
    assert group.get().status_code == 404
    assert group.failover.down == ()


def test_a_failure_that_is_not_its_own_tells_nothing() -> None:
    group = Group(error(), 200, error(httpx.PoolTimeout), 200)
    group.get()
    group.io.time = COOLED_DOWN
    with pytest.raises(httpx.PoolTimeout):
        group.get()
    assert group.failover.down == (A,)
    assert group.get().extensions["origin"] == A


def test_no_origin_is_asked_twice() -> None:
    group = Group(error(), error(), 502, origins=[A, B, C])
    assert group.get().status_code == 502
    assert group.asked == ["a", "b", "c"]
    assert group.failover.down == (A, B, C)


def test_where_all_are_down_all_are_tried_again() -> None:
    group = Group(error(), 503, 503, 200)
    group.io.takes = 2
    group.get()
    assert group.get().extensions["origin"] == B
    assert group.asked == ["a", "b", "a", "b"]
    assert group.failover.down == (A,)


def test_an_answer_that_was_on_its_way_before_the_failure_is_no_recovery() -> None:
    group = Group(200)

    async def meanwhile(request: Any) -> httpx.Response:
        await FakeIO.send(group.io, request)
        other = Group(error(), 200, origins=group.failover)
        other.get()
        return httpx.Response(200)

    group.io.send = meanwhile  # type: ignore[method-assign]
    group.get()
    assert group.failover.down == (A,)


def test_a_link_to_a_later_origin_is_followed_there() -> None:
    group = Group(503)
    assert group.get(f"{B}/page/2").status_code == 503
    assert group.asked == ["b"]
    assert group.failover.down == ()


@pytest.mark.parametrize(
    "url", ["http://a.example", f"{A}:444", "https://other.example"]
)
def test_other_addresses_are_not_ours(url: str) -> None:
    group = Group(error())
    with pytest.raises(httpx.ConnectError):
        group.get(url)
    assert group.failover.down == ()


def test_one_request_may_be_kept_where_it_is_addressed() -> None:
    group = Group(503, 503, 200)
    response = group.get(extensions={"failover": False})
    assert response.status_code == 503
    assert "origin" not in response.extensions
    assert group.get(extensions={"failover": True}).status_code == 200


def test_what_is_neither_yes_nor_no_is_refused() -> None:
    with pytest.raises(TypeError, match=r'extensions\["failover"\] is False'):
        Group(200).get(extensions={"failover": None})


# What may be sent on.


@pytest.mark.parametrize(
    "outcome",
    [
        error(httpx.ConnectError),
        error(httpx.ConnectTimeout),
        refused_certificate(),
        Refused("open", retry_after=5),
        425,
        429,
        httpx.Response(503, headers={"x-should-retry": "true"}),
    ],
    ids=repr,
)
def test_what_was_not_processed_goes_on_whatever_it_is(outcome: Any) -> None:
    group = Group(outcome, 200)
    assert group.post(json={"n": 1}).extensions["origin"] == B
    assert group.failover.down == (A,)


MAYBE: list[Any] = [
    error(httpx.ReadTimeout), error(httpx.WriteError), error(httpx.RemoteProtocolError),
    408, 500, 503, 504,
]  # fmt: skip


@pytest.mark.parametrize("outcome", MAYBE, ids=repr)
@pytest.mark.parametrize(
    "request_",
    [
        httpx.Request("PUT", A, content=b"data"),
        httpx.Request("POST", A, headers={"Idempotency-Key": '"1"'}),
    ],
    ids=repr,
)
def test_what_perhaps_was_goes_on_if_it_may_be_repeated(
    outcome: Any, request_: httpx.Request
) -> None:
    group = Group(outcome, 200)
    assert group.send(request_).extensions["origin"] == B


@pytest.mark.parametrize("outcome", MAYBE, ids=repr)
def test_if_not_it_ends_here_and_the_next_one_goes_elsewhere(outcome: Any) -> None:
    group = Group(outcome, 200)
    if isinstance(outcome, Exception):
        with pytest.raises(type(outcome)) as caught:
            group.post()
        assert caught.value is outcome
        assert not hasattr(outcome, "__notes__")
    else:
        assert group.post().extensions["origin"] == A
    assert group.post().extensions["origin"] == B


@pytest.mark.parametrize(
    "outcome",
    [
        404,
        501,
        505,
        error(httpx.PoolTimeout),
        error(httpx.LocalProtocolError),
        Refused("not now"),
        RuntimeError("a bug"),
    ],
    ids=repr,
)
def test_what_would_end_the_same_way_ends_here(outcome: Any) -> None:
    group = Group(outcome)
    if isinstance(outcome, Exception):
        with pytest.raises(type(outcome)):
            group.get()
    else:
        assert group.get().status_code == outcome
    assert group.asked == ["a"]
    assert group.failover.down == ()


def test_so_it_does_if_the_server_says_so() -> None:
    final = httpx.Response(503, headers={"x-should-retry": "false"})
    group = Group(final)
    assert group.get() is final
    assert group.failover.down == (A,)


def test_a_refusal_that_knows_better_is_believed() -> None:
    class Slow(Refusal, httpx.TimeoutException):
        retryability = Retryability.IF_IDEMPOTENT

    group = Group(Slow("too slow"), 200)
    with pytest.raises(Slow):
        group.post()
    assert group.failover.down == (A,)


def test_a_request_that_risks_more_is_no_probe_unless_there_is_none() -> None:
    group = Group(error(), *[200] * 3)
    group.get()
    group.io.time = COOLED_DOWN
    assert group.post().extensions["origin"] == B
    group.io.time += 10
    assert group.post().extensions["origin"] == A


# Bodies.


def test_what_can_be_sent_once_gets_its_own_outcome() -> None:
    group = Group(503)
    response = group.send(httpx.Request("PUT", A, content=iter([b"once"])))
    assert response.status_code == 503
    assert group.asked == ["a"]
    assert group.io.did == ["send"]


def test_but_it_may_go_where_it_is_answered() -> None:
    group = Group(error(), 200, 200)
    group.get()
    response = group.send(httpx.Request("PUT", A, content=iter([b"once"])))
    assert response.extensions["origin"] == B


def test_what_a_retry_outside_keeps_of_it_is_sent_on() -> None:
    bodies = []

    def handler(request: httpx.Request) -> httpx.Response:
        bodies.append((request.url.host, request.read()))
        return httpx.Response(503 if request.url.host == "a.example" else 200)

    group = FailoverTransport(httpx.MockTransport(handler), [A, B])
    layer = RetryingTransport(group, buffer_request_body=100)
    with httpx.Client(transport=layer) as client:
        response = client.put(A, content=iter([b"on", b"ce"]))
    assert [attempt.outcome for attempt in attempts_of(response)] == [503, 200]
    assert bodies == [("a.example", b"once"), ("b.example", b"once")]


def test_what_a_mock_has_read_can_be_read_from_the_request() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        request.read()
        return httpx.Response(200)

    group = Group(error(), 200, origins=Failover([A, B], cooldown=1e9))
    group.get()
    layer = FailoverTransport(httpx.MockTransport(handler), group.failover)
    with httpx.Client(transport=layer) as client:
        response = client.put(A, content=iter([b"once"]))
    assert response.extensions["origin"] == B
    assert response.request.content == b"once"


# What is rewritten, and what is not.


def sent_on(request: httpx.Request, **options: Any) -> httpx.Request:
    """What the second origin gets."""
    group = Group(error(), 200, **options)
    group.send(request)
    return group.io.sent[1]


def test_scheme_host_and_port_are_its_own() -> None:
    url = f"{A}/a%2Fb//c;d?q=%7e&r=%C3%BC+s"
    sent = sent_on(httpx.Request("PUT", url, json=[1]), origins=[A, "http://b.example"])
    assert str(sent.url) == url.replace(A, "http://b.example")
    assert sent.method == "PUT"
    assert sent.content == b"[1]"
    assert sent.headers["Host"] == "b.example"


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("https://bücher.example", "xn--bcher-kva.example"),
        ("http://[::1]:90", "[::1]:90"),
    ],
)
def test_a_host_is_written_as_urls_write_it(origin: str, host: str) -> None:
    sent = sent_on(httpx.Request("GET", A), origins=[A, origin])
    assert sent.headers["Host"] == host
    assert sent.url == origin


def test_names_are_compared_as_urls_compare_them() -> None:
    group = Group(error(), 200, origins=["https://Bücher.example:443/", B])
    group.get("https://xn--bcher-kva.example/")
    assert len(group.asked) == 2


def test_a_host_and_a_name_for_tls_of_your_own_stay() -> None:
    own = {"sni_hostname": "service.example"}
    request = httpx.Request("GET", A, headers={"Host": "service.example"})
    request.extensions = own
    sent = sent_on(request)
    assert sent.headers["Host"] == "service.example"
    assert sent.extensions == own


def test_a_name_for_tls_that_is_the_urls_does_not() -> None:
    request = httpx.Request("GET", A, extensions={"sni_hostname": "a.example"})
    assert sent_on(request).extensions == {}


def test_the_request_stays_the_callers() -> None:
    request = httpx.Request("GET", A, headers={"Cookie": "a=b"}, extensions={"x": 1})
    before = vars(request) | {"headers": request.headers.raw}
    sent = sent_on(request)
    assert sent is not request
    assert vars(request) | {"headers": request.headers.raw} == before


SECRET = {
    "Authorization": "Basic bWU6aGlkZGVu",
    "COOKIE": "session=hidden",
    "Proxy-Authorization": "Basic hidden",
}


def test_credentials_are_not_shown_to_others() -> None:
    url = A.replace("//", "//me:hidden@")
    sent = sent_on(httpx.Request("GET", url, headers={"X-Api-Key": "k", **SECRET}))
    assert sent.headers.raw == [(b"Host", b"b.example:8443"), (b"X-Api-Key", b"k")]
    assert sent.url.userinfo == b""


def test_unless_told() -> None:
    url = A.replace("//", "//me:hidden@")
    request = httpx.Request("GET", url, headers={"X-Api-Key": "k", **SECRET})
    sent = sent_on(request, share_credentials=True, also_strip=["x-api-key"])
    assert dict(sent.headers) == {
        "host": "b.example:8443", **{name.lower(): v for name, v in SECRET.items()}
    }  # fmt: skip
    assert sent.url.userinfo == b"me:hidden"


def test_the_first_gets_them_each_time() -> None:
    group = Group(error(), 200, 200)
    for _ in range(2):
        group.get(headers=SECRET)
        group.io.time = COOLED_DOWN
    assert group.io.sent[-1].headers["Authorization"] == SECRET["Authorization"]


@pytest.mark.parametrize("shared", [False, True])
def test_others_set_no_cookie_which_the_first_would_get(shared: bool) -> None:
    group = Group(
        error(),
        httpx.Response(200, headers={"Set-Cookie": "session=1"}),
        share_credentials=shared,
    )
    assert ("set-cookie" in group.get().headers) is shared


@pytest.mark.parametrize("names", ["x-api-key", 5, [b"x-api-key"]])
def test_what_is_no_list_of_headers_is_refused(names: Any) -> None:
    with pytest.raises(TypeError, match="also_strip is a list of headers"):
        FailoverTransport(None, [A], also_strip=names)


def test_what_is_no_header_is_refused() -> None:
    with pytest.raises(ValueError, match="'x-api-key: k' is no name of a header"):
        FailoverTransport(None, [A], also_strip=["x-api-key: k"])


# How it ends.


def test_the_last_response_is_returned_as_it_is() -> None:
    last = httpx.Response(502)
    group = Group(error(), last)
    assert group.get() is last
    assert group.io.did == ["send", "send"]
    assert last.extensions["origin"] == B


def test_the_last_exception_tells_of_the_others() -> None:
    last = error(httpx.ReadTimeout)
    with pytest.raises(httpx.ReadTimeout) as caught:
        Group(503, last).get()
    assert caught.value is last
    assert last.__notes__ == [f"failed over: {A}: 503, {B}: ReadTimeout"]


def test_the_log_tells_what_has_changed(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "httpx_resilient")
    group = Group(503, 200, 200, 200)
    group.get(f"{A}/?key=hidden")
    group.get()
    group.io.time = COOLED_DOWN
    group.get()
    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("WARNING", f"{A} is down: 503"),
        ("INFO", f"GET {A}/: {A}: 503; on to {B}"),
        ("INFO", f"{A} is up again"),
    ]


# How long it is left alone.


@pytest.mark.parametrize(
    ("outcome", "seconds"),
    [
        (503, 10),
        (Refused("open", retry_after=2), 2),
        (httpx.Response(429, headers={"retry-after": "30"}), 30),
        (httpx.Response(503, headers={"retry-after": "3600"}), 60),
    ],
)
def test_an_origin_is_left_alone_as_long_as_it_says(
    outcome: Any, seconds: float
) -> None:
    group = Group(outcome, 200, 200, 200)
    group.get()
    group.io.time = seconds - 0.01
    group.get()
    group.io.time = seconds * 1.11
    group.get()
    assert group.asked == ["a", "b", "b", "a"]


def test_a_cooldown_of_your_own_may_be_longer() -> None:
    group = Group(503, 200, 200, origins=Failover([A, B], cooldown=100))
    group.get()
    group.io.time = 99
    group.get()
    assert group.asked == ["a", "b", "b"]


# With deadlines and cancellation.


def at(seconds: float) -> dict[str, Any]:
    return {"deadline": Deadline.of({}, seconds, seconds)}


def test_too_late_for_another_origin() -> None:
    group = Group(503)
    group.io.takes = 2
    assert group.get(extensions=at(1)).status_code == 503
    assert group.asked == ["a"]


def test_a_failure_that_is_not_its_own_is_not_when_it_is_late() -> None:
    group = Group(error(httpx.PoolTimeout))
    group.io.takes = 2
    with pytest.raises(httpx.PoolTimeout):
        group.get(extensions=at(1))
    assert group.failover.down == ()


class Interrupted(BaseException):
    """As a cancellation is."""


def interrupted(group: Group, **options: Any) -> None:
    async def send(request: Any) -> Any:
        raise Interrupted

    answering, group.io.send = group.io.send, send  # type: ignore[method-assign]
    with pytest.raises(Interrupted):
        group.get(**options)
    group.io.send = answering  # type: ignore[method-assign]


def test_what_is_cancelled_says_nothing() -> None:
    group = Group()
    interrupted(group)
    assert group.failover.down == ()


def test_but_what_its_deadline_has_ended_does() -> None:
    group = Group()
    group.io.time = 1
    interrupted(group, extensions=at(1.0005))
    assert group.failover.down == (A,)


def test_a_probe_that_is_cancelled_makes_room_for_the_next() -> None:
    group = Group(error(), 200, 200)
    group.get()
    group.io.time = COOLED_DOWN
    interrupted(group)
    assert group.get().extensions["origin"] == A


def test_while_a_response_is_discarded_no_origin_is_to_blame() -> None:
    group = Group(503, 200)

    async def discard(response: Any) -> None:
        group.io.time = 5
        raise Interrupted

    group.io.discard = discard  # type: ignore[method-assign,assignment]
    with pytest.raises(Interrupted):
        group.get(extensions=at(4))
    assert group.failover.down == (A,)


# Who shares it.


def test_clients_of_both_libraries_may_share_a_group() -> None:
    def site(library: Any) -> Any:
        return library.MockTransport(
            lambda request: library.Response(503 if "a." in str(request.url) else 200)
        )

    group = Failover([A, B])
    one = FailoverTransport(site(httpx), group)
    other = for_httpx2.FailoverTransport(site(httpx2), group)
    with httpx.Client(transport=one) as client, httpx2.Client(transport=other) as two:
        assert client.get(A).extensions["origin"] == B
        assert group.down == (A,)
        response = two.post(A)
    assert response.status_code == 200
    assert response.extensions["origin"] == B


def test_of_many_threads_one_probes() -> None:
    threads = 8
    together = threading.Barrier(threads)
    group = Failover([A, B], cooldown=3600)
    Group(error(), 200, origins=group).get()
    asked: list[str] = []

    def send() -> None:
        mine = Group(200, origins=group)
        mine.io.time = 3600 * 1.11
        together.wait()
        mine.io.send, sending = slowly(mine.io), mine  # type: ignore[method-assign]
        sending.get()
        asked.extend(mine.asked)

    def slowly(fake: FakeIO) -> Any:
        answer = fake.send

        async def send(request: Any) -> Any:
            together.wait()  # so that all have chosen before the first is answered
            return await answer(request)

        return send

    workers = [threading.Thread(target=send) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(asked) == ["a"] + ["b"] * (threads - 1)
    assert group.down == ()


@pytest.mark.anyio
@pytest.mark.parametrize("runtime", ["asyncio", "trio"])
async def test_of_many_tasks_one_probes_and_none_is_lost_to_cancellation(
    world: World,
) -> None:
    """A storm: whoever is cancelled, the first origin is found to be back."""
    asked: list[str] = []

    async def site(request: Any) -> Any:
        asked.append(request.url.host[0])
        await anyio.sleep(0.001 * (len(asked) % 3))
        return world.library.Response(200)

    group = Failover([A, B], cooldown=0.01)
    layer = world.ours.FailoverTransport(world.mock(site), group)
    async with world.client(layer) as client:
        Group(error(), 200, origins=group).get()
        await anyio.sleep(0.02)
        async with anyio.create_task_group() as tasks:

            async def cancelled(number: int) -> None:
                with anyio.move_on_after(0.0005 * (number % 7)):
                    await client.get(A)

            for number in range(300):
                tasks.start_soon(cancelled, number)
        while group.down:
            await client.get(A)
            await anyio.sleep(0.001)
        assert (await client.get(A)).extensions["origin"] == A


# With retries.


def test_each_attempt_of_a_retry_goes_through_the_group() -> None:
    asked: list[str] = []

    def site(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host[0])
        return httpx.Response(200 if len(asked) > 3 else 503)

    layer = RetryingTransport(
        FailoverTransport(httpx.MockTransport(site), [A, B]),
        wait=tenacity.wait_none(),
    )
    with httpx.Client(transport=layer) as client:
        assert client.get(A).status_code == 200
    assert asked[:2] == ["a", "b"]
    assert sorted(asked[2:]) == ["a", "b"]


def test_what_may_not_go_on_is_retried_elsewhere_if_the_retry_may() -> None:
    asked: list[str] = []

    def site(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host[0])
        return httpx.Response(200 if request.url.host[0] == "b" else 503)

    layer = RetryingTransport(
        FailoverTransport(httpx.MockTransport(site), [A, B]),
        retry=tenacity.retry_if_result(lambda response: response.status_code == 503),
        wait=tenacity.wait_none(),
    )
    with httpx.Client(transport=layer) as client:
        assert client.post(A).status_code == 200
    assert asked == ["a", "b"]
