"""The body of a response that goes on, as its reader sees it."""

from __future__ import annotations

from typing import Any, NoReturn, Self

from httpx_resilient._core.family import Family
from httpx_resilient._core.io.protocol import run_sync
from httpx_resilient._layers.event_stream.call import EventStreamCall
from httpx_resilient._layers.event_stream.encodings import leave_reading
from httpx_resilient._layers.event_stream.flow import go_on


class EventStream:
    """
    Whole blocks of an event stream, connection after connection.

    It is its own iterator: a reader that comes later goes on where the one before has
    stopped, and trio does not warn of a reader that leaves half-way.

    Args:
        call: What is known of the event stream, with its first connection.
        event_source: The stream of that connection, as it was.
    """

    _family: Family

    is_joined = True
    """Of several answers: to read it once more from its beginning makes no sense."""

    __slots__ = ("_call", "_chunks", "_feed", "event_source")

    def __init__(self, call: EventStreamCall[Any, Any], event_source: object) -> None:
        self.event_source = event_source
        self._call = call
        self._feed = call.blocks.feed
        self._chunks: Any = None
        """What reads the stream of the present connection; `None` if there is none."""

    @property
    def stream(self) -> Any:
        """The stream of the present connection, as streams around others have it."""
        return self._call.stream

    def __iter__(self) -> Self:
        if self._chunks is None and self._call.stream is not None:
            self._chunks = iter(self._call.stream)
        return self

    def __next__(self) -> bytes:
        lost: Exception | None = None
        try:
            while self._chunks is not None:
                try:
                    while True:
                        passed = self._feed(next(self._chunks))
                        if passed:
                            return passed
                except StopIteration:
                    lost = None
                except Exception as error:  # noqa: BLE001 - what follows is decided below
                    lost = error
                self._chunks = None
                stream = run_sync(go_on(self._call, lost))
                self._chunks = None if stream is None else iter(stream)
        except Exception:
            raise
        except BaseException:  # observed only, and raised again
            self._interrupted()
            raise
        finally:
            del lost  # its frames lead back to it
        raise StopIteration

    def __aiter__(self) -> Self:
        if self._chunks is None and self._call.stream is not None:
            self._chunks = aiter(self._call.stream)
        return self

    async def __anext__(self) -> bytes:
        lost: Exception | None = None
        try:
            while self._chunks is not None:
                try:
                    while True:
                        passed = self._feed(await self._chunks.__anext__())
                        if passed:
                            return passed
                except StopAsyncIteration:
                    lost = None
                except Exception as error:  # noqa: BLE001 - what follows is decided below
                    lost = error
                self._chunks = None
                stream = await go_on(self._call, lost)
                self._chunks = None if stream is None else aiter(stream)
        except Exception:
            raise
        except BaseException:  # observed only, and raised again
            self._interrupted()
            raise
        finally:
            del lost  # its frames lead back to it
        raise StopAsyncIteration

    def _interrupted(self) -> None:
        """Let a reader that goes on after a cancellation find a broken connection."""
        if not self._call.is_closed:
            self._chunks = _Interrupted(self._family)

    def close(self) -> None:
        call, self._chunks = self._call, None
        call.close()
        stream, call.stream = call.stream, None
        if stream is not None:
            stream.close()

    async def aclose(self) -> None:
        call, chunks, self._chunks = self._call, self._chunks, None
        call.close()
        stream, call.stream = call.stream, None
        try:
            await leave_reading(chunks)
        finally:
            if stream is not None:
                await stream.aclose()
        await call.settle()


class _Interrupted:
    """The chunks of a connection whose reader was interrupted: some may be lost."""

    def __init__(self, family: Family) -> None:
        self._family = family

    def __next__(self) -> NoReturn:
        msg = "the reader of the event stream was interrupted"
        raise self._family.read_error(msg)

    async def __anext__(self) -> NoReturn:
        self.__next__()
