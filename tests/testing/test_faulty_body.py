"""Response bodies that are slow or break, without a network."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.fake_io import FakeIO
from support.faults import read_body
from support.world import World, in_async

from httpx_resilient._core.family import Family
from httpx_resilient.testing import Latency, Reset, SlowBody, Together, Truncated
from httpx_resilient.testing._faulty_body import FaultyBody
from httpx_resilient.testing._plan import BodyFault

pytestmark = pytest.mark.anyio

URL = "https://any/"
TEN = b"0123456789"


async def test_the_body_of_a_mock_breaks_though_it_counts_as_read(world: World) -> None:
    mock = world.mock(lambda request: world.library.Response(200, text="whole"))
    faulty = world.testing.FaultInjectingTransport(mock, [Truncated(2), None])
    async with world.client(faulty) as client:
        with pytest.raises(world.library.RemoteProtocolError) as caught:
            await client.get(URL)
        assert caught.value.__notes__ == [
            "injected by a FaultInjectingTransport: Truncated"
        ]
        assert (await client.get(URL)).text == "whole"


async def test_the_body_of_an_answer_breaks_in_either_order(world: World) -> None:
    testing = world.testing
    answer = testing.Answer(200, body=TEN)
    for fault in (Together(answer, Reset(5)), Together(Reset(5), answer)):
        faulty = testing.FaultInjectingTransport(None, fault)
        async with world.client(faulty) as client:
            assert await read_body(world, client, URL) == (b"01234", "ReadError")
        assert faulty.injected == {"200": 1, "Reset": 1}


@in_async
async def test_an_endless_body_breaks(world: World) -> None:
    class Endless(world.library.AsyncByteStream):
        async def __aiter__(self) -> Any:
            while True:
                yield TEN

    mock = world.mock(lambda request: world.library.Response(200, stream=Endless()))
    faulty = world.testing.FaultInjectingTransport(mock, Reset(25))
    async with world.client(faulty) as client:
        arrived = await read_body(world, client, URL)
    assert arrived == (b"0123456789012345678901234", "ReadError")


async def test_a_response_with_faults_is_the_same_object_and_has_a_label(
    world: World,
) -> None:
    made = []

    def answer(request: Any) -> Any:
        made.append(world.library.Response(200, text="whole"))
        return made[0]

    fault = Together(Latency(0.001), SlowBody(0.001, size=2))
    faulty = world.testing.FaultInjectingTransport(world.mock(answer), fault)
    async with world.client(faulty) as client:
        response = await client.get(URL)
    assert response is made[0]
    assert response.text == "whole"
    assert response.extensions["fault"] == "Latency, SlowBody"


@settings(deadline=None)
@given(st.lists(st.binary(max_size=9)), st.integers(0, 50), st.integers(1, 12))
def test_a_body_arrives_in_pieces_up_to_the_byte_where_it_breaks(
    chunks: list[bytes], after: int, size: int
) -> None:
    counted: list[str] = []
    io: Any = FakeIO()
    body = FaultyBody(
        chunks,
        BodyFault("Odd", after, every=0.1, size=size),
        httpx.Request("GET", URL),
        family=Family(httpx, home="httpx_resilient"),
        io=io,
        count=counted.append,
        silent=True,
    )
    pieces, whole = list(body), b"".join(chunks)
    assert b"".join(pieces) == whole[:after]
    assert all(0 < len(piece) <= size for piece in pieces)
    assert io.slept == [0.1] * len(pieces)
    assert counted == ["Odd"] * (bool(pieces) or len(whole) > after)
