"""What the events and exceptions of h2 prove about a request."""

from __future__ import annotations

from typing import Any

import httpx
import httpx2
import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import ConnectionTerminated, RemoteSettingsChanged, StreamReset
from h2.exceptions import H2Error, NoAvailableStreamIDError, ProtocolError
from h2.settings import SettingCodes
from hyperframe.frame import DataFrame, Frame, GoAwayFrame, HeadersFrame, SettingsFrame

import httpx_resilient
import httpx_resilient.httpx2
from httpx_resilient._core.classify import (
    ALWAYS,
    IF_IDEMPOTENT,
    NEVER,
    classify_error,
    is_graceful,
    is_of_server,
    of_one_stream,
    was_not_sent,
)
from httpx_resilient._core.http2_errors import is_shared

FAMILIES = {
    "httpx": (httpx, httpx_resilient._FAMILY),
    "httpx2": (httpx2, httpx_resilient.httpx2._FAMILY),
}
HEADERS = [
    (":method", "GET"),
    (":scheme", "https"),
    (":authority", "example.org"),
    (":path", "/"),
]


@pytest.fixture(params=FAMILIES)
def family(request: pytest.FixtureRequest) -> str:
    return request.param


class Failure:
    """An exception of a family with an exception or event of h2 behind it."""

    def __init__(self, name: str, family: str, *behind: Any) -> None:
        library, self.family = FAMILIES[family]
        self.error = current = getattr(library, name)("")
        for each in behind:
            cause = each if isinstance(each, Exception) else httpcore_error(each)
            current.__cause__ = cause
            current = cause

    @property
    def verdict(self) -> tuple[Any, ...]:
        return (
            classify_error(self.error, self.family),
            was_not_sent(self.error, self.family),
            is_graceful(self.error),
            of_one_stream(self.error),
        )

    @property
    def is_of_server(self) -> bool:
        return is_of_server(self.error, self.family)


def httpcore_error(event: object) -> Exception:
    return type("RemoteProtocolError", (Exception,), {"__module__": "httpcore"})(event)


def connected() -> H2Connection:
    """A client's connection that has sent one request."""
    connection = H2Connection(H2Configuration(client_side=True))
    connection.initiate_connection()
    connection.receive_data(SettingsFrame(0).serialize())
    connection.send_headers(1, HEADERS)
    return connection


def goaway(last: int = 1, code: int = 0) -> Frame:
    frame = GoAwayFrame(0)
    frame.last_stream_id, frame.error_code = last, code
    return frame


def failing(connection: H2Connection, name: str, *arguments: Any) -> H2Error:
    with pytest.raises(H2Error) as caught:
        getattr(connection, name)(*arguments)
    return caught.value


def received(*frames: Frame) -> H2Error:
    packet = b"".join(frame.serialize() for frame in frames)
    return failing(connected(), "receive_data", packet)


def closed() -> H2Connection:
    connection = connected()
    connection.receive_data(goaway().serialize())
    return connection


def answer() -> Frame:
    frame = HeadersFrame(1, data=b"\x88")  # :status: 200
    frame.flags.add("END_HEADERS")
    return frame


def closing(last: int, code: int = 0) -> ConnectionTerminated:
    # By attributes: h2's constructors changed with its releases.
    event = object.__new__(ConnectionTerminated)
    event.last_stream_id, event.error_code = last, code
    return event


def reset(code: int, *, by_server: bool = True) -> StreamReset:
    event = object.__new__(StreamReset)
    event.error_code, event.remote_reset = code, by_server
    return event


class TestAConnectionThatAGoawayHasClosed:
    @pytest.mark.parametrize("frame", [answer(), DataFrame(1, b"x")], ids=type)
    def test_an_answer_in_the_packet_of_a_goaway_may_be_of_a_processed_request(
        self, family: str, frame: Frame
    ) -> None:
        failure = Failure("LocalProtocolError", family, received(goaway(), frame))
        assert failure.verdict == (IF_IDEMPOTENT, False, True, False)
        assert not failure.is_of_server

    def test_a_request_whose_headers_h2_refuses_was_not_sent(self, family: str) -> None:
        refused = failing(closed(), "send_headers", 3, HEADERS)
        failure = Failure("LocalProtocolError", family, refused)
        assert failure.verdict == (ALWAYS, True, True, False)
        assert not failure.is_of_server

    def test_a_connection_that_is_closed_before_its_first_frame_has_sent_nothing(
        self, family: str
    ) -> None:
        connection = H2Connection()
        connection.close_connection()
        refused = failing(connection, "initiate_connection")
        failure = Failure("RemoteProtocolError", family, refused)
        assert failure.verdict == (ALWAYS, True, True, False)

    @pytest.mark.parametrize("call", [("send_data", 1, b"x"), ("end_stream", 1)])
    def test_a_request_whose_body_h2_refuses_may_have_been_processed(
        self, family: str, call: tuple[Any, ...]
    ) -> None:
        failure = Failure("LocalProtocolError", family, failing(closed(), *call))
        assert failure.verdict == (IF_IDEMPOTENT, False, True, False)

    def test_headers_that_were_refused_prove_it_behind_the_goaway_too(
        self, family: str
    ) -> None:
        refused = failing(closed(), "send_headers", 3, HEADERS)
        failure = Failure("RemoteProtocolError", family, closing(9, 2), refused)
        assert failure.verdict == (ALWAYS, True, False, False)


class TestAStreamThatIsNotOpened:
    def test_more_streams_than_the_server_allows_are_not_sent(
        self, family: str
    ) -> None:
        connection = connected()
        none = SettingsFrame(0, settings={SettingCodes.MAX_CONCURRENT_STREAMS: 0})
        connection.receive_data(none.serialize())
        refused = failing(connection, "send_headers", 3, HEADERS)
        failure = Failure("LocalProtocolError", family, refused)
        assert failure.verdict == (ALWAYS, True, True, False)
        assert not failure.is_of_server

    def test_a_connection_without_stream_numbers_left_sends_nothing(
        self, family: str
    ) -> None:
        failure = Failure("LocalProtocolError", family, NoAvailableStreamIDError())
        assert failure.verdict == (ALWAYS, True, True, False)


class TestGoaway:
    @pytest.mark.parametrize("code", [0, 11])
    def test_zero_as_the_last_stream_covers_no_request(
        self, family: str, code: int
    ) -> None:
        failure = Failure("RemoteProtocolError", family, closing(0, code))
        assert failure.verdict == (ALWAYS, False, code == 0, False)

    def test_a_planned_one_is_graceful(self, family: str) -> None:
        failure = Failure("RemoteProtocolError", family, closing(5))
        assert failure.verdict == (IF_IDEMPOTENT, False, True, False)
        assert not failure.is_of_server

    @pytest.mark.parametrize("code", [ErrorCodes.INTERNAL_ERROR, 11, 999])
    def test_one_with_an_error_is_a_failure_of_the_server(
        self, family: str, code: int
    ) -> None:
        failure = Failure("RemoteProtocolError", family, closing(5, code))
        assert failure.verdict == (IF_IDEMPOTENT, False, False, False)
        assert failure.is_of_server

    def test_the_end_of_the_connection_outweighs_that_of_a_stream(
        self, family: str
    ) -> None:
        events = [httpcore_error(reset(2)), httpcore_error(closing(5))]
        failure = Failure("RemoteProtocolError", family, *events)
        assert failure.verdict == (IF_IDEMPOTENT, False, True, False)

    def test_http11_required_is_final(self, family: str) -> None:
        failure = Failure("RemoteProtocolError", family, closing(5, 13))
        assert failure.verdict[0] is NEVER


class TestGoawayAndTheNumberOfTheStream:
    """httpcore keeps the number in a local variable only."""

    CODE = "def receive(stream_id, event):\n    raise Error(event)"

    def raised(self, stream: object, module: str = "httpcore._async.http2") -> Any:
        names: dict[str, Any] = {"__name__": module, "Error": httpcore_error}
        exec(self.CODE, names)
        try:
            names["receive"](stream, closing(5))
        except Exception as error:
            return error

    @pytest.mark.parametrize(
        ("stream", "expected"), [(3, IF_IDEMPOTENT), (5, IF_IDEMPOTENT), (7, ALWAYS)]
    )
    def test_a_stream_above_the_last_one_was_not_processed(
        self, family: str, stream: int, expected: object
    ) -> None:
        failure = Failure("RemoteProtocolError", family, self.raised(stream))
        assert failure.verdict == (expected, False, True, False)

    @pytest.mark.parametrize("module", ["example.http2", "httpcore._async.http11"])
    def test_a_variable_of_another_module_is_not_read(
        self, family: str, module: str
    ) -> None:
        failure = Failure("RemoteProtocolError", family, self.raised(7, module))
        assert failure.verdict[0] is IF_IDEMPOTENT

    def test_a_stream_without_a_number_may_have_been_processed(
        self, family: str
    ) -> None:
        failure = Failure("RemoteProtocolError", family, self.raised(None))
        assert failure.verdict[0] is IF_IDEMPOTENT


class TestReset:
    def test_a_refused_stream_was_not_processed(self, family: str) -> None:
        failure = Failure("RemoteProtocolError", family, reset(7))
        assert failure.verdict == (ALWAYS, False, False, True)
        assert failure.is_of_server

    @pytest.mark.parametrize("code", [2, 8, 11])
    def test_another_one_leaves_the_connection_usable(
        self, family: str, code: int
    ) -> None:
        failure = Failure("RemoteProtocolError", family, reset(code))
        assert failure.verdict == (IF_IDEMPOTENT, False, False, True)
        assert failure.is_of_server

    def test_one_without_an_error_ends_the_connection(self, family: str) -> None:
        failure = Failure("RemoteProtocolError", family, reset(0))
        assert failure.verdict == (IF_IDEMPOTENT, False, True, False)

    @pytest.mark.parametrize("code", [0, 7, 13])
    def test_one_by_this_side_proves_nothing(self, family: str, code: int) -> None:
        failure = Failure("RemoteProtocolError", family, reset(code, by_server=False))
        assert failure.verdict == (IF_IDEMPOTENT, False, False, code != 0)

    def test_http11_required_is_final(self, family: str) -> None:
        failure = Failure("RemoteProtocolError", family, reset(13))
        assert failure.verdict == (NEVER, False, False, True)


class TestASharedConnection:
    def raised(self, module: str = "httpcore._async.http2") -> Exception:
        error = OSError("reset")
        scope: dict[str, Any] = {"__name__": module, "error": error}
        with pytest.raises(OSError, match="reset"):
            exec("raise error", scope)
        return error

    def test_its_end_is_one_event_for_all_its_requests(self, family: str) -> None:
        broken = self.raised()
        first, second = (Failure("ReadError", family, broken) for _ in range(2))
        assert [is_shared(each.error) for each in (first, second)] == [False, True]
        assert [is_shared(each.error) for each in (first, second)] == [False, True]

    def test_another_connection_ends_by_itself(self, family: str) -> None:
        for _ in range(2):
            failure = Failure("ReadError", family, self.raised())
            assert not is_shared(failure.error)

    def test_an_exception_of_http11_is_of_one_request(self, family: str) -> None:
        broken = self.raised("httpcore._async.http11")
        for _ in range(2):
            assert not is_shared(Failure("ReadError", family, broken).error)


class TestWithoutProof:
    @pytest.mark.parametrize(
        "behind",
        [
            ProtocolError("of the headers"),
            failing(connected(), "send_headers", 1, HEADERS),
            failing(connected(), "send_data", 3, b"x"),
        ],
        ids=["plain", "state of a stream", "unknown stream"],
    )
    def test_a_mistake_in_the_request_is_final(
        self, family: str, behind: Exception
    ) -> None:
        failure = Failure("LocalProtocolError", family, behind)
        assert failure.verdict == (NEVER, False, False, False)
        assert not failure.is_of_server

    def test_a_key_error_that_is_not_of_a_state_proves_nothing(
        self, family: str
    ) -> None:
        for missing in (KeyError("plain"), KeyError(), ValueError()):
            failure = Failure("LocalProtocolError", family, ProtocolError(""), missing)
            assert failure.verdict[0] is NEVER

    def test_another_event_than_the_end_proves_nothing(self, family: str) -> None:
        event = object.__new__(RemoteSettingsChanged)
        failure = Failure("RemoteProtocolError", family, event)
        assert failure.verdict == (IF_IDEMPOTENT, False, False, False)
        assert failure.is_of_server

    def test_the_failure_that_the_caller_was_handling_proves_nothing(
        self, family: str
    ) -> None:
        """`raise ... from None` in httpcore hides it, as it hides the true cause."""
        refused = failing(closed(), "send_headers", 3, HEADERS)
        handled = Failure("LocalProtocolError", family, refused)
        failure = Failure("RemoteProtocolError", family, closing(5))
        for each in (failure.error.__cause__, failure.error):
            each.__context__, each.__suppress_context__ = handled.error, True
        assert failure.verdict[0] is IF_IDEMPOTENT
        failure.error.__cause__ = None
        assert failure.verdict[0] is IF_IDEMPOTENT
