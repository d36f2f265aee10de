"""The page that shows the results: docs/real-servers.md."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from servers.actions import ACTIONS, Action
from servers.catalogue import SERVERS, cases
from servers.clients import CLIENTS
from servers.goals import missed
from servers.results import Cell, Results

PAGE = """\
# Against real servers

<!-- made by `python3 tests/servers --write docs/real-servers.md`: change tests/servers, not this -->

What a client loses while a real server is reloaded, restarted, or closes an idle connection.
The run of {date} had these versions:
{versions}

Each cell shows *GETs lost / POSTs failed (of these never processed) / POSTs processed twice*. A request
is lost if its caller gets an exception, or a status other than 200. What was processed is counted by the
application behind the server: it appends the id of each request that it takes to a file, which outlives
all restarts. `-` means not run.

* **The load** is 400 GETs and 100 POSTs with 20 in flight. The action begins after 100 answers.
  A request takes 50 ms (gunicorn's sync workers 20 ms; servers that take seconds for the action 150 ms).
* **reload** and **graceful restart** keep the port open all the time. What stops and starts has a gap, in
  which connections are refused; its seconds stand beside it, least and most of the clients.
* **pauses around the idle timeout**: 300 GETs and 300 POSTs, each sent in the last 30 ms before the server
  closes the idle connection after 1 s (node announces 1 s and closes after 2), on 30 connections with 10 pauses
  each, for each method. Every client has seen the server close an idle connection once before.
* **ours** is `RetryingTransport()` with its defaults: three attempts, and a retry budget. Its default is for
  gaps of up to 0.2 s; httpx-retries makes eleven attempts by default, and does not wait between them.
* Every client has a timeout of 10 s, and runs on asyncio. h1 is HTTP/1.1 without TLS, h2 is HTTP/2 over TLS.

{table}

The goals, which `python3 tests/servers` checks and which its exit code tells: no client of ours has a POST
processed twice; reload and graceful restart lose none of our GETs; pauses around the idle timeout fail none
of our requests. What a restart with a gap loses is no goal, for it depends on how long the gap is; a POST that
failed and was never processed is shown, as only a wire that tells can repeat it. {missed}

## The servers

{servers}

A server that is stopped is killed after 10 s, as container engines do. Idle connections are closed after 60 s
(node: 5 s), but for the pauses. Proxies have a uvicorn behind them; node and the servers of Python have the
application inside.

## To run it

```sh
apt-get install nginx haproxy apache2 caddy nodejs
python3 tests/servers --write docs/real-servers.md
```

It needs Python and pip; what it installs goes to environments of its own (`--environments FOLDER` keeps them).
Servers that are not installed are skipped, with one line each. `--server nginx --action reload --client ours`
runs a part; `--list` shows the parts.
"""


def page(results: Results) -> str:
    return PAGE.format(
        date=results.date,
        versions=versions(results),
        table="\n".join(table(results)),
        missed=misses(results),
        servers="\n".join(servers()),
    )


def versions(results: Results) -> str:
    shown = ", ".join(f"{name} {v}" for name, v in sorted(results.versions.items()))
    return textwrap.fill(shown + ".", 110)


def table(results: Results) -> Iterator[str]:
    names = [client.name for client in CLIENTS]
    yield "| server | action | " + " | ".join(names) + " |"
    yield "|---|---|" + "---|" * len(names)
    for server, protocol, action in cases():
        row = f"{server.name} {protocol}"
        cells = [results.cell(row, action.name, name) for name in names]
        if any(cells):
            shown = " | ".join(str(cell or "-") for cell in cells)
            yield f"| {row} | {titled(action, cells)} | {shown} |"


def servers() -> Iterator[str]:
    """Say what each action is, on each server that has its own way."""
    own = {method for server in SERVERS for method in server.how}
    actions = [action for action in ACTIONS if action.method in own and not action.only]
    yield "| server | " + " | ".join(action.title for action in actions) + " |"
    yield "|---|" + "---|" * len(actions)
    for server in SERVERS:
        how = [server.how.get(action.method or "", "-") for action in actions]
        yield f"| {server.name} | {' | '.join(how)} |"


def titled(action: Action, cells: list[Cell | None]) -> str:
    down = [cell.down for cell in cells if cell is not None and cell.down]
    if not down:
        return action.title
    return f"{action.title} (closed for {min(down):.1f} to {max(down):.1f} s)"


def misses(results: Results) -> str:
    """Say which cells of ours miss a goal."""
    lines = []
    for server, protocol, action in cases():
        row = f"{server.name} {protocol}"
        clients = [
            client.name
            for client in CLIENTS
            if (cell := results.cell(row, action.name, client.name))
            and any(missed(action, client, cell))
        ]
        if clients:
            lines.append(f"* {row}, {action.title}: {', '.join(clients)}")
    return (
        "\n".join(["Missed in:", "", *lines]) if lines else "All of them are reached."
    )
