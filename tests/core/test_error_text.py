"""The text of an exception, without what it quotes."""

from __future__ import annotations

import h11
import httpx
import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from httpx_resilient import DeadlineExceeded
from httpx_resilient._core.error_text import describe_error, error_text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("illegal header line: bytearray(b'Set-Cookie\\x00: hunter2')",
         "illegal header line: …"),
        ("Illegal header value b'Bearer \\'\"hunter2\\n'", "Illegal header value …"),
        ("Invalid URL in location header: Invalid port: 'hunter2'.",
         "Invalid URL in location header: Invalid port: …."),
        ("Invalid port: \"it's hunter2", "Invalid port: …"),
        ("'hunter2' is not 'hunter2', see b\"hunter2\"", "… is not …"[:1] + ", see …"),
        ("<ConnectionTerminated error_code:0, additional_data:b'hunter2'>",
         "<ConnectionTerminated error_code:0, additional_data:…>"),
        ("POST https://me:hunter2@a.test/bot1:hunter2/x?k=hunter2#hunter2 failed",
         "POST https://a.test/…/x failed"),
        ("no proxy http://me:hunter2/x@a.test:1", "no proxy http://a.test:1"),
        ("Incorrect API key provided: sk-hunter2abcdefghijkl.",
         "Incorrect API key provided: …"),
    ],
)  # fmt: skip
def test_what_an_exception_quotes_is_hidden(text: str, shown: str) -> None:
    assert error_text(ValueError(text)) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Can't send data when our state is ERROR",
        "All connection attempts failed",
        "Server disconnected without sending a response.",
        (
            "peer closed connection without sending complete message body "
            "(received 4 bytes, expected 100)"
        ),
        (
            "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: certificate is not "
            "valid for 'example.org'. (_ssl.c:1000)"
        ),
        "[Errno 2] No such file or directory: 'none.pem'",
        "503 Service Unavailable",
    ],
)
def test_what_explains_a_failure_is_shown(text: str) -> None:
    assert error_text(OSError(text)) == text


def test_a_refusal_of_the_library_quotes_nothing_and_is_shown_as_it_is() -> None:
    text = "give extensions={'deadline': 5} at https://a.test"
    assert error_text(DeadlineExceeded(text)) == text


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_no_part_of_a_url_that_cannot_be_parsed_is_shown(library: httpx) -> None:
    for url in (
        "http://me:hunter2#@a.test",
        "http://hunter2\x01",
        "http://me:hunter2[",
    ):
        with pytest.raises(library.InvalidURL) as caught:
            library.URL(url)
        assert "hunter2" not in error_text(caught.value)


@given(line=st.binary())
def test_no_line_of_a_malformed_answer_is_shown(line: bytes) -> None:
    connection = h11.Connection(h11.CLIENT)
    headers = [("host", "a.test")]
    connection.send(h11.Request(method="GET", target="/", headers=headers))
    connection.receive_data(b"HTTP/1.1 200 OK\r\n\x00hunter2" + line + b"\r\n\r\n")
    with pytest.raises(h11.RemoteProtocolError) as caught:
        connection.next_event()
    assert "hunter2" not in error_text(caught.value)


def test_an_exception_is_described_by_its_name_and_its_text() -> None:
    assert describe_error(KeyError(5)) == "KeyError: 5"
    assert describe_error(KeyError()) == "KeyError"
