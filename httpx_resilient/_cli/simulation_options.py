"""The situation of the command `simulate`: a server and its clients."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

import typer

from httpx_resilient._cli.usage import checked, usage_error
from httpx_resilient.simulation import Outage, Server, Traffic

MAX_DURATION = 86_400
"""Seconds; a day."""

_MAX_CALLS = 2_000_000
"""About two minutes of computing, if all goes well."""

_OUTAGE = re.compile(
    r"(?P<start>[\d.]+):(?P<end>[\d.]+)(:(?P<kind>\w+)(=(?P<value>[\d.]+))?)?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SituationOptions:
    """The options that describe the clients and the server."""

    clients: Annotated[
        int,
        typer.Option(
            min=1,
            max=10_000,
            metavar="N",
            help="Clients, each a process with a policy of its own.",
        ),
    ] = 100
    rate: Annotated[
        float,
        typer.Option(
            min=0.0001,
            max=10_000,
            metavar="R",
            help="Calls per second of each client, at random moments.",
        ),
    ] = 1.0
    think: Annotated[
        float | None,
        typer.Option(
            min=0.001,
            max=MAX_DURATION,
            metavar="SECONDS",
            help="Instead of --rate: each client makes one call at a time, and rests "
            "so long after it.",
        ),
    ] = None
    capacity: Annotated[
        float,
        typer.Option(
            min=0.001,
            max=1_000_000,
            metavar="R",
            help="Requests per second that the server can serve.",
        ),
    ] = 150.0
    latency: Annotated[
        float,
        typer.Option(
            min=0,
            max=3_600,
            metavar="SECONDS",
            help="The median time of an answer of the idle server.",
        ),
    ] = 0.05
    queue: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="N",
            help="Requests that may wait at the server; the others are answered 503. "
            "By default any number.",
        ),
    ] = None
    outage: Annotated[
        list[str] | None,
        typer.Option(
            metavar="START:END[:KIND]",
            help="A bad time of the server, in seconds: 60:90 (it stands still), "
            "60:90:slow=10 (times as slow), 60:90:429=5 (refuses, with a Retry-After), "
            "60:90:errors=0.3 (a share is answered 503), 60:90:restart. Repeatable.",
        ),
    ] = None
    duration: Annotated[
        int,
        typer.Option(
            min=1,
            max=MAX_DURATION,
            metavar="SECONDS",
            help="Simulated seconds of traffic.",
        ),
    ] = 180
    seed: Annotated[
        int,
        typer.Option(metavar="N", help="The same seed gives the same result."),
    ] = 0

    def traffic(self) -> Traffic:
        """
        Return the clients and their calls.

        Raises:
            BadParameter: There would be too many calls.
        """
        pace = self.rate if self.think is None else 1 / self.think
        calls = self.clients * pace * self.duration
        if calls > _MAX_CALLS:
            problem = (
                f"{calls:,.0f} calls are too many, {_MAX_CALLS:,} can be simulated: "
                "take fewer clients, a lower rate or a shorter duration"
            )
            raise usage_error(problem, option="--clients")
        return Traffic(self.clients, self.rate, self.think)

    def server(self) -> Server:
        """
        Return the server.

        Raises:
            BadParameter: An outage cannot be parsed, or is not over in time.
        """
        outages = [_parse_outage(each) for each in self.outage or []]
        server = checked(
            "--outage",
            lambda: Server(self.capacity, self.latency, self.queue, outages),
        )
        over = server.recovers_from
        if over is not None and over >= self.duration:
            problem = (
                f"it ends at {over:g} s, and the simulation at {self.duration} s: "
                f"give a longer --duration, such as {2 * over:.0f}"
            )
            raise usage_error(problem, option="--outage")
        return server


def _parse_outage(text: str) -> Outage:
    match = _OUTAGE.fullmatch(text)
    if match is None:
        problem = (
            f"{text!r} is no outage. Examples: 60:90, 60:90:slow=10, 60:90:429=5, "
            "60:90:errors=0.3, 60:90:restart"
        )
        raise usage_error(problem, option="--outage")
    value = match["value"]

    def build() -> Outage:
        return Outage(
            float(match["start"]),
            float(match["end"]),
            match["kind"] or "dead",
            None if value is None else float(value),
        )

    return checked("--outage", build)
