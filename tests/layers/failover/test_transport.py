"""The failover layer: the way of one request from origin to origin, without a network."""

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
from h2.events import ConnectionTerminated
from support.fake_io import FakeIO, Scripted
from support.world import World

from httpx_resilient import Failover, FailoverTransport, RetryingTransport, attempts_of
from httpx_resilient import httpx2 as for_httpx2
from httpx_resilient._core.classify import Retryability
from httpx_resilient._core.deadline import set_deadline
from httpx_resilient._core.errors import Refusal
from httpx_resilient._core.io.protocol import run_sync

A, B, C = "https://a.example", "https://b.example:8443", "https://c.example"
COOLED_DOWN = 11.01
"""Seconds after which a cooldown of 10 s has ended, with the most jitter."""


class Refused(Refusal, httpx.TransportError):
    """The exception of a layer that did not send a request."""


class Group:
    """A failover layer with a scripted IO."""

    def __init__(self, *script: Scripted, origins: Any = (A, B), **options: Any):
        self.io = FakeIO(*script)
        self.failover = origins if isinstance(origins, Failover) else Failover(origins)
        self.layer = FailoverTransport(None, self.failover, **options)

    def send(
        self, request: httpx.Request, until: float | None = None
    ) -> httpx.Response:
        """Send a request, whose deadline comes at `until` if that is given."""
        layer: Any = self.layer
        context = layer._enter(request, self.io)
        if until is not None:
            context.deadline = set_deadline(until, until, 0.0, None)
        response: httpx.Response = run_sync(layer._handle(request, self.io, context))
        return response

    def get(
        self, url: str = A, *, until: float | None = None, **options: Any
    ) -> httpx.Response:
        return self.send(httpx.Request("GET", url, **options), until)

    def post(self, **options: Any) -> httpx.Response:
        return self.send(httpx.Request("POST", A, **options))

    @property
    def hosts(self) -> list[str]:
        """The first letters of the hosts that were sent to, in order."""
        return [request.url.host[0] for request in self.io.sent]


def error(kind: type[httpx.TransportError] = httpx.ConnectError) -> Any:
    return kind("failed")


def refused_certificate(kind: type[Exception] = httpx.ConnectError) -> Exception:
    """A refusal in the handshake, or after it as TLS 1.3 allows."""
    refused = kind("failed")
    refused.__cause__ = ssl.SSLCertVerificationError("expired")
    return refused


def goodbye() -> Exception:
    """The planned end of an HTTP/2 connection."""
    event: Any = object.__new__(ConnectionTerminated)
    event.error_code, event.last_stream_id = 0, 1
    ended = httpx.RemoteProtocolError("")
    ended.__cause__ = httpx.RemoteProtocolError(event)
    return ended


# The origin of a request.


def test_while_the_first_origin_is_up_the_request_is_sent_unchanged() -> None:
    group, request = Group(200), httpx.Request("GET", A)
    response = group.send(request)
    assert group.io.sent == [request]
    assert response.extensions["origin"] == A


def test_a_request_that_fails_at_the_first_origin_is_sent_to_the_next() -> None:
    group = Group(error(), 200)
    response = group.get()
    assert group.hosts == ["a", "b"]
    assert response.extensions["origin"] == B


def test_a_post_that_was_not_delivered_goes_to_the_next_origin() -> None:
    undelivered = httpx.Response(521, headers={"Server": "cloudflare"})
    group = Group(undelivered, 200)
    assert group.post(content=b"x").status_code == 200
    assert group.hosts == ["a", "b"]


def test_a_failed_response_is_released_before_the_next_request_is_sent() -> None:
    group = Group(503, 200)
    group.get()
    assert group.io.did == ["send", "discard", "send"]


def test_later_requests_stay_at_the_next_origin() -> None:
    group = Group(error(), 200, 200, 200)
    for _ in range(3):
        group.get()
    assert group.hosts == ["a", "b", "b", "b"]


def test_requests_return_to_the_first_origin_when_it_answers_a_probe() -> None:
    group = Group(error(), 200, 200, 200)
    group.get()
    group.io.time = COOLED_DOWN
    assert group.get().extensions["origin"] == A
    group.get()
    assert group.hosts == ["a", "b", "a", "a"]
    assert group.failover.down == ()


def test_a_failed_probe_fails_over_and_starts_another_cooldown() -> None:
    group = Group(error(), 200, 503, 200, 200)
    group.get()
    group.io.time = COOLED_DOWN
    for _ in range(2):
        assert group.get().extensions["origin"] == B
    assert group.hosts == ["a", "b", "a", "b", "b"]


def test_a_probe_that_gets_a_404_brings_the_origin_back() -> None:
    group = Group(error(), 200, 404)
    group.get()
    group.io.time = COOLED_DOWN
    assert group.get().status_code == 404
    assert group.failover.down == ()


def test_a_probe_that_fails_on_this_side_allows_another_probe() -> None:
    group = Group(error(), 200, error(httpx.PoolTimeout), 200)
    group.get()
    group.io.time = COOLED_DOWN
    with pytest.raises(httpx.PoolTimeout):
        group.get()
    assert group.failover.down == (A,)
    assert group.get().extensions["origin"] == A


def test_no_origin_gets_the_same_request_twice() -> None:
    group = Group(error(), error(), 502, origins=[A, B, C])
    assert group.get().status_code == 502
    assert group.hosts == ["a", "b", "c"]
    assert group.failover.down == (A, B, C)


def test_with_all_origins_down_all_origins_are_tried() -> None:
    group = Group(error(), 503, 503, 200)
    group.io.takes = 2
    group.get()
    assert group.get().extensions["origin"] == B
    assert group.hosts == ["a", "b", "a", "b"]
    assert group.failover.down == (A,)


def test_an_answer_to_a_request_sent_before_the_failure_brings_no_origin_back() -> None:
    group = Group(200)

    async def meanwhile(request: Any, context: Any = None) -> httpx.Response:
        await FakeIO.send(group.io, request, context)
        other = Group(error(), 200, origins=group.failover)
        other.get()
        return httpx.Response(200)

    group.io.send = meanwhile  # type: ignore[method-assign]  # a stub
    group.get()
    assert group.failover.down == (A,)


def test_a_request_to_a_later_origin_is_sent_only_there() -> None:
    group = Group(503)
    assert group.get(f"{B}/page/2").status_code == 503
    assert group.hosts == ["b"]
    assert group.failover.down == ()


@pytest.mark.parametrize(
    "url", ["http://a.example", f"{A}:444", "https://other.example"]
)
def test_a_request_to_another_address_does_not_fail_over(url: str) -> None:
    group = Group(error())
    with pytest.raises(httpx.ConnectError):
        group.get(url)
    assert group.failover.down == ()


def test_an_extension_turns_failover_off_for_one_request() -> None:
    group = Group(503, 503, 200)
    response = group.get(extensions={"failover": False})
    assert response.status_code == 503
    assert "origin" not in response.extensions
    assert group.get(extensions={"failover": True}).status_code == 200


def test_an_extension_that_is_not_a_bool_is_rejected() -> None:
    with pytest.raises(TypeError, match=r'extensions\["failover"\] must be True or'):
        Group(200).get(extensions={"failover": None})


# Requests that fail over.


@pytest.mark.parametrize(
    "outcome",
    [
        error(httpx.ConnectError),
        error(httpx.ConnectTimeout),
        refused_certificate(),
        refused_certificate(httpx.ReadError),
        425,
        429,
        httpx.Response(503, headers={"x-should-retry": "true"}),
    ],
    ids=repr,
)
def test_a_post_that_was_not_processed_fails_over(outcome: Any) -> None:
    group = Group(outcome, 200)
    assert group.post(json={"n": 1}).extensions["origin"] == B
    assert group.failover.down == (A,)


def test_a_refusal_of_this_side_fails_over_and_takes_no_origin_out() -> None:
    group = Group(Refused("open", retry_after=5), 200, 200)
    assert group.post(json={"n": 1}).extensions["origin"] == B
    assert group.failover.down == ()
    assert group.get().extensions["origin"] == A


def test_an_origin_that_says_goodbye_is_not_down() -> None:
    group = Group(goodbye(), 200, 200)
    group.get()
    group.get()
    assert group.hosts == ["a", "b", "a"]


MAYBE_PROCESSED: list[Any] = [
    error(httpx.ReadTimeout), error(httpx.WriteError), error(httpx.RemoteProtocolError),
    408, 500, 503, 504,
]  # fmt: skip


@pytest.mark.parametrize("outcome", MAYBE_PROCESSED, ids=repr)
@pytest.mark.parametrize(
    "request_",
    [
        httpx.Request("PUT", A, content=b"data"),
        httpx.Request("POST", A, headers={"Idempotency-Key": '"1"'}),
    ],
    ids=repr,
)
def test_an_idempotent_request_that_may_have_been_processed_fails_over(
    outcome: Any, request_: httpx.Request
) -> None:
    group = Group(outcome, 200)
    assert group.send(request_).extensions["origin"] == B


@pytest.mark.parametrize("outcome", MAYBE_PROCESSED, ids=repr)
def test_a_post_that_may_have_been_processed_takes_the_origin_out(outcome: Any) -> None:
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
def test_an_outcome_that_another_origin_would_repeat_is_returned(outcome: Any) -> None:
    group = Group(outcome)
    if isinstance(outcome, Exception):
        with pytest.raises(type(outcome)):
            group.get()
    else:
        assert group.get().status_code == outcome
    assert group.hosts == ["a"]
    assert group.failover.down == ()


def test_x_should_retry_false_prevents_a_failover() -> None:
    final = httpx.Response(503, headers={"x-should-retry": "false"})
    group = Group(final)
    assert group.get() is final
    assert group.failover.down == (A,)


def test_a_refusal_that_is_retryable_if_idempotent_ends_a_post() -> None:
    class Slow(Refusal, httpx.TimeoutException):
        retryability = Retryability.IF_IDEMPOTENT

    group = Group(Slow("too slow"), 200)
    with pytest.raises(Slow):
        group.post()
    assert group.failover.down == (A,)


def test_a_post_becomes_a_probe_only_after_a_second_cooldown() -> None:
    group = Group(error(), *[200] * 3)
    group.get()
    group.io.time = COOLED_DOWN
    assert group.post().extensions["origin"] == B
    group.io.time += 10
    assert group.post().extensions["origin"] == A


# Bodies.


def test_a_request_with_a_one_shot_body_does_not_fail_over() -> None:
    group = Group(503)
    response = group.send(httpx.Request("PUT", A, content=iter([b"once"])))
    assert response.status_code == 503
    assert group.hosts == ["a"]
    assert group.io.did == ["send"]


def test_a_request_with_a_one_shot_body_is_sent_to_the_origin_that_is_up() -> None:
    group = Group(error(), 200, 200)
    group.get()
    response = group.send(httpx.Request("PUT", A, content=iter([b"once"])))
    assert response.extensions["origin"] == B


def test_a_one_shot_body_that_an_outer_retry_buffers_fails_over() -> None:
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


def test_a_body_that_a_mock_reads_from_the_copy_can_be_read_from_the_request() -> None:
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


# The copy for another origin.


def copy_of(request: httpx.Request, **options: Any) -> httpx.Request:
    """Return the request that the second origin gets."""
    group = Group(error(), 200, **options)
    group.send(request)
    return group.io.sent[1]


def test_scheme_host_and_port_are_those_of_the_next_origin() -> None:
    url = f"{A}/a%2Fb//c;d?q=%7e&r=%C3%BC+s"
    sent = copy_of(httpx.Request("PUT", url, json=[1]), origins=[A, "http://b.example"])
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
def test_the_host_header_is_encoded_as_in_a_url(origin: str, host: str) -> None:
    sent = copy_of(httpx.Request("GET", A), origins=[A, origin])
    assert sent.headers["Host"] == host
    assert sent.url == origin


def test_origins_are_compared_as_urls_are() -> None:
    group = Group(error(), 200, origins=["https://Bücher.example:443/", B])
    group.get("https://xn--bcher-kva.example/")
    assert len(group.hosts) == 2


def test_a_host_header_and_a_server_name_set_by_the_caller_stay() -> None:
    own = {"sni_hostname": "service.example"}
    request = httpx.Request("GET", A, headers={"Host": "service.example"})
    request.extensions = own
    sent = copy_of(request)
    assert sent.headers["Host"] == "service.example"
    assert sent.extensions == own


def test_a_server_name_equal_to_the_host_of_the_url_is_removed() -> None:
    request = httpx.Request("GET", A, extensions={"sni_hostname": "a.example"})
    assert copy_of(request).extensions == {}


def test_the_request_of_the_caller_is_not_changed() -> None:
    request = httpx.Request("GET", A, headers={"Cookie": "a=b"}, extensions={"x": 1})
    before = vars(request) | {"headers": request.headers.raw}
    sent = copy_of(request)
    assert sent is not request
    assert vars(request) | {"headers": request.headers.raw} == before


SECRET = {
    "Authorization": "Basic bWU6aGlkZGVu",
    "COOKIE": "session=hidden",
    "Proxy-Authorization": "Basic hidden",
}


def test_credentials_are_not_sent_to_other_origins() -> None:
    url = A.replace("//", "//me:hidden@")
    sent = copy_of(httpx.Request("GET", url, headers={"X-Api-Key": "k", **SECRET}))
    assert sent.headers.raw == [(b"Host", b"b.example:8443"), (b"X-Api-Key", b"k")]
    assert sent.url.userinfo == b""


def test_share_credentials_sends_credentials_but_no_header_in_also_strip() -> None:
    url = A.replace("//", "//me:hidden@")
    request = httpx.Request("GET", url, headers={"X-Api-Key": "k", **SECRET})
    sent = copy_of(request, share_credentials=True, also_strip=["x-api-key"])
    assert dict(sent.headers) == {
        "host": "b.example:8443", **{name.lower(): v for name, v in SECRET.items()}
    }  # fmt: skip
    assert sent.url.userinfo == b"me:hidden"


def test_the_first_origin_gets_credentials_after_a_failover_too() -> None:
    group = Group(error(), 200, 200)
    for _ in range(2):
        group.get(headers=SECRET)
        group.io.time = COOLED_DOWN
    assert group.io.sent[-1].headers["Authorization"] == SECRET["Authorization"]


@pytest.mark.parametrize("shared", [False, True])
def test_other_origins_set_cookies_only_with_share_credentials(shared: bool) -> None:
    group = Group(
        error(),
        httpx.Response(200, headers={"Set-Cookie": "session=1"}),
        share_credentials=shared,
    )
    assert ("set-cookie" in group.get().headers) is shared


@pytest.mark.parametrize("names", ["x-api-key", 5, [b"x-api-key"]])
def test_an_also_strip_that_is_not_a_list_of_strings_is_rejected(names: Any) -> None:
    with pytest.raises(TypeError, match="also_strip must be a list of header names"):
        FailoverTransport(None, [A], also_strip=names)


def test_an_also_strip_with_an_invalid_header_name_is_rejected() -> None:
    with pytest.raises(ValueError, match="'x-api-key: k' is not a header name"):
        FailoverTransport(None, [A], also_strip=["x-api-key: k"])


# The last outcome.


def test_the_last_response_is_returned_unchanged() -> None:
    last = httpx.Response(502)
    group = Group(error(), last)
    assert group.get() is last
    assert group.io.did == ["send", "send"]
    assert last.extensions["origin"] == B


def test_the_last_exception_has_a_note_that_lists_the_origins_tried() -> None:
    last = error(httpx.ReadTimeout)
    with pytest.raises(httpx.ReadTimeout) as caught:
        Group(503, last).get()
    assert caught.value is last
    assert last.__notes__ == [f"origins tried: {A} (503), {B} (ReadTimeout)"]


def test_the_log_reports_failovers_and_health_without_secrets(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "httpx_resilient")
    group = Group(503, 200, 200, 200)
    group.get(f"{A}/?key=hidden")
    group.get()
    group.io.time = COOLED_DOWN
    group.get()
    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("WARNING", f"{A} is down: 503"),
        ("INFO", f"GET {A}/: failed over from {A} (503) to {B}"),
        ("INFO", f"{A} is up again"),
    ]


# The time until a probe.


@pytest.mark.parametrize(
    ("outcome", "seconds"),
    [
        (503, 10),
        (httpx.Response(429, headers={"retry-after": "30"}), 30),
        (httpx.Response(503, headers={"retry-after": "3600"}), 60),
    ],
)
def test_an_origin_that_says_how_long_to_wait_is_probed_after_that_time(
    outcome: Any, seconds: float
) -> None:
    group = Group(outcome, 200, 200, 200)
    group.get()
    group.io.time = seconds - 0.01
    group.get()
    group.io.time = seconds * 1.11
    group.get()
    assert group.hosts == ["a", "b", "b", "a"]


def test_the_cooldown_of_a_group_may_exceed_a_minute() -> None:
    group = Group(503, 200, 200, origins=Failover([A, B], cooldown=100))
    group.get()
    group.io.time = 99
    group.get()
    assert group.hosts == ["a", "b", "b"]


# Deadlines and cancellation.


def test_a_request_whose_deadline_has_passed_does_not_fail_over() -> None:
    group = Group(503)
    group.io.takes = 2
    assert group.get(until=1).status_code == 503
    assert group.hosts == ["a"]


def test_a_late_failure_on_this_side_takes_no_origin_out() -> None:
    group = Group(error(httpx.PoolTimeout))
    group.io.takes = 2
    with pytest.raises(httpx.PoolTimeout):
        group.get(until=1)
    assert group.failover.down == ()


class Interrupted(BaseException):
    """A cancellation."""


def interrupt(group: Group, **options: Any) -> None:
    async def send(request: Any, context: Any = None) -> Any:
        raise Interrupted

    scripted, group.io.send = group.io.send, send  # type: ignore[method-assign]  # a stub
    with pytest.raises(Interrupted):
        group.get(**options)
    group.io.send = scripted  # type: ignore[method-assign]  # the stub is removed


def test_a_cancelled_request_takes_no_origin_out() -> None:
    group = Group()
    interrupt(group)
    assert group.failover.down == ()


def test_a_request_cancelled_by_its_deadline_takes_the_origin_out() -> None:
    group = Group()
    group.io.time = 1
    interrupt(group, until=1.0005)
    assert group.failover.down == (A,)


def test_a_cancelled_probe_allows_another_probe() -> None:
    group = Group(error(), 200, 200)
    group.get()
    group.io.time = COOLED_DOWN
    interrupt(group)
    assert group.get().extensions["origin"] == A


def test_a_cancellation_while_discarding_takes_no_other_origin_out() -> None:
    group = Group(503, 200)

    async def discard(response: Any, *_: Any, **__: Any) -> bool:
        group.io.time = 5
        raise Interrupted

    group.io.discard = discard  # type: ignore[method-assign]  # a stub
    with pytest.raises(Interrupted):
        group.get(until=4)
    assert group.failover.down == (A,)


# Shared groups.


def test_clients_of_both_libraries_share_a_group() -> None:
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


def test_of_many_threads_one_sends_the_probe() -> None:
    threads = 8
    together = threading.Barrier(threads)
    group = Failover([A, B], cooldown=3600)
    Group(error(), 200, origins=group).get()
    hosts: list[str] = []

    def send() -> None:
        own = Group(200, origins=group)
        own.io.time = 3600 * 1.11
        together.wait()
        own.io.send = slow(own.io)  # type: ignore[method-assign]  # a stub
        own.get()
        hosts.extend(own.hosts)

    def slow(fake: FakeIO) -> Any:
        answer = fake.send

        async def send(request: Any, context: Any = None) -> Any:
            together.wait()  # all have chosen an origin before the first is answered
            return await answer(request)

        return send

    workers = [threading.Thread(target=send) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(hosts) == ["a"] + ["b"] * (threads - 1)
    assert group.down == ()


@pytest.mark.anyio
@pytest.mark.parametrize("runtime", ["asyncio", "trio"])
async def test_a_storm_of_cancelled_probes_leaves_the_origin_reachable(
    world: World,
) -> None:
    """The first origin is back, and one of the requests finds that out."""
    hosts: list[str] = []

    async def site(request: Any) -> Any:
        hosts.append(request.url.host[0])
        await anyio.sleep(0.001 * (len(hosts) % 3))
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


# Retries around failover.


def test_each_attempt_of_a_retry_fails_over() -> None:
    hosts: list[str] = []

    def site(request: httpx.Request) -> httpx.Response:
        hosts.append(request.url.host[0])
        return httpx.Response(200 if len(hosts) > 3 else 503)

    layer = RetryingTransport(
        FailoverTransport(httpx.MockTransport(site), [A, B]),
        wait=tenacity.wait_none(),
    )
    with httpx.Client(transport=layer) as client:
        assert client.get(A).status_code == 200
    assert hosts[:2] == ["a", "b"]
    assert sorted(hosts[2:]) == ["a", "b"]


def test_a_retry_of_a_post_that_must_not_fail_over_uses_the_next_origin() -> None:
    hosts: list[str] = []

    def site(request: httpx.Request) -> httpx.Response:
        hosts.append(request.url.host[0])
        return httpx.Response(200 if request.url.host[0] == "b" else 503)

    layer = RetryingTransport(
        FailoverTransport(httpx.MockTransport(site), [A, B]),
        retry=tenacity.retry_if_result(lambda response: response.status_code == 503),
        wait=tenacity.wait_none(),
    )
    with httpx.Client(transport=layer) as client:
        assert client.post(A).status_code == 200
    assert hosts == ["a", "b"]
