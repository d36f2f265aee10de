"""What connections of HTTP/1.1 have in common, on event loops and in threads."""

from __future__ import annotations

import select
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from httpx_resilient._core.family import Family
from httpx_resilient._wire.errors import BadRequest
from httpx_resilient._wire.head import BodyFrames, RequestHead, head_of
from httpx_resilient._wire.parts import close_async_parts, close_parts
from httpx_resilient._wire.reader import ResponseReader

TOGETHER = 32 * 1024
"""Bytes of a body up to which copying it behind its head costs less than two writes."""

Timeouts = Mapping[str, float | None]
"""The timeouts of a request in seconds, by `read` and `write`; `None` is no limit."""


class Connection(ABC):
    """
    A connection that serves one request at a time.

    Its methods close it if they end with an exception, synchronously: no cancellation
    can keep it open.

    Args:
        family: The library, for its exceptions.
    """

    __slots__ = ("_family", "_poll", "is_closed", "on_lost", "reader")

    is_asynchronous: bool

    def __init__(self, family: Family) -> None:
        self._family = family
        self._poll: Any = None
        self.reader = ResponseReader()
        self.is_closed = False
        self.on_lost: Callable[[], object] | None = None
        """Called once when the connection is lost, where that is noticed at once."""

    @abstractmethod
    def _write_head(
        self, data: bytes, seconds: float | None
    ) -> Awaitable[object] | None:
        """
        Write a head, maybe with a short body.

        Returns:
            What is to be awaited if it cannot all be written at once, else `None`.

        Raises:
            Exception: As `_write`.
        """

    @abstractmethod
    async def _write(
        self, data: bytes, seconds: float | None, *, is_first: bool = False
    ) -> bool:
        """
        Write a part of a body, unless an answer arrives meanwhile.

        Args:
            data: The part.
            seconds: The timeout of each write.
            is_first: Whether the head was written just now: no answer can be there yet.

        Returns:
            Whether all of it was written.

        Raises:
            Exception: It took too long; an exception of the family. One that means a
                broken connection is raised by `_receive`, because the server may have
                answered before.
        """

    @abstractmethod
    async def _poll_answer(self) -> None:
        """
        Let the reader have what has arrived, and other tasks their turn.

        Raises:
            Exception: As `_receive`.
        """

    @abstractmethod
    def _receive(self, seconds: float | None) -> Awaitable[None]:
        """
        Let the reader have more of the answer, by waiting for it if need be.

        Raises:
            Exception: An exception of the family.
        """

    @abstractmethod
    def close(self) -> None:
        """Close the connection at once."""

    @abstractmethod
    def info(self, name: str) -> Any:
        """Return the `socket`, the `ssl_object`, or an address."""

    def is_readable(self) -> bool:
        """Whether something has arrived that was not received yet, such as the end."""
        poll = self._poll
        if poll is None:
            sock = self.info("socket")
            if sock is None:  # the loop has closed it
                return True
            if not hasattr(select, "poll"):
                return bool(select.select([sock], [], [], 0)[0])
            self._poll = poll = select.poll()
            poll.register(sock, select.POLLIN)
        return bool(poll.poll(0))

    @property
    @abstractmethod
    def has_ended(self) -> bool:
        """Whether there is no use in sending more: it is answered, or broken."""

    async def exchange(self, request: Any, timeouts: Timeouts) -> None:
        """
        Send a request, and receive the head of its answer.

        An answer that comes early ends the sending. The connection then serves no
        further request.

        Raises:
            Exception: The request is none of HTTP/1.1, or the connection broke; an
                exception of the family, or one of the request's own stream.
        """
        reader, is_answered = self.reader, False
        reader.begin(request.method)
        try:
            head = head_of(request)
            is_sent = await self._send(head, request.stream, timeouts.get("write"))
            while not reader.has_head:
                await self._receive(timeouts.get("read"))
            is_answered = True
        except BadRequest as error:
            raise self._family.local_protocol_error(str(error)) from error
        finally:
            if not is_answered:
                self.close()
        if head.closes or not is_sent:
            reader.is_reusable = False

    async def _send(self, head: RequestHead, body: Any, seconds: float | None) -> bool:
        """Send a request. Return whether all of it was sent."""
        frames, data, whole = BodyFrames(head.length), head.data, b""
        is_plain = type(body) is self._family.plain_body
        if is_plain:
            (whole,) = body
            whole = frames.frame(whole) + frames.end()
            if len(whole) <= TOGETHER:
                data, whole = data + whole, b""
        waiting = self._write_head(data, seconds)
        if waiting is not None:
            await waiting
        if self.has_ended:
            return False
        if is_plain:
            return not whole or await self._write(whole, seconds, is_first=True)
        if self.is_asynchronous:
            return await self._send_async_parts(body, frames, seconds)
        return await self._send_parts(body, frames, seconds)

    async def _send_async_parts(
        self, body: Any, frames: BodyFrames, seconds: float | None
    ) -> bool:
        parts, is_sent = aiter(body), False
        try:
            async for part in parts:
                if not await self._write(frames.frame(part), seconds):
                    return False
            is_sent = await self._write(frames.end(), seconds)
        finally:
            if not is_sent:
                await close_async_parts(parts, body, self._family)
        return is_sent

    async def _send_parts(
        self, body: Any, frames: BodyFrames, seconds: float | None
    ) -> bool:
        parts, is_sent = iter(body), False
        try:
            for part in parts:
                if not await self._write(frames.frame(part), seconds):
                    return False
            is_sent = await self._write(frames.end(), seconds)
        finally:
            if not is_sent:
                close_parts(parts, body, self._family)
        return is_sent

    async def receive_body(self, timeouts: Timeouts) -> None:
        """
        Receive until there is more of the body of the answer, or its end.

        Raises:
            Exception: The body broke; an exception of the family.
        """
        reader, is_whole = self.reader, False
        try:
            while not reader.chunks and not reader.is_complete:
                await self._receive(timeouts.get("read"))
            is_whole = True
        finally:
            if not is_whole:
                self.close()
