"""A deadline that comes in a queue of this side does not hide an earlier answer."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from support.server import Server, reply, stall
from support.world import World, in_async

from httpx_resilient import ConcurrencyLimit, Stage, attempts_of

pytestmark = pytest.mark.anyio


class TakePermit(Stage):
    """Takes the only permit when a second attempt begins."""

    def __init__(self, limit: ConcurrencyLimit) -> None:
        self.limit, self.permit = limit, None

    def before(self, context: Any) -> None:
        if context.attempt == 2:
            self.permit = self.limit.semaphore(context.origin).try_acquire()


def queueing(world: World, seconds: float = 0.2) -> Any:
    """A deadline around a retry, whose second attempt gets no permit."""
    limit = ConcurrencyLimit(1)
    limiting = world.ours.ConcurrencyLimitingTransport(None, limit)
    retrying = world.transport(world.ours.StageTransport(TakePermit(limit), limiting))
    return world.ours.DeadlineTransport(retrying, seconds)


async def test_the_answer_is_returned_if_the_deadline_comes_in_a_queue(
    world: World, server: Server
) -> None:
    server.play(reply(503, b"maintenance"))
    async with world.client(queueing(world)) as client:
        response = await client.get(server.url)
    assert (response.status_code, response.content) == (503, b"maintenance")
    answered, late = attempts_of(response)
    assert answered.outcome == 503
    assert late.outcome in {None, world.library.PoolTimeout}


async def test_its_body_can_be_read_after_the_deadline(
    world: World, server: Server
) -> None:
    server.play(reply(503, b"maintenance"))
    async with world.client(queueing(world)) as client:
        request = client.build_request("GET", server.url)
        response = await client.send(request, stream=True)
        chunks = [each async for each in world.chunks(response)]
        assert chunks == [b"maintenance"]


async def test_the_deadline_is_raised_if_the_last_attempt_was_sent(
    world: World, server: Server
) -> None:
    server.play(reply(503, b"maintenance"), stall())
    transport = world.ours.DeadlineTransport(world.transport(), 0.2)
    async with world.client(transport) as client:
        with pytest.raises(world.ours.DeadlineExceeded):
            await client.get(server.url)


async def test_the_deadline_is_raised_if_there_is_no_answer(
    world: World, server: Server
) -> None:
    limit = ConcurrencyLimit(1)
    limiting = world.ours.ConcurrencyLimitingTransport(None, limit)
    transport = world.ours.DeadlineTransport(world.transport(limiting), 0.1)
    async with world.client(transport) as client:
        url = client.build_request("GET", server.url).url
        key = url.scheme, url.host, url.port
        permit = limit.semaphore(key).try_acquire()
        with pytest.raises(world.ours.DeadlineExceeded):
            await client.get(server.url)
        assert permit is not None
    assert server.requests == 0


@in_async
async def test_a_caller_who_cancels_gets_no_answer(
    world: World, server: Server
) -> None:
    server.play(reply(503, b"maintenance"))
    async with world.client(queueing(world, 60)) as client:
        with anyio.move_on_after(0.1) as scope:
            await client.get(server.url)
    assert scope.cancelled_caught


async def test_a_deadline_for_each_attempt_that_comes_in_a_queue_leaves_the_answer(
    world: World, server: Server
) -> None:
    server.play(reply(503, b"maintenance"))
    limit = ConcurrencyLimit(1)
    limiting = world.ours.ConcurrencyLimitingTransport(None, limit)
    staged = world.ours.StageTransport(TakePermit(limit), limiting)
    transport = world.transport(world.ours.DeadlineTransport(staged, 0.1))
    async with world.client(transport) as client:
        response = await client.get(server.url)
    assert (response.status_code, response.content) == (503, b"maintenance")
    assert str(attempts_of(response)[-1]) == "DeadlineExceeded"
