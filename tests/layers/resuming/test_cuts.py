"""A body that is cut anywhere, and again, is whole: no byte is lost or doubled."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from layers.resuming.in_memory import cutting, opened
from support.ranges import NOW, OLD, File, versions
from support.server import Server
from support.world import World

from httpx_resilient import ContentChanged

BODY = bytes(range(40))
VALIDATORS = {
    "strong": {"etag": '"a"'},
    "dated": {"last_modified": OLD, "date": NOW},
    "none": {},
}


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("library", "runtime"), [("httpx", "asyncio"), ("httpx2", "sync")]
)
async def test_a_body_is_whole_wherever_the_wire_is_cut(world: World) -> None:
    file = File(versions(BODY, etag='"a"'), is_chunked=True, cuts=1)
    framed = len(BODY) + len(b"28\r\n\r\n0\r\n\r\n")
    transport = world.ours.ResumingTransport(budget=False)
    with Server(file) as server:
        async with world.client(transport) as client:
            for cut in range(framed):
                file.served, file.cut = 0, cut
                response = await client.get(server.url)
                assert response.content == BODY, cut


@pytest.mark.parametrize("validator", VALIDATORS)
@given(
    st.integers(1, 40), st.integers(1, 20), st.integers(0, 4), st.booleans(),
    st.booleans(),
)  # fmt: skip
def test_a_body_is_whole_however_often_it_is_cut(
    validator: str, cut: int, size: int, cuts: int, ranges: bool, is_chunked: bool
) -> None:
    file = File(
        versions(BODY, **VALIDATORS[validator]), cut=cut, cuts=cuts, ranges=ranges,
        is_chunked=is_chunked,
    )  # fmt: skip
    response, _ = opened(cutting(file, size))
    assert b"".join(response.stream) == BODY


@given(
    st.integers(1, 39), st.integers(1, 20), st.integers(0, 39),
    st.sampled_from(["strong", "weak", "none"]), st.booleans(),
)  # fmt: skip
def test_a_body_of_two_versions_is_never_handed_out(
    cut: int, size: int, differs_at: int, kind: str, is_chunked: bool
) -> None:
    other = BODY[:differs_at] + b"\xff" + BODY[differs_at + 1 :]
    tags = {"strong": ['"a"', '"b"'], "weak": ['W/"a"', 'W/"b"']}
    headers = {"etag": tags[kind]} if kind in tags else {}
    file = File(
        versions(BODY, other, **headers), cut=cut, cuts=1, is_chunked=is_chunked
    )
    response, _ = opened(cutting(file, size))
    read = b""
    try:
        for chunk in response.stream:
            read += chunk
    except ContentChanged:
        assert read == BODY[:cut]
        assert kind == "strong" or differs_at < cut
    else:
        # What was handed out is the beginning of the new version, too.
        assert read == other
        assert kind != "strong"
        assert differs_at >= cut
