"""Concurrency limits: the semaphores that they store, and their arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from httpx_resilient import AdaptiveConcurrencyLimit, ConcurrencyLimit
from httpx_resilient._core.origin import origin_key
from httpx_resilient._core.state.origin_map import OriginMap

URL = httpx.URL("https://example.org/a?secret")


def bounded(max_origins: int) -> ConcurrencyLimit:
    """Return a limit that stores fewer origins than the usual 1,000."""
    limit = ConcurrencyLimit(1)
    limit._semaphores._max_keys = max_origins
    return limit


def evicting(created: list[Any]) -> ConcurrencyLimit:
    """Return a limit whose first semaphore is evicted while it is looked up."""

    class Evicting(OriginMap[Any]):
        def move_to_end(self, key: Any, last: bool = True) -> None:
            if len(created) == 1:
                del self[key]
            super().move_to_end(key, last)

    limit = ConcurrencyLimit(1)
    limit._semaphores = Evicting(lambda key: created.append(key) or len(created))
    return limit


# Storing.


def test_a_bounded_number_of_origins_is_stored() -> None:
    limit = bounded(10)
    for number in range(30):
        limit.semaphore(origin_key(httpx.URL(f"http://{number}/")))
    assert list(limit.states()) == [f"http://{number}" for number in range(20, 30)]


def test_the_least_recently_used_origin_is_evicted() -> None:
    limit = bounded(2)
    for host in "abbaac":
        limit.semaphore(origin_key(httpx.URL(f"http://{host}/")))
    assert list(limit.states()) == ["http://a", "http://c"]


def test_an_origin_in_use_is_not_evicted() -> None:
    limit = bounded(10)
    permit = limit.semaphore(origin_key(URL)).try_acquire()
    assert permit is not None
    for number in range(30):
        limit.semaphore(origin_key(httpx.URL(f"http://{number}/")))
    assert limit.states()["https://example.org"] == (1, 1, 0)


def test_a_semaphore_that_is_evicted_during_its_look_up_is_looked_up_again() -> None:
    created: list[Any] = []
    assert evicting(created).semaphore(origin_key(URL)) == 2


# Arguments.


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ConcurrencyLimit(0), "limit is a whole number of requests, 1 or more"),
        (lambda: ConcurrencyLimit(queue=-1), "queue is a whole number of requests, 0"),
        (lambda: AdaptiveConcurrencyLimit(least=0), "least is a whole number"),
        (lambda: AdaptiveConcurrencyLimit(least=9, most=8), "most is .* 9 or more"),
        (lambda: AdaptiveConcurrencyLimit(9, most=8), "initial is .* at most 8; got 9"),
        (lambda: AdaptiveConcurrencyLimit(queue=-1), "queue is a whole number"),
    ],
)
def test_an_argument_out_of_its_range_is_rejected(
    make: Callable[[], object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    "make", [lambda: ConcurrencyLimit(1.5), lambda: AdaptiveConcurrencyLimit("9")]
)
def test_an_argument_of_another_type_is_rejected(make: Callable[[], object]) -> None:
    with pytest.raises(TypeError, match="is a whole number of requests"):
        make()
