"""What the library promises, as checks of results."""

from __future__ import annotations

from collections.abc import Iterator

from servers.actions import Action
from servers.clients import Client
from servers.results import Cell


def missed(action: Action, client: Client, cell: Cell) -> Iterator[str]:
    """Yield the goals that a client of ours missed. Others have none."""
    if not client.ours:
        return
    if cell.posts_twice:
        yield f"{cell.posts_twice} POSTs processed twice"
    if cell.wrong:
        yield f"{cell.wrong} requests got the answer to another one"
    if action.no_get_lost and cell.gets_lost:
        yield f"{cell.gets_lost} GETs lost"
    if action.no_post_lost and cell.posts_failed:
        yield f"{cell.posts_failed} POSTs failed"
