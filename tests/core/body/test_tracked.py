"""Response streams that report their end to the owner of a resource."""

from __future__ import annotations

import gc
import warnings
from typing import Any

import httpx
import pytest

import httpx_resilient
from httpx_resilient._core.body.tracked import ObservedStream, TrackedStream
from httpx_resilient._core.drain import leave
from httpx_resilient._core.io.protocol import run_sync

BODY = httpx.ByteStream(b"body")
FAMILY = httpx_resilient._FAMILY
Observed = FAMILY.stream_class(ObservedStream)


class Owner:
    """An owner that records the reports of its streams."""

    def __init__(self) -> None:
        self.reports: list[Any] = []

    def on_closed(self, resource: Any, error: BaseException | None) -> None:
        self.reports.append((resource, error))

    def on_leaked(self, resource: Any) -> None:
        self.reports.append((resource, "leaked"))


def test_the_owner_is_notified_once_when_the_stream_is_closed() -> None:
    owner = Owner()
    stream = Observed(httpx.ByteStream(b"body"), 1, owner)
    assert b"".join(stream) == b"body"
    stream.close()
    stream.close()
    assert owner.reports == [(1, None)]


def test_an_observed_stream_reports_the_exception_of_its_reader() -> None:
    class Broken(httpx.SyncByteStream):
        def __iter__(self) -> Any:
            raise error

    owner, error = Owner(), httpx.ReadError("broken")
    stream = Observed(Broken(), 1, owner)
    try:
        next(iter(stream))
    except httpx.ReadError:
        stream.close()
    assert owner.reports == [(1, error)]


def test_an_observed_stream_reports_the_exception_of_its_closing() -> None:
    class Broken(httpx.SyncByteStream):
        def __iter__(self) -> Any:
            yield b""

        def close(self) -> None:
            raise error

    owner, error = Owner(), httpx.CloseError("broken")
    with pytest.raises(httpx.CloseError):
        Observed(Broken(), 1, owner).close()
    assert owner.reports == [(1, error)]


def test_a_tracked_stream_returns_the_iterator_of_the_body_itself() -> None:
    """It is returned without a generator around it."""
    owner = Owner()
    stream = FAMILY.stream_class(TrackedStream)(BODY, 1, owner)
    assert type(iter(stream)) is type(iter(BODY))
    stream.close()
    assert owner.reports == [(1, None)]


def test_the_work_that_an_owner_returns_is_awaited_once() -> None:
    class OwnerWithWork(Owner):
        def on_closed(self, resource: Any, error: BaseException | None) -> Any:
            return self.after

        async def after(self, io: Any) -> None:
            self.reports.append("done")

    owner = OwnerWithWork()
    stream = Observed(BODY, 1, owner)
    stream.close()
    stream.close()
    assert owner.reports == ["done"]


def test_leaked_nested_streams_notify_all_owners_and_warn_once() -> None:
    owner = Owner()
    stream = Observed(Observed(httpx.ByteStream(b""), "inner", owner), "outer", owner)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del stream
        gc.collect()
    assert owner.reports == [("outer", "leaked"), ("inner", "leaked")]
    assert len(caught) == 1


def test_leaving_an_iterator_without_aclose_does_nothing() -> None:
    class Chunks:
        async def __anext__(self) -> bytes:
            return b""

    run_sync(leave(Chunks()))
