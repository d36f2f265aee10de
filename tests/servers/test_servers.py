"""
The quick part of `python3 tests/servers`: what no client of ours may lose.

The table in `docs/real-servers.md` has all of it. A server that is not installed is skipped.
"""

from __future__ import annotations

import pytest

from servers.actions import ACTIONS
from servers.base import NotInstalled
from servers.catalogue import cases
from servers.clients import CLIENTS, Client
from servers.goals import missed
from servers.results import Cell
from servers.trial import Bench

OURS = [client for client in CLIENTS if client.ours]
KINDS = {server.name: server for server, _, _ in cases()}
BY_NAME = {action.name: action for action in ACTIONS}


@pytest.mark.parametrize("client", OURS, ids=lambda client: client.name)
@pytest.mark.parametrize(
    ("name", "protocol", "action"),
    [
        ("nginx", "h1", "reload"),
        ("nginx", "h2", "reload"),
        ("haproxy", "h1", "reload"),
        ("gunicorn gthread", "h1", "reload"),
        ("uvicorn", "h1", "idle"),
    ],
)
def test_a_client_of_ours_misses_no_goal(
    bench: Bench, name: str, protocol: str, action: str, client: Client
) -> None:
    server = KINDS[name]
    try:
        server.program(bench.place(".", {}))
    except NotInstalled as error:
        pytest.skip(str(error))
    outcome = bench.try_out(server, protocol, BY_NAME[action], client)
    goals = list(missed(BY_NAME[action], client, Cell.of(outcome)))
    assert not goals, outcome.errors()
