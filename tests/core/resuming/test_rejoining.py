from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from httpx_resilient._core.resuming.rejoining import Rejoining, RunningHash


def cut(body: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(body) + 1) for place in places), len(body)]
    return [body[a:b] for a, b in pairwise(edges)]


@given(st.binary(max_size=60), st.data())
def test_what_comes_once_more_is_skipped_and_compared(
    body: bytes, data: st.DataObject
) -> None:
    ahead = data.draw(st.integers(0, len(body)))
    again = data.draw(st.integers(0, len(body) - ahead))
    at_hand = data.draw(
        st.just(body[ahead : ahead + again]) | st.binary(min_size=again, max_size=again)
    )
    seen = RunningHash()
    for chunk in cut(at_hand, data.draw(st.lists(st.integers(0, 60)))):
        seen.update(chunk)
    rejoining = Rejoining(ahead, again, seen.digest())
    given_on = b""
    for chunk in cut(body, data.draw(st.lists(st.integers(0, 60)))):
        given_on += rejoining.feed(chunk)
    assert rejoining.is_over
    assert rejoining.read == ahead + again
    assert given_on == body[ahead + again :]
    assert rejoining.is_same is (at_hand == body[ahead : ahead + again])


def test_bytes_that_a_validator_has_proven_are_not_compared() -> None:
    rejoining = Rejoining(1, 2, None)
    assert rejoining.feed(b"ab") == b""
    assert not rejoining.is_over
    assert rejoining.feed(b"cd") == b"d"
    assert rejoining.is_over
    assert rejoining.is_same
