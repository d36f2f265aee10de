"""What is held for a response, until its stream is closed or was forgotten."""

from __future__ import annotations

import gc
import warnings
from typing import Any

import httpx

import httpx_resilient
from httpx_resilient._draining import leave
from httpx_resilient._held import held_class
from httpx_resilient._io import run_sync

Held = held_class(httpx_resilient._FAMILY)


class Owner:
    def __init__(self) -> None:
        self.told: list[Any] = []

    def ended(self, held: Any, error: BaseException | None) -> bool:
        self.told.append((held, error))
        return False

    def lose(self, held: Any) -> None:
        self.told.append((held, "lost"))


def test_the_owner_is_told_once() -> None:
    owner = Owner()
    stream = Held(httpx.ByteStream(b"body"), 1, owner)
    assert b"".join(stream) == b"body"
    stream.close()
    stream.close()
    assert owner.told == [(1, None)]


def test_the_owner_is_told_what_the_reader_met() -> None:
    class Broken(httpx.SyncByteStream):
        def __iter__(self) -> Any:
            raise error

    owner, error = Owner(), httpx.ReadError("broken")
    stream = Held(Broken(), 1, owner)
    try:
        next(iter(stream))
    except httpx.ReadError:
        stream.close()
    assert owner.told == [(1, error)]


def test_of_nested_layers_all_are_told_and_one_warns() -> None:
    owner = Owner()
    stream = Held(Held(httpx.ByteStream(b""), "inner", owner), "outer", owner)
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
