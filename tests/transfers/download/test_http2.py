"""A download over HTTP/2, whose streams break one by one."""

from __future__ import annotations

import ssl
from pathlib import Path

import h2.connection
import h2.errors
import httpx
import pytest
import trustme
from support.file_server import bytes_of
from support.h2_server import H2Server

from httpx_resilient import RetryingTransport, download

OLD = b"0123456789" * 10


def part(start: int, end: int, *, breaks: bool) -> object:
    """Answer by the bytes from one on, and break off or not."""

    def answer(connection: h2.connection.H2Connection, stream: int) -> bool:
        status, told = "200", {}
        if start:
            status, told = "206", {"content-range": f"bytes {start}-99/100"}
        headers = {"etag": '"a"', "content-length": str(100 - start), **told}
        connection.send_headers(stream, [(":status", status), *headers.items()])
        connection.send_data(stream, OLD[start:end], end_stream=not breaks)
        if breaks:
            connection.reset_stream(stream, h2.errors.ErrorCodes.INTERNAL_ERROR)
        return True

    return answer


@pytest.mark.parametrize("policy", [False, True])
def test_a_stream_that_is_reset_goes_on(
    authority: trustme.CA, tmp_path: Path, policy: bool
) -> None:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    script = [
        part(0, 40, breaks=True),
        part(40, 70, breaks=True),
        part(70, 100, breaks=False),
    ]
    with H2Server(*script, authority=authority) as server:
        make = RetryingTransport if policy else httpx.HTTPTransport
        transport = make(verify=context, http2=True)
        with httpx.Client(transport=transport) as client:
            result = download(client, server.url, tmp_path / "file", backoff=0)
    assert bytes_of(tmp_path / "file") == OLD
    assert [each.offset for each in result.breaks] == [40, 70]
    assert (result.bytes_read_twice, len(result.history)) == (0, 3)
