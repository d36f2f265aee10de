"""What the caller gets of a connection: the body of an answer, and the stream below."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NoReturn, Self

from httpx_resilient._core.io.protocol import run_sync
from httpx_resilient._wire.connection import Connection, Timeouts

_NAMES = {
    "client_addr": "sockname",
    "server_addr": "peername",
    "socket": "socket",
    "ssl_object": "ssl_object",
}

_REFUSAL = (
    "this connection serves other requests, too; to read from it and to write to it, "
    "send CONNECT or a header Upgrade"
)


class NetworkStream:
    """
    The extension `network_stream` of a response: what is known of its connection.

    The bytes on it are those of the body, and after that those of other requests, so
    nobody else may read or write any. A request that is to get a stream of bytes, by
    CONNECT or with a header `Upgrade`, is served by a connection of the client's own
    library, whose stream can do that.

    Args:
        connection: The connection.
    """

    __slots__ = ("connection",)

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def get_extra_info(self, info: str) -> Any:
        """
        Return what is known of the connection, or `None`.

        Args:
            info: `client_addr`, `server_addr`, `socket`, `ssl_object`, or
                `is_readable`: whether the connection has ended, or the server has sent
                something that nobody asked for.
        """
        if info == "is_readable":
            return self.connection.is_closed or self.connection.is_readable()
        name = _NAMES.get(info)
        return None if name is None else self.connection.info(name)

    def read(self, *_: Any, **__: Any) -> NoReturn:
        """
        Refuse to read.

        Raises:
            RuntimeError: Always. The body of the response has the bytes.
        """
        raise RuntimeError(_REFUSAL)

    def write(self, *_: Any, **__: Any) -> NoReturn:
        """
        Refuse to write.

        Raises:
            RuntimeError: Always. The next request would be damaged.
        """
        raise RuntimeError(_REFUSAL)

    def start_tls(self, *_: Any, **__: Any) -> NoReturn:
        """
        Refuse to start TLS.

        Raises:
            RuntimeError: Always. The answer was given without it.
        """
        raise RuntimeError(_REFUSAL)

    async def aclose(self) -> None:
        """Close the connection. A body that is not complete breaks."""
        self.connection.close()

    def close(self) -> None:
        """Close the connection. A body that is not complete breaks."""
        self.connection.close()


class Ended:
    """
    Whether a connection is closed. It is true if it is.

    Args:
        connection: The connection.
    """

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __bool__(self) -> bool:
        return self._connection.is_closed


class WireBody:
    """
    The body of an answer.

    Args:
        connection: The connection. It is closed if the body is not read to its end.
        timeouts: The timeouts of the request.
    """

    __slots__ = ("_connection", "_timeouts")

    def __init__(self, connection: Connection, timeouts: Timeouts) -> None:
        self._connection: Connection | None = connection
        self._timeouts = timeouts

    # Not a generator: trio warns of an asynchronous one that a reader has left.

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        connection = self._connection
        if connection is not None:
            reader = connection.reader
            if not reader.chunks and not reader.is_complete:
                await connection.receive_body(self._timeouts)
            if reader.chunks:
                return reader.take()
            self.close()  # what comes next belongs to another request
        raise StopAsyncIteration

    def __iter__(self) -> Iterator[bytes]:
        while (connection := self._connection) is not None:
            reader = connection.reader
            if not reader.chunks and not reader.is_complete:
                run_sync(connection.receive_body(self._timeouts))
            if reader.chunks:
                yield reader.take()
            else:
                self.close()  # what comes next belongs to another request

    async def aclose(self) -> None:
        self.close()

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            reader = connection.reader
            if reader.is_complete and reader.is_reusable:
                reader.headers = []  # an idle connection need not keep the last ones
            else:
                connection.close()
