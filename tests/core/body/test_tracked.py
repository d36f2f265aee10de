"""Response streams that report their end to the owner of a resource."""

from __future__ import annotations

import gc
import warnings
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

import httpx_resilient
from httpx_resilient._core.body.limited import LimitedStream
from httpx_resilient._core.body.owners import StreamOwner
from httpx_resilient._core.body.tracked import TrackedStream, track
from httpx_resilient._core.drain import leave
from httpx_resilient._core.io.protocol import run_sync

BODY = httpx.ByteStream(b"body")
TRACKED = httpx_resilient._FAMILY.stream_class(TrackedStream)
LIMITED = httpx_resilient._FAMILY.stream_class(LimitedStream)


class Owner:
    """An owner that records the reports of its streams."""

    def __init__(self) -> None:
        self.reports: list[Any] = []

    def on_closed(self, resource: Any, error: BaseException | None) -> None:
        self.reports.append((resource, error))

    def on_leaked(self, resource: Any) -> None:
        self.reports.append((resource, "leaked"))


class NoLimit:
    """The owner of a limit on the reading of a body that limits nothing."""

    def chunks(self, chunks: Iterator[bytes], limit: Any) -> Iterator[bytes]:
        return chunks

    def async_chunks(
        self, chunks: AsyncIterator[bytes], limit: Any
    ) -> AsyncIterator[bytes]:
        return chunks


def response_of(body: httpx.SyncByteStream) -> httpx.Response:
    """Return an open response."""
    return httpx.Response(200, stream=body)


def tracked(body: httpx.SyncByteStream, owner: StreamOwner) -> Any:
    """Return a stream that reports its end to the owner of the resource 1."""
    response = response_of(body)
    track(response, TRACKED, owner, 1)
    return response.stream


def test_the_owner_is_notified_once_when_the_stream_is_closed() -> None:
    owner = Owner()
    stream = tracked(httpx.ByteStream(b"body"), owner)
    assert b"".join(stream) == b"body"
    stream.close()
    stream.close()
    assert owner.reports == [(1, None)]


def test_a_stream_reports_the_exception_of_its_reader() -> None:
    class Broken(httpx.SyncByteStream):
        def __iter__(self) -> Any:
            raise error

    owner, error = Owner(), httpx.ReadError("broken")
    stream = tracked(Broken(), owner)
    try:
        next(iter(stream))
    except httpx.ReadError:
        stream.close()
    assert owner.reports == [(1, error)]


def test_a_stream_reports_the_exception_of_its_closing() -> None:
    class Broken(httpx.SyncByteStream):
        def __iter__(self) -> Any:
            yield b""

        def close(self) -> None:
            raise error

    owner, error = Owner(), httpx.CloseError("broken")
    with pytest.raises(httpx.CloseError):
        tracked(Broken(), owner).close()
    assert owner.reports == [(1, error)]


def test_the_work_that_an_owner_returns_is_awaited_once() -> None:
    class OwnerWithWork(Owner):
        def on_closed(self, resource: Any, error: BaseException | None) -> Any:
            return self.after

        async def after(self, io: Any) -> None:
            self.reports.append("done")

    owner = OwnerWithWork()
    stream = tracked(BODY, owner)
    stream.close()
    stream.close()
    assert owner.reports == ["done"]


def leaked(response: httpx.Response) -> list[warnings.WarningMessage]:
    """Let the stream of a response be collected. Return the warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del response.stream
        gc.collect()
    return caught


def test_leaked_nested_streams_notify_all_owners_and_warn_once() -> None:
    """What is around a limit has a stream of its own."""
    owner, response = Owner(), response_of(httpx.ByteStream(b""))
    track(response, TRACKED, owner, "inner")
    limited: Any = LIMITED(response.stream, NoLimit(), None)
    response.stream = limited
    track(response, TRACKED, owner, "outer")
    assert response.stream.stream is limited
    del limited
    assert len(leaked(response)) == 1
    assert owner.reports == [("outer", "leaked"), ("inner", "leaked")]


def test_a_leaked_stream_notifies_all_owners_that_share_it_and_warns_once() -> None:
    owner, response = Owner(), response_of(httpx.ByteStream(b""))
    track(response, TRACKED, owner, "inner")
    shared: Any = response.stream
    track(response, TRACKED, owner, "outer")
    assert response.stream is shared
    del shared
    assert len(leaked(response)) == 1
    assert owner.reports == [("inner", "leaked"), ("outer", "leaked")]


def test_leaving_an_iterator_without_aclose_does_nothing() -> None:
    class Chunks:
        async def __anext__(self) -> bytes:
            return b""

    run_sync(leave(Chunks()))


class Raising(Owner):
    """An owner whose reports are followed by an exception."""

    def on_closed(self, resource: Any, error: BaseException | None) -> None:
        super().on_closed(resource, error)
        raise RuntimeError(resource)

    def on_leaked(self, resource: Any) -> None:
        super().on_leaked(resource)
        raise RuntimeError(resource)


def shared_by(*owners: Owner) -> httpx.Response:
    """Return a response whose stream these owners share, numbered from 0."""
    response = response_of(httpx.ByteStream(b""))
    for number, owner in enumerate(owners):
        track(response, TRACKED, owner, number)
    return response


@pytest.mark.parametrize("raising", [0, 1, 2])
def test_each_owner_hears_of_the_end_even_if_another_raises(raising: int) -> None:
    owners = [Raising() if number == raising else Owner() for number in range(3)]
    with pytest.raises(RuntimeError, match=str(raising)):
        shared_by(*owners).close()
    assert [owner.reports for owner in owners] == [[(n, None)] for n in range(3)]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("raising", [0, 1, 2])
def test_each_owner_hears_of_a_leak_even_if_another_raises(raising: int) -> None:
    owners = [Raising() if number == raising else Owner() for number in range(3)]
    leaked(shared_by(*owners))
    assert [owner.reports for owner in owners] == [[(n, "leaked")] for n in range(3)]


def test_an_owner_cannot_join_a_stream_whose_end_was_reported() -> None:
    """A mock may return a response again that was closed."""
    first, second = Owner(), Owner()
    response = shared_by(first)
    closed: Any = response.stream
    closed.close()
    track(response, TRACKED, second, 1)
    assert response.stream is not closed


def test_an_owner_that_joins_may_have_to_know_what_a_reader_meets() -> None:
    class Broken(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            yield b""
            raise BrokenPipeError

    first, second = Owner(), Owner()
    response = response_of(Broken())
    track(response, TRACKED, first, 1)
    track(response, TRACKED, second, 2)
    with pytest.raises(BrokenPipeError):
        list(response.stream)
    response.stream.close()
    ((_, error),) = second.reports
    assert isinstance(error, BrokenPipeError)


def test_the_work_of_all_owners_is_done() -> None:
    done: list[int] = []

    class Working(Owner):
        def on_closed(self, resource: Any, error: BaseException | None) -> Any:
            async def work(effects: object) -> None:
                done.append(resource)

            return work

    shared_by(Working(), Owner(), Working()).close()
    assert done == [0, 2]


def test_a_stream_that_was_interrupted_when_it_was_made_ends_silently() -> None:
    made: Any = TRACKED.__new__(TRACKED)
    del made


@pytest.mark.parametrize("runtime", ["asyncio"])
@pytest.mark.anyio
async def test_an_asynchronous_stream_reports_the_exception_of_its_closing() -> None:
    class Broken(httpx.AsyncByteStream):
        async def aclose(self) -> None:
            raise error

    owner, error = Owner(), httpx.CloseError("broken")
    response = httpx.Response(200, stream=Broken())
    track(response, TRACKED, owner, 1)
    stream: Any = response.stream
    with pytest.raises(httpx.CloseError):
        await stream.aclose()
    assert owner.reports == [(1, error)]
