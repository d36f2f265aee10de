"""The note on an exception: one for the latest request, and of a bounded length."""

from __future__ import annotations

import anyio
import pytest
import tenacity
from support.world import World, in_async

from httpx_resilient import Failover, attempts_of

pytestmark = pytest.mark.anyio

URL = "https://a.example/"


def failing(world: World, error: Exception) -> object:
    def fail(_: object) -> None:
        raise error

    return world.mock(fail)


async def test_an_exception_that_is_raised_by_each_request_has_one_note(
    world: World,
) -> None:
    error = world.library.ConnectError("refused")
    async with world.client(world.transport(failing(world, error))) as client:
        for _ in range(20):
            with pytest.raises(world.library.ConnectError):
                await client.get(URL)
    (note,) = error.__notes__
    assert note.startswith("gave up after")


async def test_a_note_of_somebody_else_stays(world: World) -> None:
    error = world.library.ConnectError("refused")
    error.add_note("check the VPN")
    async with world.client(world.transport(failing(world, error))) as client:
        for _ in range(2):
            with pytest.raises(world.library.ConnectError):
                await client.get(URL)
    assert error.__notes__[0] == "check the VPN"
    assert len(error.__notes__) == 2


@in_async
async def test_concurrent_requests_that_share_an_exception_leave_one_note_of_each_layer(
    world: World,
) -> None:
    error = world.library.ConnectError("refused")
    origins = Failover([URL, "https://b.example/"])
    transport = world.ours.FailoverTransport(failing(world, error), origins)

    async def send() -> None:
        with pytest.raises(world.library.ConnectError):
            await client.get(URL)

    async with world.client(world.transport(transport)) as client:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(send)
            tasks.start_soon(send)
    assert len(error.__notes__) == 2
    assert {note.split(":")[0][:7] for note in error.__notes__} == {
        "gave up",
        "origins",
    }


@pytest.mark.parametrize(
    ("attempts", "outcomes"),
    [
        (11, ["503"] * 11),
        (12, ["503"] * 5 + ["2 more"] + ["503"] * 5),
        (3000, ["503"] * 5 + ["2,990 more"] + ["503"] * 5),
    ],
)
async def test_a_log_line_names_the_first_and_last_five_of_many_attempts(
    world: World,
    attempts: int,
    outcomes: list[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    mock = world.mock(lambda _: world.library.Response(503))
    transport = world.transport(
        mock, stop=tenacity.stop_after_attempt(attempts), budget=False
    )
    async with world.client(transport) as client:
        response = await client.get(URL)
    assert len(attempts_of(response)) == attempts
    line = caplog.records[-1].getMessage()
    assert line.endswith(f": {', '.join(outcomes)}")
    assert f"gave up after {attempts} attempts" in line
