"""
The body of a response that the layer has returned, and the read of all of it.

A transport sees only that its stream is read, and not by whom. A client that buffers
calls `read` or `aread` of the response: so the response gets one of its own, in its
`__dict__`. It removes itself when it is done. Nothing else of the response differs, and
a response that somebody else makes of it has the methods of its class.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from operator import getitem
from typing import Any, Self
from weakref import ref

from httpx_resilient._core.body.checked import CheckedReader
from httpx_resilient._core.body.encodings import decoder_of
from httpx_resilient._core.body.unread import mark_unread
from httpx_resilient._core.context import RequestContext
from httpx_resilient._core.deadline import Deadline
from httpx_resilient._core.family import Family
from httpx_resilient._core.io.protocol import run_sync
from httpx_resilient._layers.retry.body_retry import BodyRetry
from httpx_resilient._layers.retry.renewing import Renewing
from httpx_resilient._layers.retry.retried_request import RetriedRequest


class RetriedBody:
    """
    The stream of a response at the place of the retry layer, and the read of all of it.

    The streams of layers around are around this one. So another attempt at a body,
    which is sent from here, is for them a part of the body, with their limits.

    `watch` makes it, and not an `__init__`: each request pays for a call.
    """

    _family: Family

    __slots__ = (
        "complete", "context", "deadline", "ended", "flow", "headers", "inside", "io",
        "is_read", "renewal", "request", "response", "retried", "stream",
    )  # fmt: skip

    complete: bool
    """Whether an encoding must come to its end."""
    context: RequestContext | None
    deadline: Deadline | None
    """The deadline around: its layer takes it back when it has the response."""
    ended: float
    """When the headers had arrived, if the first attempt has succeeded."""
    flow: Any
    """The retry layer."""
    headers: Any
    """Those of the response."""
    inside: Any
    """The body of another retry layer inside, which is for other failures."""
    io: Any
    is_read: bool
    """Whether all of it is being read, so that it may begin again."""
    renewal: BodyRetry | None
    """Another attempt at the body, until it is answered."""
    request: Any
    response: Callable[[], Any]
    """The response, which holds this object: a reference back would keep both alive."""
    retried: RetriedRequest[Any, Any] | None
    """The attempts, if there was more than a first one that has succeeded."""
    stream: Any

    def __aiter__(self) -> AsyncIterator[bytes]:
        if self.renewal is not None:
            return Renewing(self.renewal)
        chunks: AsyncIterator[bytes] = self.stream.__aiter__()
        decoder = decoder_of(self.response()) if self.complete else None
        if decoder is None:
            return chunks
        return CheckedReader(self.stream, chunks, decoder, self._family)

    def __iter__(self) -> Iterator[bytes]:
        if self.renewal is not None:
            return Renewing(self.renewal)
        chunks: Iterator[bytes] = iter(self.stream)
        decoder = decoder_of(self.response()) if self.complete else None
        if decoder is None:
            return chunks
        return iter(CheckedReader(self.stream, chunks, decoder, self._family))

    def close(self) -> None:
        if not self.is_read:
            self._release()
        self.stream.close()

    # The coroutine of the stream is returned as it is: one frame less to await.
    def aclose(self) -> Any:
        if not self.is_read:
            self._release()
        return self.stream.aclose()

    def _release(self) -> None:
        """Drop the layer: responses of httpx are freed when cycles are collected."""
        self.flow = self.io = self.context = self.deadline = self.request = None
        self.retried = None

    async def aread(self) -> bytes:
        """Read all of the response, as its own `aread`; send again if that breaks."""
        response = self.response()
        if response is None:
            return await self._orphan().aread()  # type: ignore[no-any-return]  # of the library
        # What somebody has got a part of cannot be taken back.
        is_begun = response.is_stream_consumed or response.is_closed
        self.is_read = not is_begun
        try:
            while True:
                try:
                    if self.inside is not None:
                        return await self.inside.aread()  # type: ignore[no-any-return]  # as here
                    return await type(response).aread(response)  # type: ignore[no-any-return]  # of the library
                except Exception as error:
                    if is_begun or not await self._begins_again(response, error):
                        raise
        finally:
            self.is_read = False
            try:  # noqa: SIM105 - `suppress` costs 900 instructions
                del response.aread
            except AttributeError:
                pass
            if self.renewal is not None:
                await self.renewal.discard()
            self._release()

    def read(self) -> bytes:
        """Do as `aread`, in a synchronous client."""
        response = self.response()
        if response is None:
            return self._orphan().read()  # type: ignore[no-any-return]  # of the library
        is_begun = response.is_stream_consumed or response.is_closed
        self.is_read = not is_begun
        try:
            while True:
                try:
                    if self.inside is not None:
                        return self.inside.read()  # type: ignore[no-any-return]  # as here
                    return type(response).read(response)  # type: ignore[no-any-return]  # of the library
                except Exception as error:
                    if is_begun or not run_sync(self._begins_again(response, error)):
                        raise
        finally:
            self.is_read = False
            try:  # noqa: SIM105 - `suppress` costs 900 instructions
                del response.read
            except AttributeError:
                pass
            if self.renewal is not None:
                run_sync(self.renewal.discard())
            self._release()

    def _orphan(self) -> Any:
        """Make a response again that nobody has kept: only its read was called."""
        return self._family.response(200, headers=self.headers, stream=self)

    async def _begins_again(self, response: Any, error: Exception) -> bool:
        """
        After a failed read: prepare the response for the next one.

        Returns:
            Whether another attempt follows. If not, `error` ends the request.
        """
        renewal = self.renewal
        if renewal is None:
            renewal = BodyRetry(self, response, error)
            if not await renewal.is_granted():
                return False
            self.renewal = renewal
        elif renewal.answer is None:
            renewal.ends(error)
            return False
        else:
            self.stream = renewal.replace(response)
            self.renewal = None
        mark_unread(response)
        return True

    # A response that was not read may be copied and pickled: the copy has no stream,
    # and the methods of its class.

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        copied = type(self)()
        copied.response = ref(memo[id(self.response())])
        copied.renewal = copied.inside = None
        copied.is_read = False
        return copied

    def __reduce__(self) -> tuple[Any, tuple[Any, int]]:
        return getitem, ((self.response(),), 0)
