"""How a body goes on after a break: the order of effects."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from httpx_resilient._core.hints.reading import hints_in
from httpx_resilient._core.resuming.judgements import (
    Anew,
    Changed,
    Complete,
    Judgement,
    Refused,
    Reread,
    Spliced,
)
from httpx_resilient._core.resuming.judging import judge
from httpx_resilient._core.resuming.representation import (
    OK,
    Representation,
    representation_of,
)
from httpx_resilient._layers.resuming.breaks import break_of, ended_early
from httpx_resilient._layers.resuming.ending import release, why_never
from httpx_resilient._layers.resuming.events import BodyResumed
from httpx_resilient._layers.resuming.part import Part
from httpx_resilient._layers.resuming.requesting import Requesting, What
from httpx_resilient._layers.resuming.steps import why_too_much

if TYPE_CHECKING:
    from httpx_resilient._layers.resuming.stream import ResumedStream


class Resumption:
    """
    Goes on with a body that broke, once or several times.

    Args:
        stream: The stream of the caller.
    """

    def __init__(self, stream: ResumedStream) -> None:
        self._stream = stream
        self._exchange = exchange = stream.exchange
        self._requests = Requesting(stream)
        self._ending = self._requests.ending
        self._first: Representation = representation_of(exchange.response)
        """What the first answer said, and what later ones have told of the total."""
        self._part: Part | None = None
        """The answer that is read, once it is not the first one."""

    @property
    def _offset(self) -> int:
        """The position of the next byte that is wanted."""
        return (self._first.first or 0) + self._stream.received

    def is_whole(self) -> bool:
        """Whether everything has arrived, where the answer that is read has ended."""
        return self._has_ended() and not self._stream.unfinished()

    def _has_ended(self) -> bool:
        end = self._first.last
        if end is None:
            return self._part is not None and self._part.is_last
        return self._offset > end

    async def limited(self, chunk: bytes) -> bytes | None:
        """
        Return what of a chunk belongs to the body, or `None` if that is over.

        The answer to a range may be everything; and a server may send more than it has
        told, which nothing proves.
        """
        ends = [each.last for each in (self._part, self._first) if each is not None]
        known = [end for end in ends if end is not None]
        if not known:
            return chunk
        room = min(known) + 1 - self._offset
        if room > 0:
            return chunk[:room]
        await release(self._stream)
        return None if self.is_whole() else await self.next_chunk(None)

    async def next_chunk(self, error: Exception | None) -> bytes | None:
        """
        Go on after a break.

        Args:
            error: How the body broke, or `None` if it ended before all had arrived.

        Returns:
            The next chunk, or `None` if there is none.

        Raises:
            Exception: It does not go on, or the error is no break.
        """
        stream, requests = self._stream, self._requests
        family = stream.settings.family
        cause = (
            ended_early(family, stream.received, self._first, stream.unfinished())
            if error is None
            else break_of(error, family)
        )
        await release(stream)
        requests.failed(f"{type(cause).__name__} after {stream.received:,} bytes")
        why = why_never(stream, self._first)
        if why is not None:
            raise await self._ending.lost(cause, requests.progress.failure, why)
        while True:
            what = await requests.admit(self._first, self._offset, cause)
            response = await requests.send(what, self._first, self._offset, cause)
            if response is None:
                continue
            answer = representation_of(response)
            judged = judge(self._first, self._offset, answer)
            if isinstance(judged, Spliced | Anew):
                chunk = await self._begin(judged, response, answer, cause)
                if chunk is not None or self.is_whole():
                    return chunk
                if self._has_ended():
                    why = "the same bytes came once more"
                    raise await self._ending.lost(cause, requests.progress.failure, why)
            elif await self._is_complete(judged, response, what, cause):
                return None

    async def _is_complete(
        self, judged: Judgement, response: Any, what: What, cause: Exception
    ) -> bool:
        """
        Release an answer without a byte that may be used.

        Returns:
            Whether it proves that everything has arrived. If not, another one may help.

        Raises:
            Exception: None helps: the cause with a note, or that the content changed.
        """
        io, requests = self._exchange.io, self._requests
        hints = hints_in(response, io.wall_time)
        await io.discard(response, requests.context)
        if isinstance(judged, Complete):
            self._learn(judged.total)
            requests.helped()
            return True
        reason = "" if isinstance(judged, Spliced | Anew) else judged.reason
        if isinstance(judged, Changed):
            raise await self._ending.changed(cause, reason)
        is_unproven = isinstance(judged, Reread)
        requests.failed(f"the server {reason}", is_unproven=is_unproven)
        if isinstance(judged, Refused) or (is_unproven and what == "everything"):
            why = f"the server {reason}"
            raise await self._ending.lost(cause, requests.progress.failure, why)
        requests.least_wait = hints.retry_after or 0.0
        return False

    def _learn(self, total: int | None) -> None:
        """Note a total length that the first answer did not tell."""
        if self._first.total is None and total is not None:
            last = total - 1 if self._first.status == OK else self._first.last
            self._first = replace(self._first, total=total, last=last)

    async def _begin(
        self,
        judged: Spliced | Anew,
        response: Any,
        answer: Representation,
        cause: Exception,
    ) -> bytes | None:
        """Begin to read an answer that goes on; return its first new chunk, if any."""
        stream, requests = self._stream, self._requests
        # First of all: whoever is cancelled closes what the stream reads.
        stream.stream = response.stream
        part = Part(judged, self._first, self._offset, stream.digest())
        limits = stream.settings.limits
        why = why_too_much(requests.progress, part.ahead + part.again, limits)
        if not part.is_usable:
            why = "nothing proves that it is the same version"
        if why is not None:
            await release(stream)
            failure = f"the server answered {answer.status} to a range"
            raise await self._ending.lost(cause, failure, f"{failure}, and {why}")
        self._part = part
        chunk = await self._read(part)
        if part.differs:
            before, after = self._first.described, answer.described
            raise await self._ending.changed(
                cause,
                f"has other content: its first {part.again:,} bytes differ ({before}, "
                f"then {after})",
            )
        if part.rejoining.is_over:  # before, it may still be of another version
            self._learn(judged.total)
        if chunk is not None or self.is_whole():
            requests.helped()
            self._ending.history.resumed(part.by, part.again)
            resumed = self._exchange.request, stream.received, part.by, part.again
            stream.settings.emit(requests.context, BodyResumed, *resumed)
            await stream.settings.emit.settle(requests.context)
        return chunk

    async def _read(self, part: Part) -> bytes | None:
        """Read up to the first new chunk. Return `None` if there is none."""
        stream, requests = self._stream, self._requests
        asynchronous, body = self._exchange.io.asynchronous, stream.stream
        stream.iterator = iterator = aiter(body) if asynchronous else iter(body)
        failure = "the answer ended before its first new byte"
        chunk = None
        try:
            chunk = await part.first_new(iterator, asynchronous=asynchronous)
        except Exception as error:  # noqa: BLE001 - raised again, if it is no break
            failure = type(break_of(error, stream.settings.family)).__name__
            part.is_broken = True
        finally:
            requests.has_reread(part.rejoining.read)
        if chunk is not None:
            return await self.limited(chunk)
        requests.failed(failure)
        await release(stream)
        return None
