"""The exceptions of the family, in place of those that leak through it."""

from __future__ import annotations

import ssl
from typing import Any

import anyio
import httpx
import httpx2
import pytest
from h2.connection import H2Connection
from h2.exceptions import ProtocolError

import httpx_resilient
import httpx_resilient.httpx2
from httpx_resilient._core.classify import ALWAYS, IF_IDEMPOTENT, NEVER, classify_error
from httpx_resilient._core.family_errors import as_family_error

ALERT = "[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert certificate required"


class Named:
    """What is raised in place of an exception, and how it is classified."""

    def __init__(self, library: Any, error: Exception, *, fresh: bool = True) -> None:
        ours = httpx_resilient if library is httpx else httpx_resilient.httpx2
        self.first = error
        self.error = as_family_error(error, ours._FAMILY, fresh=fresh)
        if self.error is not error:
            self.error.__cause__ = error
        self.verdict = classify_error(self.error, ours._FAMILY)

    @property
    def is_the_same(self) -> bool:
        return self.error is self.first


@pytest.fixture(params=[httpx, httpx2], ids=["httpx", "httpx2"])
def library(request: pytest.FixtureRequest) -> Any:
    return request.param


def alert() -> ssl.SSLError:
    error = ssl.SSLError(1, ALERT)
    error.reason = "TLSV13_ALERT_CERTIFICATE_REQUIRED"
    return error


def raised_in(module: str, code: str, **names: Any) -> Exception:
    """Run code as a function of a module of this name."""
    scope: dict[str, Any] = {"__name__": module, **names}
    exec(f"def run():\n    {code}", scope)
    try:
        scope["run"]()
    except Exception as error:
        error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next
        return error
    raise AssertionError


def test_a_bare_exception_of_tls_becomes_one_of_the_family(library: Any) -> None:
    named = Named(library, alert())
    assert type(named.error) is library.ReadError
    assert str(named.error) == ALERT
    assert named.verdict is NEVER


@pytest.mark.parametrize("name", ["ReadError", "ConnectError"])
def test_an_exception_without_a_text_gets_that_of_its_cause(
    library: Any, name: str
) -> None:
    error = getattr(library, name)("")
    error.__cause__ = OSError()
    error.__cause__.__cause__ = alert()
    named = Named(library, error)
    assert named.is_the_same
    assert str(error) == ALERT


def test_a_text_is_kept(library: Any) -> None:
    error = library.ReadError("own")
    error.__cause__ = alert()
    assert Named(library, error).is_the_same
    assert str(error) == "own"


def test_without_a_cause_there_is_no_text(library: Any) -> None:
    error = library.ReadError("")
    assert Named(library, error).is_the_same
    assert not str(error)


@pytest.mark.parametrize("fresh", [True, False])
def test_the_first_answer_of_a_connection_that_is_no_http_is_final(
    library: Any, fresh: bool
) -> None:
    """Later, such bytes may belong to the answer before."""
    error = library.RemoteProtocolError("illegal request line")
    named = Named(library, error, fresh=fresh)
    assert named.is_the_same
    assert named.verdict is (NEVER if fresh else IF_IDEMPOTENT)
    assert ("https://" in str(error)) is fresh


@pytest.mark.parametrize("module", ["httpcore._async.http2", "httpcore2._sync.http2"])
@pytest.mark.parametrize("code", ["{}[3]", "raise ValueError('semaphore')"])
def test_a_mistake_of_httpcores_http2_becomes_a_broken_connection(
    library: Any, module: str, code: str
) -> None:
    named = Named(library, raised_in(module, code))
    assert type(named.error) is library.RemoteProtocolError
    assert type(named.first).__name__ in str(named.error)
    assert str(named.first).replace("'", "") in str(named.error)
    assert named.verdict is IF_IDEMPOTENT


@pytest.mark.parametrize("error", [anyio.EndOfStream(), anyio.BrokenResourceError()])
def test_an_exception_of_anyio_becomes_a_broken_connection(
    library: Any, error: Exception
) -> None:
    named = Named(library, error)
    assert type(named.error) is library.ReadError
    assert type(error).__name__ in str(named.error)
    assert named.verdict is IF_IDEMPOTENT


def test_an_exception_of_h2_becomes_a_broken_connection(library: Any) -> None:
    connection = H2Connection()
    connection.close_connection()
    code = "connection.initiate_connection()"
    error = raised_in("httpcore._async.http2", code, connection=connection)
    assert type(error) is ProtocolError
    named = Named(library, error)
    assert type(named.error) is library.RemoteProtocolError
    assert named.verdict is ALWAYS


@pytest.mark.parametrize("module", ["example", "httpcore._async.http11"])
def test_an_exception_of_another_module_is_kept(library: Any, module: str) -> None:
    assert Named(library, raised_in(module, "{}[3]")).is_the_same


def test_an_exception_of_a_body_passes_through_http2(library: Any) -> None:
    def body() -> None:
        raise KeyError(3)

    error = raised_in("httpcore._async.http2", "body()", body=body)
    assert Named(library, error).is_the_same
