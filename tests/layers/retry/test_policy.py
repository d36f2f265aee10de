"""The default policy, row by row, and what may be asked of it."""

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
from support.fake_io import FakeIO

import httpx_resilient
import httpx_resilient.httpx2
from httpx_resilient import (
    RetryingTransport,
    retry_if_idempotent,
    retry_if_status,
    retry_if_transient,
    wait_retry_after,
    wait_transient,
)
from httpx_resilient._core.classify import Retryability, classify_status
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
    policy = ours.RetryingTransport().policy
    state = RetryState(request, None, policy, ours._FAMILY, 0.0, lambda: 1.7e9)
    state.attempt_number = attempt
    if isinstance(outcome, Exception):
        state.raised(outcome, 0.0)
    else:
        response = httpx.Response(outcome) if isinstance(outcome, int) else outcome
        state.returned(response, 0.0)
    return state


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


def goaway(last_stream_id: int) -> ConnectionTerminated:
    event = object.__new__(ConnectionTerminated)
    event.last_stream_id = last_stream_id
    return event


libraries = pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])


@libraries
class TestUnprocessed:
    """Whatever the method."""

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
        "425": lambda lib: 425,
        "429": lambda lib: 429,
    }

    @pytest.mark.parametrize("row", ROWS)
    @pytest.mark.parametrize("method", [*IDEMPOTENT, *OTHER])
    def test_is_retried(self, row: str, method: str, library: Any) -> None:
        assert is_retried(self.ROWS[row](library), method, library=library)


@libraries
class TestMaybeProcessed:
    """Only what may be repeated."""

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
            for code in [408, 500, 502, 503, 504, 507, 520, 529, 599]
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
    def test_is_not_retried_otherwise(
        self, row: str, method: str, library: Any
    ) -> None:
        assert not is_retried(self.ROWS[row](library), method, library=library)

    @pytest.mark.parametrize("row", ROWS)
    def test_is_retried_with_an_idempotency_key(self, row: str, library: Any) -> None:
        outcome = self.ROWS[row](library)
        assert is_retried(outcome, "POST", library=library, idempotency_key='"1"')

    @pytest.mark.parametrize("row", ROWS)
    def test_is_retried_if_the_method_was_named(self, row: str, library: Any) -> None:
        state = state_after(self.ROWS[row](library), "POST", library)
        assert retry_if_transient("post")(state)


def foreign(name: str) -> Exception:
    """An exception of another HTTP library."""
    return type(name, (Exception,), {"__module__": "aiohttp.client_exceptions"})()


def with_context(error: Exception, context: Exception) -> Exception:
    error.__context__ = context
    return error


@libraries
class TestFinal:
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
        "decoding": lambda lib: lib.DecodingError(""),
        "somebody else's": lambda lib: OSError(),
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


def test_what_the_caller_was_handling_is_no_cause() -> None:
    error = caused(httpx.ConnectError(""), OSError())
    with_context(error.__cause__, ssl.SSLCertVerificationError())
    assert is_retried(error, "POST")


def test_a_cause_hidden_by_from_none_counts() -> None:
    error = caused(httpx.ConnectError(""), httpx.ConnectError(""))
    with_context(error.__cause__, ssl.SSLCertVerificationError())
    error.__cause__.__suppress_context__ = True
    assert not is_retried(error)


def test_causes_that_form_a_circle_end() -> None:
    error, other = httpx.ConnectError(""), OSError()
    caused(error, other, error)
    assert is_retried(error, "POST")


class TestTheServersWord:
    def say(self, word: str, status: int = 503, method: str = "POST") -> bool:
        return is_retried(
            httpx.Response(status, headers={"X-Should-Retry": word}), method
        )

    def test_true_allows_any_method(self) -> None:
        assert self.say("true")

    def test_true_allows_any_failure(self) -> None:
        assert self.say("TRUE", 409)

    def test_true_does_not_turn_success_into_failure(self) -> None:
        assert not self.say("true", 200)

    def test_false_stops(self) -> None:
        assert not self.say("false", 429, "GET")

    def test_anything_else_is_not_said(self) -> None:
        assert not self.say("maybe", 503, "POST")
        assert self.say("maybe", 503, "GET")


@given(st.integers(100, 999))
def test_evidence_follows_from_the_table(status: int) -> None:
    expected = Retryability.NEVER
    if status in (425, 429):
        expected = Retryability.ALWAYS
    elif status == 408 or (500 <= status < 600 and status not in (501, 505, 511)):
        expected = Retryability.IF_IDEMPOTENT
    assert classify_status(status) is expected


class TestWaitTransient:
    wait = wait_transient()

    @pytest.mark.parametrize(
        ("attempt", "most"), [(1, 0.1), (2, 0.2), (3, 0.4), (7, 5), (10**6, 5)]
    )
    def test_failures_back_off_briefly(self, attempt: int, most: float) -> None:
        waits = [self.wait(state_after(503, attempt=attempt)) for _ in range(50)]
        assert 0 <= min(waits) < most / 2 < max(waits) <= most

    @pytest.mark.parametrize(
        ("attempt", "most"), [(1, 1), (2, 2), (3, 4), (6, 20), (10**6, 20)]
    )
    def test_throttling_backs_off_longer(self, attempt: int, most: float) -> None:
        waits = [self.wait(state_after(429, attempt=attempt)) for _ in range(50)]
        assert 0 <= min(waits) < most / 2 < max(waits) <= most

    def test_a_timeout_is_a_failure(self) -> None:
        assert self.wait(state_after(httpx.ReadTimeout(""))) <= 0.1

    def test_503_with_retry_after_is_throttling(self) -> None:
        response = httpx.Response(503, headers={"Retry-After": "0.001"})
        waits = [self.wait(state_after(response, attempt=5)) for _ in range(50)]
        assert max(waits) > 5

    def test_the_longer_of_told_and_own_counts(self) -> None:
        response = httpx.Response(503, headers={"Retry-After": "30"})
        waits = [self.wait(state_after(response, attempt=6)) for _ in range(50)]
        assert 30 <= min(waits) <= max(waits) <= 33

    def test_both_backoffs_can_be_replaced(self) -> None:
        wait = wait_transient(
            failure=lambda state: 1.5, throttled=tenacity.wait_fixed(2.5)
        )
        assert wait(state_after(500)) == 1.5
        assert wait(state_after(429)) == 2.5

    def test_throttled_none_means_as_after_a_failure(self) -> None:
        wait = wait_transient(failure=tenacity.wait_fixed(1.5), throttled=None)
        assert wait(state_after(429)) == wait(state_after(500)) == 1.5


class TestWaitRetryAfter:
    def told(self, seconds: float, **options: float) -> float:
        response = httpx.Response(503, headers={"Retry-After": str(seconds)})
        return wait_retry_after(**options)(state_after(response))

    @given(st.floats(0.001, 60))
    def test_is_never_earlier_and_a_little_later(self, seconds: float) -> None:
        seconds = round(seconds, 3)
        assert seconds <= self.told(seconds) <= seconds + min(seconds / 10, 5)

    @pytest.mark.parametrize(("seconds", "most"), [(10, 1), (60, 5)])
    def test_clients_do_not_come_back_together(self, seconds: int, most: int) -> None:
        """A tenth more at random, five seconds at most."""
        later = [self.told(seconds) - seconds for _ in range(50)]
        assert 0 <= min(later) < most / 2 < max(later) <= most

    def test_above_the_maximum_there_is_no_next_attempt(self) -> None:
        assert self.told(60.1) == float("inf")
        assert self.told(60.1, max_retry_after=120) < 70

    def test_nothing_said_is_no_wait(self) -> None:
        assert wait_retry_after()(state_after(503)) == 0
        assert wait_retry_after()(state_after(httpx.ReadError(""))) == 0

    def test_is_added_to_a_wait_of_tenacitys(self) -> None:
        response = httpx.Response(503, headers={"Retry-After": "2"})
        both = wait_retry_after() + tenacity.wait_fixed(3)
        assert 5 <= both(state_after(response)) <= 5.2


class TestWorstCase:
    """All a hostile server can cost one call, with the defaults."""

    def spend(self, retry_after: str) -> float:
        io = FakeIO(*[httpx.Response(503, headers={"Retry-After": retry_after})] * 3)
        run_sync(RetryingTransport()._handle(httpx.Request("GET", "http://a"), io))
        return io.time

    def test_an_absurd_retry_after_costs_nothing(self) -> None:
        assert self.spend("1000000000") == 0

    def test_the_longest_that_is_obeyed(self) -> None:
        assert 120 <= self.spend("60") <= 130


class TestCombination:
    def test_with_tenacitys_own_by_or_and_and(self) -> None:
        retry = retry_if_status(
            418
        ) & retry_if_idempotent() | tenacity.retry_if_exception_type(ZeroDivisionError)
        assert retry(state_after(418, "PUT"))
        assert not retry(state_after(418, "POST"))
        assert retry(state_after(ZeroDivisionError(), "POST"))

    def test_status_of_an_exception_is_none(self) -> None:
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
def test_the_fast_path_skips_nothing_that_would_be_retried(
    retry: Any, status: int
) -> None:
    if status < lowest_retryable_status(retry):
        assert not retry(state_after(status))


def test_of_a_subclass_the_fast_path_assumes_nothing() -> None:
    class Stubborn(tenacity.retry_any):
        def __call__(self, retry_state: Any) -> bool:
            return True

    assert lowest_retryable_status(Stubborn(retry_if_transient())) == 0


def test_an_empty_idempotency_key_identifies_nothing() -> None:
    assert not is_retried(503, "POST", idempotency_key=" ")


def test_the_fast_path_is_taken_by_the_defaults() -> None:
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
