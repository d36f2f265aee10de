"""The strategies of the default policy, row by row, and how they combine."""

from __future__ import annotations

import ssl
from typing import Any

import httpx
import httpx2
import pytest
import tenacity
from h2.events import ConnectionTerminated, StreamReset
from hypothesis import given
from hypothesis import strategies as st
from support.fake_io import FakeIO, Scripted, run_flow

import httpx_resilient
import httpx_resilient.httpx2
from httpx_resilient import (
    RetryBudget,
    RetryingTransport,
    attempts_of,
    retry_if_idempotent,
    retry_if_status,
    retry_if_transient,
    wait_retry_after,
    wait_transient,
)
from httpx_resilient._core.classify import Retryability, classify_status
from httpx_resilient._core.context import begin
from httpx_resilient._core.deadline import set_deadline
from httpx_resilient._core.io.protocol import run_sync
from httpx_resilient._layers.retry.bounds import lowest_retryable_status
from httpx_resilient._layers.retry.state import RetryState

IDEMPOTENT = ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "QUERY"]
OTHER = ["POST", "PATCH", "CONNECT", "LOCK", "get-it"]


def state_after(
    outcome: int | httpx.Response | Exception,
    method: str = "GET",
    library: Any = httpx,
    attempt: int = 1,
    **headers: str,
) -> RetryState:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = library.Request(method, "https://example.org/", headers=named)
    ours = httpx_resilient if library is httpx else httpx_resilient.httpx2
    controller = ours.RetryingTransport().policy.controller
    context = begin(request, FakeIO())
    state = RetryState(request, context, controller, family_of(ours))
    state.attempt_number = attempt
    if isinstance(outcome, Exception):
        state.raised(outcome, 0.0)
    else:
        response = httpx.Response(outcome) if isinstance(outcome, int) else outcome
        state.returned(response, 0.0)
    return state


def family_of(ours: Any) -> Any:
    """Return the library that a module of the package is bound to."""
    return ours._FAMILY


def is_retried(outcome: Any, method: str = "GET", **options: Any) -> bool:
    return retry_if_transient()(state_after(outcome, method, **options))


def caused(error: Exception, *causes: BaseException) -> Exception:
    current: BaseException = error
    for cause in causes:
        current.__cause__ = cause
        current = cause
    return error


def protocol_error(library: Any, event: object) -> Exception:
    return caused(library.RemoteProtocolError(""), library.RemoteProtocolError(event))


def reset_stream(code: int, *, by_server: bool = True) -> StreamReset:
    # By attributes: h2's constructors changed with its releases.
    event = object.__new__(StreamReset)
    event.error_code, event.remote_reset = code, by_server
    return event


def asked(status: int) -> httpx.Response:
    """A response that asks for a wait."""
    return httpx.Response(status, headers={"Retry-After": "5"})


def goaway(last_stream_id: int) -> ConnectionTerminated:
    event = object.__new__(ConnectionTerminated)
    event.last_stream_id = last_stream_id
    return event


libraries = pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])


@libraries
class TestUnprocessed:
    """Failures that prove that the request was not processed."""

    ROWS = {
        "connect error": lambda lib: lib.ConnectError("refused"),
        "connect timeout": lambda lib: lib.ConnectTimeout("slow"),
        "name not found": lambda lib: caused(
            lib.ConnectError(""), OSError(-2, "unknown")
        ),
        "both addresses refused": lambda lib: caused(
            lib.ConnectError(""),
            ExceptionGroup("", [ConnectionRefusedError(), ConnectionRefusedError()]),
        ),
        "REFUSED_STREAM": lambda lib: protocol_error(lib, reset_stream(7)),
        "GOAWAY that covers no stream": lambda lib: protocol_error(lib, goaway(0)),
        "CONNECT refused by 429": lambda lib: lib.ProxyError("429 Too Many Requests"),
        "CONNECT refused by 502": lambda lib: lib.ProxyError("502 Bad Gateway"),
        "CONNECT refused by 503": lambda lib: lib.ProxyError("503 "),
        "CONNECT refused by 504": lambda lib: lib.ProxyError("504 Gateway Timeout"),
        "CONNECT refused, by its cause": lambda lib: caused(
            lib.ProxyError("no tunnel"), with_status(503)
        ),
        "SOCKS failure": lambda lib: lib.ProxyError(
            "Proxy Server could not connect: General SOCKS server failure."
        ),
        "SOCKS did not reach the host": lambda lib: lib.ProxyError(
            "Proxy Server could not connect: Host unreachable."
        ),
        "425": lambda lib: 425,
        "429": lambda lib: 429,
        "449 of Cosmos DB": lambda lib: 449,
        "529 of Anthropic and Notion": lambda lib: 529,
        "403 with Retry-After": lambda lib: asked(403),
        "413 with Retry-After": lambda lib: asked(413),
    }

    @pytest.mark.parametrize("row", ROWS)
    @pytest.mark.parametrize("method", [*IDEMPOTENT, *OTHER])
    def test_is_retried_whatever_the_method(
        self, row: str, method: str, library: Any
    ) -> None:
        assert is_retried(self.ROWS[row](library), method, library=library)


@libraries
class TestMaybeProcessed:
    """Failures after which the server may have processed the request."""

    ROWS = (
        {
            name: (lambda name: lambda lib: getattr(lib, name)(""))(name)
            for name in [
                "ReadTimeout",
                "ReadError",
                "WriteTimeout",
                "WriteError",
                "CloseError",
                "RemoteProtocolError",
            ]
        }
        | {
            "another HTTP/2 reset": lambda lib: protocol_error(lib, reset_stream(2)),
            "a reset of our own": lambda lib: protocol_error(
                lib, reset_stream(7, by_server=False)
            ),
            "GOAWAY that may cover the stream": lambda lib: protocol_error(
                lib, goaway(1)
            ),
            "lost after sending, by its cause": lambda lib: caused(
                lib.ConnectTimeout(""), foreign("ServerDisconnectedError")
            ),
            "lost after sending, by its context": lambda lib: with_context(
                lib.ConnectError(""), foreign("ClientConnectionError")
            ),
        }
        | {
            str(code): (lambda code: lambda lib: code)(code)
            for code in [408, 500, 502, 503, 504, 507, 520, 530, 599]
        }
    )

    @pytest.mark.parametrize("row", ROWS)
    @pytest.mark.parametrize("method", IDEMPOTENT)
    def test_is_retried_if_idempotent(
        self, row: str, method: str, library: Any
    ) -> None:
        assert is_retried(self.ROWS[row](library), method, library=library)

    @pytest.mark.parametrize("row", ROWS)
    @pytest.mark.parametrize("method", OTHER)
    def test_is_not_retried_if_not_idempotent(
        self, row: str, method: str, library: Any
    ) -> None:
        assert not is_retried(self.ROWS[row](library), method, library=library)

    @pytest.mark.parametrize("row", ROWS)
    def test_is_retried_with_an_idempotency_key(self, row: str, library: Any) -> None:
        outcome = self.ROWS[row](library)
        assert is_retried(outcome, "POST", library=library, idempotency_key='"1"')

    @pytest.mark.parametrize("row", ROWS)
    def test_is_retried_if_the_strategy_names_the_method(
        self, row: str, library: Any
    ) -> None:
        state = state_after(self.ROWS[row](library), "POST", library)
        assert retry_if_transient("post")(state)


def foreign(name: str) -> Exception:
    """An exception of another HTTP library."""
    return type(name, (Exception,), {"__module__": "aiohttp.client_exceptions"})()


def with_status(status: int) -> Exception:
    """The exception by which another library reports what a proxy has answered."""
    error: Any = foreign("ClientHttpProxyError")
    error.status = status
    return error


def with_context(error: Exception, context: Exception) -> Exception:
    error.__context__ = context
    return error


@libraries
class TestFinal:
    """Outcomes that another attempt would not change."""

    ROWS = {
        "PoolTimeout": lambda lib: lib.PoolTimeout(""),
        "bare TimeoutException": lambda lib: lib.TimeoutException(""),
        "LocalProtocolError": lambda lib: lib.LocalProtocolError(""),
        "UnsupportedProtocol": lambda lib: lib.UnsupportedProtocol(""),
        "a certificate": lambda lib: caused(
            lib.ConnectError(""), OSError(), ssl.SSLCertVerificationError()
        ),
        "a certificate, in a group": lambda lib: caused(
            lib.ConnectError(""), ExceptionGroup("", [ssl.SSLCertVerificationError()])
        ),
        "proxy 407": lambda lib: lib.ProxyError("407 Proxy Authentication Required"),
        "proxy 403": lambda lib: lib.ProxyError("403 Forbidden"),
        "proxy 501": lambda lib: lib.ProxyError("501 Not Implemented"),
        "SOCKS rule": lambda lib: lib.ProxyError(
            "Proxy Server could not connect: Connection not allowed by ruleset."
        ),
        "SOCKS password": lambda lib: lib.ProxyError("Invalid username/password"),
        "decoding": lambda lib: lib.DecodingError(""),
        "an OSError": lambda lib: OSError(),
        "the other library's": lambda lib: (
            httpx2 if lib is httpx else httpx
        ).ReadError(""),
    } | {
        str(code): (lambda code: lambda lib: code)(code)
        for code in [
            200,
            204,
            301,
            304,
            400,
            401,
            403,
            404,
            407,
            409,
            413,
            421,
            422,
            501,
            505,
            511,
        ]
    }

    @pytest.mark.parametrize("row", ROWS)
    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_is_not_retried(self, row: str, method: str, library: Any) -> None:
        assert not is_retried(self.ROWS[row](library), method, library=library)


def test_another_librarys_connect_error_proves_that_nothing_was_sent() -> None:
    error = caused(httpx.ConnectError(""), foreign("ClientConnectorError"))
    assert is_retried(error, "POST")


def test_the_exception_that_the_caller_was_handling_is_not_a_cause() -> None:
    error = caused(httpx.ConnectError(""), OSError())
    with_context(error.__cause__, ssl.SSLCertVerificationError())
    assert is_retried(error, "POST")


def test_a_cause_that_from_none_hides_counts() -> None:
    error = caused(httpx.ConnectError(""), httpx.ConnectError(""))
    with_context(error.__cause__, ssl.SSLCertVerificationError())
    error.__cause__.__suppress_context__ = True
    assert not is_retried(error)


def test_a_circle_of_causes_is_walked_once() -> None:
    error, other = httpx.ConnectError(""), OSError()
    caused(error, other, error)
    assert is_retried(error, "POST")


class TestShouldRetryHeader:
    def is_retried(self, value: str, status: int = 503, method: str = "POST") -> bool:
        return is_retried(
            httpx.Response(status, headers={"X-Should-Retry": value}), method
        )

    def test_true_allows_any_method(self) -> None:
        assert self.is_retried("true")

    def test_true_allows_any_failure(self) -> None:
        assert self.is_retried("TRUE", 409)

    def test_true_does_not_turn_success_into_failure(self) -> None:
        assert not self.is_retried("true", 200)

    def test_false_forbids_a_retry(self) -> None:
        assert not self.is_retried("false", 429, "GET")

    def test_any_other_value_is_ignored(self) -> None:
        assert not self.is_retried("maybe", 503, "POST")
        assert self.is_retried("maybe", 503, "GET")


@given(st.integers(100, 999))
def test_every_status_is_classified_as_in_the_table(status: int) -> None:
    expected = Retryability.NEVER
    if status in (425, 429, 449, 529):
        expected = Retryability.ALWAYS
    elif status == 408 or (500 <= status < 600 and status not in (501, 505, 511, 526)):
        expected = Retryability.IF_IDEMPOTENT
    assert classify_status(status) is expected


class TestWaitTransient:
    wait = wait_transient(bridge=0)

    @pytest.mark.parametrize(
        ("attempt", "most"), [(1, 0.1), (2, 0.2), (3, 0.4), (7, 5), (10**6, 5)]
    )
    def test_the_backoff_after_a_failure_is_short(
        self, attempt: int, most: float
    ) -> None:
        waits = [self.wait(state_after(503, attempt=attempt)) for _ in range(50)]
        assert 0 <= min(waits) < most / 2 < max(waits) <= most

    @pytest.mark.parametrize(
        ("attempt", "most"), [(1, 1), (2, 2), (3, 4), (6, 20), (10**6, 20)]
    )
    def test_the_backoff_when_throttled_is_longer(
        self, attempt: int, most: float
    ) -> None:
        waits = [self.wait(state_after(429, attempt=attempt)) for _ in range(50)]
        assert 0 <= min(waits) < most / 2 < max(waits) <= most

    def test_a_timeout_counts_as_a_failure(self) -> None:
        assert self.wait(state_after(httpx.ReadTimeout(""))) <= 0.1

    def test_503_with_retry_after_counts_as_throttled(self) -> None:
        response = httpx.Response(503, headers={"Retry-After": "0.001"})
        waits = [self.wait(state_after(response, attempt=5)) for _ in range(50)]
        assert max(waits) > 5

    def test_the_longer_of_retry_after_and_the_backoff_counts(self) -> None:
        response = httpx.Response(503, headers={"Retry-After": "30"})
        waits = [self.wait(state_after(response, attempt=6)) for _ in range(50)]
        assert 30 <= min(waits) <= max(waits) <= 33

    def test_both_backoffs_can_be_replaced(self) -> None:
        wait = wait_transient(
            failure=lambda state: 1.5, throttled=tenacity.wait_fixed(2.5)
        )
        assert wait(state_after(500)) == 1.5
        assert wait(state_after(429)) == 2.5

    def test_throttled_none_means_the_backoff_after_a_failure(self) -> None:
        wait = wait_transient(failure=tenacity.wait_fixed(1.5), throttled=None)
        assert wait(state_after(429)) == wait(state_after(500)) == 1.5


class TestBridge:
    """The last attempt comes late enough for a restart of the server."""

    def starts(self, *script: Scripted, took: float = 0, **options: Any) -> list[float]:
        """Return when each attempt of a call begins, in seconds after the first."""
        io = FakeIO(*script, takes=took)
        patience = options.pop("patience", None)
        transport: Any = RetryingTransport(**options)
        request = httpx.Request("GET", "http://a")
        context = transport._enter(request, io)
        if patience is not None:
            until = io.time + patience
            context.deadline = set_deadline(until, patience, io.time, None)
        try:
            response = run_sync(transport._handle(request, io, context))
            return [attempt.at for attempt in attempts_of(response)]
        except httpx.TransportError as error:
            return [attempt.at for attempt in attempts_of(error)]

    @pytest.mark.parametrize("failure", [503, httpx.ConnectError("refused")], ids=repr)
    def test_the_waits_before_the_last_attempt_add_up_to_two_seconds(
        self, failure: Scripted
    ) -> None:
        for _ in range(20):
            _, second, third = self.starts(failure, failure, 200)
            assert second <= 0.1
            assert 2 <= third <= 2.5

    def test_attempts_before_the_last_are_not_delayed(self) -> None:
        stop = tenacity.stop_after_attempt(4)
        _, second, third, fourth = self.starts(503, 503, 503, 200, stop=stop)
        assert third - second <= 0.2
        assert 2 <= fourth <= 2.5

    def test_what_attempts_take_does_not_count(self) -> None:
        _, _, third = self.starts(httpx.ReadError(""), 503, 200, took=1.5)
        assert third >= 2 * 1.5 + 2

    def test_after_a_timeout_there_is_no_further_wait(self) -> None:
        timeout = httpx.ReadTimeout("")
        _, second, third = self.starts(timeout, timeout, 200, took=5)
        assert third - second <= 5 + 0.2

    def test_a_deadline_before_it_lets_the_last_attempt_come_early(self) -> None:
        _, _, third = self.starts(503, 503, 200, patience=1)
        assert third <= 0.3

    def test_a_server_that_has_answered_a_retry_since_does_not_restart(self) -> None:
        budget = RetryBudget()
        account = budget.account(httpx.URL("http://a"))
        waits = []
        for helped in (0.0, 0.001):  # the first failure is at 0 s
            account.helped = helped
            waits.append(self.starts(503, 503, 200, budget=budget)[-1])
        assert waits[0] >= 2
        assert waits[1] <= 0.3

    def test_without_a_budget_nothing_is_known_of_others(self) -> None:
        assert self.starts(503, 503, 200, budget=False)[-1] >= 2

    def test_throttling_has_waits_of_its_own(self) -> None:
        wait = wait_transient(throttled=tenacity.wait_fixed(0.1))
        assert self.starts(429, 429, 200, wait=wait)[-1] < 1

    def test_a_stop_strategy_without_a_number_has_no_last_attempt(self) -> None:
        stop = tenacity.stop_after_delay(60)
        assert self.starts(503, 503, 200, stop=stop)[-1] <= 0.3

    def test_zero_is_none(self) -> None:
        assert self.starts(503, 503, 200, wait=wait_transient(bridge=0))[-1] <= 0.3

    @pytest.mark.parametrize("bridge", [-1, float("nan"), 3601])
    def test_a_number_out_of_range_is_refused(self, bridge: float) -> None:
        with pytest.raises(ValueError, match="bridge is a number of seconds"):
            wait_transient(bridge=bridge)


class TestWaitRetryAfter:
    def wait(self, seconds: float, **options: float) -> float:
        response = httpx.Response(503, headers={"Retry-After": str(seconds)})
        return wait_retry_after(**options)(state_after(response))

    @given(st.floats(0.001, 60))
    def test_the_wait_is_never_shorter_than_retry_after_and_a_little_longer(
        self, seconds: float
    ) -> None:
        seconds = round(seconds, 3)
        assert seconds <= self.wait(seconds) <= seconds + min(seconds / 10, 5)

    @pytest.mark.parametrize(("seconds", "most"), [(10, 1), (60, 5)])
    def test_clients_do_not_return_together(self, seconds: int, most: int) -> None:
        """Up to a tenth is added at random, five seconds at most."""
        later = [self.wait(seconds) - seconds for _ in range(50)]
        assert 0 <= min(later) < most / 2 < max(later) <= most

    def test_a_retry_after_above_the_maximum_ends_the_request(self) -> None:
        assert self.wait(60.1) == float("inf")
        assert self.wait(60.1, max_retry_after=120) < 70

    def test_without_retry_after_there_is_no_wait(self) -> None:
        assert wait_retry_after()(state_after(503)) == 0
        assert wait_retry_after()(state_after(httpx.ReadError(""))) == 0

    def test_the_wait_can_be_added_to_one_of_tenacitys(self) -> None:
        response = httpx.Response(503, headers={"Retry-After": "2"})
        both = wait_retry_after() + tenacity.wait_fixed(3)
        assert 5 <= both(state_after(response)) <= 5.2


class TestHostileServer:
    """The longest time that a server can cost one call, with the defaults."""

    def seconds(self, retry_after: str) -> float:
        io = FakeIO(*[httpx.Response(503, headers={"Retry-After": retry_after})] * 3)
        run_flow(RetryingTransport(), httpx.Request("GET", "http://a"), io)
        return io.time

    def test_an_absurd_retry_after_costs_no_time(self) -> None:
        assert self.seconds("900000000") == 0

    def test_two_waits_of_a_minute_are_the_longest(self) -> None:
        assert 120 <= self.seconds("60") <= 130


class TestCombination:
    def test_strategies_combine_with_tenacitys_by_or_and_and(self) -> None:
        retry = retry_if_status(
            418
        ) & retry_if_idempotent() | tenacity.retry_if_exception_type(ZeroDivisionError)
        assert retry(state_after(418, "PUT"))
        assert not retry(state_after(418, "POST"))
        assert retry(state_after(ZeroDivisionError(), "POST"))

    def test_an_exception_has_no_status_to_retry(self) -> None:
        assert not retry_if_status(503)(state_after(httpx.ReadError("")))


RETRIES = st.recursive(
    st.sampled_from(
        [
            retry_if_transient(),
            retry_if_status(202, 503),
            retry_if_idempotent(),
            tenacity.retry_if_exception_type(),
            tenacity.retry_never,
            tenacity.retry_if_result(lambda response: response.status_code % 2 == 0),
        ]
    ),
    lambda parts: st.builds(
        lambda kind, members: kind(*members),
        st.sampled_from([tenacity.retry_any, tenacity.retry_all]),
        st.lists(parts, max_size=3),
    ),
)


@given(RETRIES, st.integers(100, 599))
def test_the_fast_path_skips_no_response_that_a_strategy_would_retry(
    retry: Any, status: int
) -> None:
    if status < lowest_retryable_status(retry):
        assert not retry(state_after(status))


def test_a_subclass_of_a_known_strategy_has_no_fast_path() -> None:
    class Stubborn(tenacity.retry_any):
        def __call__(self, retry_state: Any) -> bool:
            return True

    assert lowest_retryable_status(Stubborn(retry_if_transient())) == 0


def test_an_empty_idempotency_key_does_not_make_a_request_idempotent() -> None:
    assert not is_retried(503, "POST", idempotency_key=" ")


def test_the_fast_path_of_the_default_strategy_ends_at_400() -> None:
    assert lowest_retryable_status(retry_if_transient()) == 400
    assert (
        lowest_retryable_status(
            retry_if_transient() | tenacity.retry_if_exception_type(OSError)
        )
        == 400
    )
    assert lowest_retryable_status(lambda state: True) == 0
    assert (
        lowest_retryable_status(tenacity.asyncio.retry_any(retry_if_transient())) == 400
    )
