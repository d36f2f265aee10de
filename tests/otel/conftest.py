from __future__ import annotations

import pytest
from support.server import Server, reply, reset
from support.telemetry import Traces
from support.world import World


@pytest.fixture
def traces(world: World) -> Traces:
    return Traces(world)


@pytest.fixture
def failing(server: Server) -> Server:
    server.play(reset(), reply(503), reply(200))
    return server
