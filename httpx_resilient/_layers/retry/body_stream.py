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
from typing import Any, NoReturn, Self
from weakref import ref

from httpx_resilient._core.body.beginning import can_begin_again
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
        "begins_again", "complete", "context", "deadline", "ended", "flow", "headers",
        "inside", "io", "is_reached", "latest", "renewal", "request", "response",
        "retried", "stream",
    )  # fmt: skip

    begins_again: bool
    """Whether all of it is being read: a further iteration is of another answer."""
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
    is_reached: bool
    """Whether the latest read has come here, through the streams of layers around."""
    latest: BodyRetry | None
    """The latest other attempt."""
    renewal: BodyRetry | None
    """Another attempt at the body, until it is answered."""
    request: Any
    response: Callable[[], Any]
    """The response, which holds this object: a reference back would keep both alive."""
    retried: RetriedRequest[Any, Any] | None
    """The attempts, if there was more than a first one that has succeeded."""
    stream: Any

    @property
    def is_renewing(self) -> bool:
        """Whether the next iteration sends for that answer, and has no bytes."""
        return self.renewal is not None

    def __aiter__(self) -> AsyncIterator[bytes]:
        self.is_reached = True
        if self.renewal is not None:
            return Renewing(self.renewal)
        chunks: AsyncIterator[bytes] = self.stream.__aiter__()
        decoder = decoder_of(self.response()) if self.complete else None
        if decoder is None:
            return chunks
        return CheckedReader(self.stream, chunks, decoder, self._family)

    def __iter__(self) -> Iterator[bytes]:
        self.is_reached = True
        if self.renewal is not None:
            return Renewing(self.renewal)
        chunks: Iterator[bytes] = iter(self.stream)
        decoder = decoder_of(self.response()) if self.complete else None
        if decoder is None:
            return chunks
        return iter(CheckedReader(self.stream, chunks, decoder, self._family))

    def close(self) -> None:
        if not self.begins_again:
            self._release()
        self.stream.close()

    # The coroutine of the stream is returned as it is: one frame less to await.
    def aclose(self) -> Any:
        if not self.begins_again:
            self._release()
        return self.stream.aclose()

    def _release(self) -> None:
        """Drop the layer: responses of httpx are freed when cycles are collected."""
        self.flow = self.io = self.context = self.deadline = self.request = None
        self.retried = self.latest = None

    async def aread(self) -> bytes:
        """Read all of the response, as its own `aread`; send again if that breaks."""
        response = self.response()
        if response is None:
            return await self._orphan().aread()  # type: ignore[no-any-return]  # of the library
        # What somebody has got a part of cannot be taken back.
        is_begun = response.is_stream_consumed or response.is_closed
        self.begins_again = not is_begun
        content: bytes
        try:
            while True:
                try:
                    if self.inside is not None and self.renewal is None:
                        content = await self.inside.aread()
                    else:
                        content = await response.__class__.aread(response)
                except Exception as error:
                    if is_begun or not await self._begins_again(response, error):
                        raise
                else:
                    return content if self.is_reached else self._missed(response)
        finally:
            self.begins_again = False
            try:  # noqa: SIM105 - `suppress` costs a call and an object for each response
                del response.aread  # `vars` would make a dictionary, if there is none
            except AttributeError:  # somebody has kept the method, and called it twice
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
        self.begins_again = not is_begun
        content: bytes
        try:
            while True:
                try:
                    if self.inside is not None and self.renewal is None:
                        content = self.inside.read()
                    else:
                        content = response.__class__.read(response)
                except Exception as error:
                    if is_begun or not run_sync(self._begins_again(response, error)):
                        raise
                else:
                    return content if self.is_reached else self._missed(response)
        finally:
            self.begins_again = False
            try:  # noqa: SIM105 - `suppress` costs a call and an object for each response
                del response.read  # `vars` would make a dictionary, if there is none
            except AttributeError:  # somebody has kept the method, and called it twice
                pass
            if self.renewal is not None:
                run_sync(self.renewal.discard())
            self._release()

    def _orphan(self) -> Any:
        """Make a response again that nobody has kept: only its read was called."""
        return self._family.response(200, headers=self.headers, stream=self)

    async def _begins_again(self, response: Any, error: Exception) -> bool:
        """Prepare for another read; return whether one follows, or the error ends."""
        renewal, self.is_reached = self.renewal, False
        if renewal is None:
            if not can_begin_again(response.stream):
                return False
            renewal = BodyRetry(self, response, error)
            if not await renewal.is_granted():
                return False
            self.renewal = self.latest = renewal
        elif renewal.answer is None:
            renewal.ends(error)
            return False
        else:
            self.stream = renewal.replace(response)
            self.renewal = None
        mark_unread(response)
        return True

    def _missed(self, response: Any) -> NoReturn:
        """Raise what the body broke with: a stream around gave none in its place."""
        latest: Any = self.latest
        del response._content  # noqa: SLF001 - no public way takes back what was read
        msg = "a stream around the layer does not begin again"
        raise latest.given_up(msg)

    # A response that was not read may be copied and pickled: the copy has no stream,
    # and the methods of its class.

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        copied = type(self)()
        copied.response = ref(memo[id(self.response())])
        copied.renewal = copied.inside = None
        copied.begins_again, copied.is_reached = False, True
        return copied

    def __reduce__(self) -> tuple[Any, tuple[Any, int]]:
        return getitem, ((self.response(),), 0)
