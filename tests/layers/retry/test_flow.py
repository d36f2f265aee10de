"""The effects of a request that is retried, in order."""

from __future__ import annotations

import gc
import math
import weakref
from typing import Any, ClassVar

import httpx
import pytest
import tenacity
from support.fake_io import FakeIO, run_flow

from httpx_resilient import RetryingTransport, attempts_of
from httpx_resilient._core.io.protocol import run_sync

GET = httpx.Request("GET", "https://example.org/")
POST = httpx.Request("POST", "https://example.org/", content=b"data")


def flow(
    io: FakeIO, request: httpx.Request = GET, *, seconds: float = 1.0, **options: Any
) -> httpx.Response:
    options = {"wait": tenacity.wait_fixed(seconds), **options}
    response: httpx.Response = run_flow(RetryingTransport(**options), request, io)
    return response


def test_a_request_that_succeeds_is_sent_once_and_has_no_other_effect() -> None:
    io = FakeIO(200)
    assert flow(io).status_code == 200
    assert io.did == ["send"]


def test_a_failed_response_is_released_before_the_sleep() -> None:
    io = FakeIO(503, 200)
    assert flow(io).status_code == 200
    assert io.did == ["send", "discard", "sleep", "send"]


def test_after_an_exception_nothing_is_released() -> None:
    io = FakeIO(httpx.ReadTimeout("slow"), 200)
    flow(io)
    assert io.did == ["send", "sleep", "send"]


def test_the_last_response_is_returned_and_not_released() -> None:
    last = httpx.Response(503)
    io = FakeIO(503, 503, last)
    assert flow(io) is last
    assert io.did.count("discard") == 2


def test_the_last_exception_is_raised_as_it_is_with_a_note() -> None:
    last = httpx.ReadTimeout("slow")
    io = FakeIO(503, 503, last, takes=0.05)
    with pytest.raises(httpx.ReadTimeout) as caught:
        flow(io)
    assert caught.value is last
    assert last.__notes__ == [
        "gave up after 3 attempts in 2.1 s: 503, 503, ReadTimeout"
    ]


def test_an_exception_that_is_not_retried_has_no_note() -> None:
    error = httpx.UnsupportedProtocol("gopher")
    with pytest.raises(httpx.UnsupportedProtocol):
        flow(FakeIO(error))
    assert not hasattr(error, "__notes__")


def test_a_raised_exception_is_part_of_no_reference_cycle() -> None:
    class Failure(httpx.ReadTimeout):
        pass

    gc.disable()
    try:
        error: Exception | None = Failure("slow")
        seen = weakref.ref(error)
        try:
            flow(FakeIO(error, error, error))
        except Failure:
            error = None
        assert seen() is None
    finally:
        gc.enable()


@pytest.mark.parametrize(
    "passing", [KeyboardInterrupt(), SystemExit(), GeneratorExit()]
)
def test_a_base_exception_passes_without_a_retry(passing: BaseException) -> None:
    io = FakeIO(passing)
    transport = RetryingTransport(retry=tenacity.retry_always)

    async def send(request: object, context: Any = None) -> None:
        raise passing

    io.send = send
    with pytest.raises(type(passing)):
        run_flow(transport, GET, io)


def test_strategies_are_called_in_tenacitys_order() -> None:
    called = []

    def strategy(name: str, answer: object) -> Any:
        return lambda state: (called.append(name), answer)[1]

    io = FakeIO(503, 503)
    flow(
        io,
        retry=strategy("retry", answer=True),
        wait=strategy("wait", 0.5),
        stop=lambda state: (called.append("stop"), state.attempt_number == 2)[1],
        before_sleep=strategy("before_sleep", None),
    )
    assert called == ["retry", "wait", "stop", "before_sleep", "retry", "wait", "stop"]


def test_the_hook_gets_the_open_response_and_the_wait() -> None:
    seen = []

    def hook(state: Any) -> None:
        seen.append(
            (state.response.status_code, state.upcoming_sleep, state.next_action.sleep)
        )
        seen.append(list(io.did))

    io = FakeIO(503, 200)
    flow(io, before_sleep=hook)
    assert seen == [(503, 1.0, 1.0), ["send"]]


def test_a_hook_that_raises_after_an_exception_has_no_response_to_release() -> None:
    def hook(_: Any) -> None:
        msg = "broken"
        raise LookupError(msg)

    io = FakeIO(httpx.ConnectError("refused"))
    with pytest.raises(LookupError, match="broken"):
        flow(io, before_sleep=hook)
    assert io.did == ["send"]


@pytest.mark.parametrize("part", ["retry", "wait", "stop", "before_sleep"])
def test_a_response_is_closed_if_a_strategy_raises(part: str) -> None:
    def broken(state: object) -> None:
        raise ZeroDivisionError

    io = FakeIO(503)
    with pytest.raises(ZeroDivisionError):
        flow(io, **{part: broken})
    assert io.did == ["send", "close"]


@pytest.mark.parametrize("part", ["retry", "wait", "stop", "before_sleep"])
def test_strategies_may_be_asynchronous(part: str) -> None:
    answers = {"wait": 0.25, "stop": False, "before_sleep": None}

    async def strategy(state: Any) -> object:
        return answers.get(part, state.response.status_code == 503)

    io = FakeIO(503, 200)
    assert flow(io, **{part: strategy}).status_code == 200


def test_tenacitys_asynchronous_strategies_are_awaited() -> None:
    async def unavailable(response: httpx.Response) -> bool:
        return response.status_code == 503

    either = (
        tenacity.asyncio.retry_if_result(unavailable)
        | tenacity.retry_if_exception_type()
    )
    io = FakeIO(503, ValueError(), 200)
    assert flow(io, retry=either).status_code == 200


def test_an_asynchronous_predicate_in_a_synchronous_strategy_is_awaited() -> None:
    async def never(response: httpx.Response) -> bool:
        return False

    io = FakeIO(503)
    assert flow(io, retry=tenacity.retry_if_result(never)).status_code == 503


@pytest.mark.parametrize("bad", [math.nan, -1.0])
def test_a_wait_that_is_not_a_duration_is_refused_and_the_response_is_closed(
    bad: float,
) -> None:
    io = FakeIO(503)
    with pytest.raises(ValueError, match="wait must return seconds"):
        flow(io, wait=lambda state: bad)
    assert io.did == ["send", "close"]


def test_an_infinite_wait_ends_the_request() -> None:
    io = FakeIO(503)
    assert flow(io, wait=lambda state: math.inf).status_code == 503
    assert io.did == ["send"]


def test_attempts_without_a_wait_yield_to_the_event_loop_every_eighth_time() -> None:
    io = FakeIO(*[503] * 17, 200)
    flow(io, seconds=0.0, stop=tenacity.stop_never, budget=False)
    assert io.slept == [0.0, 0.0]


def test_stop_before_delay_reads_the_clock_of_the_io_and_the_wait() -> None:
    io = FakeIO(*[503] * 10, takes=1.0)
    flow(io, seconds=2.0, stop=tenacity.stop_before_delay(7))
    assert io.did.count("send") == 3


def test_switching_protocols_is_final_without_a_strategy() -> None:
    io = FakeIO(101)
    assert flow(io, retry=tenacity.retry_always).status_code == 101
    assert io.did == ["send"]


def test_a_strategy_may_retry_a_success() -> None:
    io = FakeIO(202, 200)
    pending = tenacity.retry_if_result(lambda response: response.status_code == 202)
    assert flow(io, retry=pending).status_code == 200


class TestOptionsOfOneRequest:
    def test_false_sends_the_request_once_and_records_no_history(self) -> None:
        io = FakeIO(503)
        response = flow(
            io, httpx.Request("GET", "http://a", extensions={"retry": False})
        )
        assert response.status_code == 503
        assert io.did == ["send"]
        assert attempts_of(response) == ()

    def test_none_leaves_the_policy_of_the_transport(self) -> None:
        io = FakeIO(503, 200)
        flow(io, httpx.Request("GET", "http://a", extensions={"retry": None}))
        assert io.did.count("send") == 2

    def test_a_dict_replaces_parts_of_the_policy(self) -> None:
        options = {"stop": tenacity.stop_after_attempt(5)}
        io = FakeIO(503, 503, 503, 503, 503)
        flow(io, httpx.Request("GET", "http://a", extensions={"retry": options}))
        assert io.slept == [1.0] * 4

    @pytest.mark.parametrize(
        "options", [{"stopp": 1}, {"lowest_retryable_status": 0}, True, 3, "no"]
    )
    def test_an_unknown_option_is_refused_before_anything_is_sent(
        self, options: object
    ) -> None:
        io = FakeIO(200)
        request = httpx.Request("GET", "http://a", extensions={"retry": options})
        with pytest.raises(
            TypeError,
            match="retry, wait, stop, before_sleep, buffer_request_body, body_factory",
        ):
            flow(io, request)
        assert io.did == []


class TestHeadersOfTheNextAttempt:
    """A hook renews what is of one attempt only: a token, a date, a signature."""

    BODIES: ClassVar[dict[str, Any]] = {
        "bytes": (b"x", {}),
        "a buffered generator": (iter, {"buffer_request_body": 9}),
        "a body_factory": (iter, {"body_factory": lambda: iter([b"x"])}),
    }

    @pytest.mark.parametrize("body", BODIES)
    @pytest.mark.parametrize("replaces", [False, True])
    def test_are_those_that_the_hook_has_left(self, body: str, replaces: bool) -> None:
        def sign(state: Any) -> None:
            if replaces:
                state.request.headers = httpx.Headers(state.request.headers)
            state.request.headers["Signature"] = str(state.attempt_number)

        sent: list[str | None] = []

        def look(request: httpx.Request) -> httpx.Response:
            sent.append(request.headers.get("Signature"))
            request.read()
            return httpx.Response(503 if len(sent) < 3 else 200)

        content, options = self.BODIES[body]
        content = iter([b"x"]) if content is iter else content
        request = httpx.Request(
            "PUT", "http://a", content=content, extensions={"retry": options}
        )
        transport = RetryingTransport(
            httpx.MockTransport(look), before_sleep=sign, wait=tenacity.wait_none()
        )
        assert transport.handle_request(request).status_code == 200
        assert sent == [None, "1", "2"]


class TestRetriesOfAnSDK:
    """Three attempts of an SDK times three of this layer are nine."""

    def attempts(self, header: str, count: str) -> int:
        io = FakeIO(*[503] * 3)
        flow(io, httpx.Request("GET", "http://a", headers={header: count}))
        return io.did.count("send")

    @pytest.mark.parametrize(
        "header", ["X-Stainless-Retry-Count", "X-Retry-Count", "Retry-Attempt"]
    )
    def test_only_the_first_attempt_of_an_sdk_is_retried(self, header: str) -> None:
        assert self.attempts(header, "0") == 3
        assert self.attempts(header, "1") == 1


class TestRunSync:
    def test_a_flow_that_suspends_is_refused(self) -> None:
        class Suspends:
            def __await__(self) -> Any:
                yield

        async def suspending() -> None:
            await Suspends()

        with pytest.raises(RuntimeError, match="must all be synchronous"):
            run_sync(suspending())

    def test_an_exception_of_the_flow_passes(self) -> None:
        async def failing() -> None:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            run_sync(failing())
