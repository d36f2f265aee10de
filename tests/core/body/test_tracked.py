"""What is held for a response, until its stream is closed or was forgotten."""

from __future__ import annotations

import gc
import warnings
from typing import Any

import httpx
import pytest

import httpx_resilient
from httpx_resilient._core.body.tracked import ObservedStream
from httpx_resilient._core.body.tracked import TrackedStream as Plain
from httpx_resilient._core.drain import leave
from httpx_resilient._core.io.protocol import run_sync

BODY = httpx.ByteStream(b"body")
FAMILY = httpx_resilient._FAMILY
TrackedStream = FAMILY.stream_class(ObservedStream)


class Owner:
    def __init__(self) -> None:
        self.told: list[Any] = []

    def on_closed(self, held: Any, error: BaseException | None) -> None:
        self.told.append((held, error))

    def on_leaked(self, held: Any) -> None:
        self.told.append((held, "lost"))


def test_the_owner_is_told_once() -> None:
    owner = Owner()
    stream = TrackedStream(httpx.ByteStream(b"body"), 1, owner)
    assert b"".join(stream) == b"body"
    stream.close()
    stream.close()
    assert owner.told == [(1, None)]


def test_the_owner_is_told_what_the_reader_met() -> None:
    class Broken(httpx.SyncByteStream):
        def __iter__(self) -> Any:
            raise error

    owner, error = Owner(), httpx.ReadError("broken")
    stream = TrackedStream(Broken(), 1, owner)
    try:
        next(iter(stream))
    except httpx.ReadError:
        stream.close()
    assert owner.told == [(1, error)]


def test_and_what_its_end_met() -> None:
    class Broken(httpx.SyncByteStream):
        def __iter__(self) -> Any:
            yield b""

        def close(self) -> None:
            raise error

    owner, error = Owner(), httpx.CloseError("broken")
    with pytest.raises(httpx.CloseError):
        TrackedStream(Broken(), 1, owner).close()
    assert owner.told == [(1, error)]


def test_or_not_if_that_is_no_matter() -> None:
    """Then the body is handed on without a generator around it."""
    owner = Owner()
    stream = FAMILY.stream_class(Plain)(BODY, 1, owner)
    assert type(iter(stream)) is type(iter(BODY))
    stream.close()
    assert owner.told == [(1, None)]


def test_what_is_to_be_done_after_the_end_is_done() -> None:
    class Tidy(Owner):
        def on_closed(self, held: Any, error: BaseException | None) -> Any:
            return self.after

        async def after(self, io: Any) -> None:
            self.told.append("done")

    owner = Tidy()
    stream = TrackedStream(BODY, 1, owner)
    stream.close()
    stream.close()
    assert owner.told == ["done"]


def test_of_nested_layers_all_are_told_and_one_warns() -> None:
    owner = Owner()
    stream = TrackedStream(
        TrackedStream(httpx.ByteStream(b""), "inner", owner), "outer", owner
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del stream
        gc.collect()
    assert owner.told == [("outer", "lost"), ("inner", "lost")]
    assert len(caught) == 1


def test_an_iterator_that_cannot_be_closed_is_just_left() -> None:
    class Chunks:
        async def __anext__(self) -> bytes:
            return b""

    run_sync(leave(Chunks()))
