"""Many trials, one after the other, and what they found."""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import httpx_resilient
from servers.actions import ACTIONS, Action
from servers.base import NotInstalled, Server
from servers.catalogue import SERVERS, cases
from servers.clients import CLIENTS, Client
from servers.goals import missed
from servers.report import page
from servers.results import Cell, Results
from servers.trial import Bench


def choices() -> Iterator[str]:
    """Yield what can be chosen."""
    for server in SERVERS:
        yield f"--server '{server.name}' ({', '.join(server.protocols)})"
    for action in ACTIONS:
        yield f"--action {action.name}: {action.title}"
    for client in CLIENTS:
        yield f"--client {client.name}{' (ours)' if client.ours else ''}"


def unknown(options: argparse.Namespace) -> list[str]:
    """Return the names that were chosen and that nothing has."""
    servers = {name for kind in SERVERS for name in names_of(kind)}
    known = servers | {a.name for a in ACTIONS} | {c.name for c in CLIENTS}
    return sorted({*options.server, *options.action, *options.client} - known)


def names_of(server: type[Server]) -> set[str]:
    return {
        server.name,
        *(f"{server.name} {protocol}" for protocol in server.protocols),
    }


class Campaign:
    def __init__(self, programs: Path, options: argparse.Namespace) -> None:
        self._bench = Bench(programs)
        self._options = options
        self._results = Results.read()
        self._results.versions |= {
            "CPython": platform.python_version(),
            "h2": version("h2"),
            "httpx_resilient": httpx_resilient.__version__,
        }
        self._missed: list[str] = []
        self._broken: list[str] = []
        self._skipped: dict[str, str] = {}

    def run(self) -> int:
        began, trials = time.monotonic(), 0
        clients = [client for client in self._clients() if self._is_here(client)]
        for server, protocol, action in self._cases():
            for client in clients:
                trials += 1
                self._try_out(server, protocol, action, client)
        if self._options.write:
            self._results.write()
            Path(self._options.write).write_text(page(self._results))
        return self._summary(trials, time.monotonic() - began)

    def _clients(self) -> Iterator[Client]:
        wanted = self._options.client
        for client in CLIENTS:
            if not wanted or client.name in wanted:
                yield client

    def _cases(self) -> Iterator[tuple[type[Server], str, Action]]:
        wanted, actions = self._options.server, self._options.action
        for server, protocol, action in cases():
            names = {server.name, f"{server.name} {protocol}"}
            if wanted and names.isdisjoint(wanted):
                continue
            if actions and action.name not in actions:
                continue
            if self._has(server):
                yield server, protocol, action

    def _has(self, server: type[Server]) -> bool:
        """Note the version of a server, or say once that it is not here."""
        try:
            place = self._bench.place(".", {})
            self._results.versions[server.name.split()[0]] = server.version(place)
        except NotInstalled as error:
            self._skip(server.name, error)
        return server.name not in self._skipped

    def _is_here(self, client: Client) -> bool:
        try:
            client.check()
        except NotInstalled as error:
            self._skip(client.name, error)
            return False
        self._results.versions |= client.versions()
        return True

    def _skip(self, name: str, error: NotInstalled) -> None:
        if name not in self._skipped:
            self._skipped[name] = str(error)
            print(f"skipped: {name}: {error}", flush=True)

    def _try_out(
        self, server: type[Server], protocol: str, action: Action, client: Client
    ) -> None:
        row = f"{server.name} {protocol}"
        name = f"{row}, {action.name}, {client.name}"
        try:
            outcome = self._bench.try_out(server, protocol, action, client)
        except (OSError, RuntimeError) as error:
            # The last line of a log says why, as a rule.
            reason = str(error).strip().splitlines()[-1]
            self._broken.append(f"{name}: {reason}")
            print(f"{name}: the trial broke: {reason}", flush=True)
            return
        cell = Cell.of(outcome)
        self._results.add(row, action.name, client.name, cell)
        found = list(missed(action, client, cell))
        self._missed += [f"{name}: {goal}" for goal in found]
        print(f"{name}: {cell}{' MISSED' if found else ''}", flush=True)
        for error in outcome.errors():
            print(f"    {error[:150]}", flush=True)

    def _summary(self, trials: int, seconds: float) -> int:
        print(f"\n{trials} trials in {seconds:.0f} s")
        for title, lines in (("missed goals", self._missed), ("broken", self._broken)):
            print(f"{title}: {len(lines)}", *lines, sep="\n    ")
        return 1 if self._missed or self._broken else 0
