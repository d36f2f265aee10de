"""One server, one action, one client."""

from __future__ import annotations

import asyncio
import ssl
import tempfile
from pathlib import Path
from typing import Any

import trustme

from servers.actions import Action
from servers.base import Place, Server
from servers.clients import Client
from servers.load import Outcome, Run
from servers.race import race


class Bench:
    """What all trials share: the authority of TLS, and the programs of pip."""

    def __init__(self, programs: Path) -> None:
        self.programs = programs
        self.authority = trustme.CA()
        self.trusting = ssl.create_default_context()
        self.authority.configure_trust(self.trusting)

    def place(self, folder: str, options: dict[str, Any]) -> Place:
        return Place(Path(folder), self.authority, self.programs, options)

    def try_out(
        self, server: type[Server], protocol: str, action: Action, client: Client
    ) -> Outcome:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            # Workers of some servers run as another user.
            Path(folder).chmod(0o755)
            place = self.place(folder, action.options)
            with server(place, protocol) as running:
                outcome = asyncio.run(self._run(running, action, client))
                running.settle()
                outcome.taken = place.taken()
                outcome.down = running.down
        return outcome

    async def _run(self, server: Server, action: Action, client: Client) -> Outcome:
        def make() -> Any:
            return client.make(self.trusting, server.http2)

        if action.race:
            return await race(make, server.url, server.closes_after)
        version = "HTTP/2" if server.http2 else "HTTP/1.1"
        act = getattr(server, action.method) if action.method else None
        async with make() as open_client:
            run = Run(open_client, server.url, action.load, server.work, version)
            return await run(act)
