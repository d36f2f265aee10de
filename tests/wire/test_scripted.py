"""What real sockets reach only by luck: connections over scripted ones."""

from __future__ import annotations

import asyncio
import select
import socket
from typing import Any

import httpx
import pytest
import trio
from support.wires import Gone

import httpx_resilient
from httpx_resilient._wire.on_asyncio import AsyncioConnection
from httpx_resilient._wire.on_sockets import ThreadConnection
from httpx_resilient._wire.on_trio import TrioConnection
from httpx_resilient._wire.timer import Timer

FAMILY = httpx_resilient._FAMILY
GET = httpx.Request("GET", "http://example.org/")


class BrokenSocket:
    """A socket that cannot send, and that receives what a test says."""

    def __init__(self, *received: bytes) -> None:
        self.received = list(received)

    def settimeout(self, seconds: float | None) -> None:
        """It never blocks."""

    def sendall(self, _: bytes) -> None:
        raise BrokenPipeError

    send = sendall

    def fileno(self) -> int:
        return -1

    def recv_into(self, view: memoryview) -> int:
        data = self.received.pop(0)
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        raise OSError


def run(coroutine: Any) -> Any:
    with pytest.raises(StopIteration) as done:
        coroutine.send(None)
    return done.value.value


def test_an_answer_that_came_before_the_write_failed_is_read() -> None:
    sock: Any = BrokenSocket(b"HTTP/1.1 408 Late\r\nContent-Length: 0\r\n\r\n")
    connection = ThreadConnection(FAMILY, sock)
    run(connection.exchange(GET, {}))
    assert connection.reader.status == 408
    assert not connection.reader.is_reusable
    connection.close()
    connection.close()
    assert connection.is_closed


def test_an_answer_that_came_before_the_head_is_read_on_trio() -> None:
    sock: Any = BrokenSocket(b"HTTP/1.1 408 Late\r\nContent-Length: 0\r\n\r\n")
    connection = TrioConnection(FAMILY, sock)
    trio.run(connection.exchange, GET, {})
    assert connection.reader.status == 408
    assert not connection.reader.is_reusable


def test_a_system_without_poll_uses_select(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(select, "poll")
    one, other = socket.socketpair()
    with one, other:
        connection = ThreadConnection(FAMILY, one)
        assert not connection.is_readable()
        other.send(b"x")
        assert connection.is_readable()
        assert connection.info("unknown") is None


def test_a_connection_whose_socket_is_gone_is_readable() -> None:
    loop = asyncio.new_event_loop()
    connection = AsyncioConnection(FAMILY, loop)
    connection.connection_made(Gone())
    assert connection.is_readable()
    assert connection.info("peername") is None
    connection.close()
    connection.connection_lost(None)
    loop.close()


def test_a_timer_that_comes_too_early_is_set_anew() -> None:
    loop, expired = asyncio.new_event_loop(), []
    timer = Timer(loop, expired.append)
    timer.start(60.0, ValueError)
    timer._on_time()
    assert not expired
    timer._at = loop.time()
    timer._on_time()
    assert expired == [ValueError]
    timer._on_time()
    assert expired == [ValueError]
    timer.cancel()
    timer.cancel()
    loop.close()
