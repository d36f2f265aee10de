"""What is done to a server under load, and what may not be lost by it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from servers.base import Server
from servers.load import Load
from servers.race import IDLE

LOAD = Load()


@dataclass(frozen=True)
class Action:
    name: str
    title: str
    method: str | None = None
    """The method of a server; None: nothing but the load."""

    load: Load = LOAD
    options: dict[str, Any] = field(default_factory=dict)
    """What the server is configured with."""

    no_get_lost: bool = False
    """Whether losing a GET misses a goal."""

    no_post_lost: bool = False
    """Whether losing a POST misses a goal."""

    race: bool = False
    """Whether pauses are spread around the idle timeout, instead of a load."""

    only: tuple[str, ...] = ()
    """The servers that it is for, such as `nginx h2`; none: all that can."""

    def applies(self, server: type[Server], protocol: str) -> bool:
        if self.only and f"{server.name} {protocol}" not in self.only:
            return False
        return self.method is None or server.can(self.method)


ACTIONS = [
    Action("reload", "reload", "reload", no_get_lost=True),
    Action(
        "hand-over",
        "graceful restart",
        "hand_over",
        options={"activated": True},
        no_get_lost=True,
    ),
    Action("stop", "graceful stop, start", "stop_gracefully"),
    Action("terminate", "SIGTERM, start", "terminate"),
    Action("hard", "hard restart (HUP)", "restart_hard"),
    Action("upstream", "SIGTERM, start of the upstream", "restart_upstream"),
    Action(
        "reload-100",
        "reload with 100 of 0.6 s in flight",
        "reload",
        Load(80, 20, at_once=100, work=0.6, act_after=0),
        no_get_lost=True,
        only=("nginx h2", "apache h2", "caddy h2"),
    ),
    Action(
        "three",
        "`keepalive_requests 3`, 20 GETs at once",
        load=Load(20, 0, at_once=20, work=0),
        options={"nginx": "keepalive_requests 3;"},
        no_get_lost=True,
        only=("nginx h2",),
    ),
    Action(
        "thousand",
        "1,001 GETs in sequence",
        load=Load(1001, 0, at_once=1, work=0),
        no_get_lost=True,
        only=("nginx h2",),
    ),
    Action(
        "idle",
        "pauses around the idle timeout",
        options={"idle": IDLE},
        no_get_lost=True,
        no_post_lost=True,
        race=True,
        only=(
            "nginx h1",
            "uvicorn h1",
            "gunicorn gthread h1",
            "hypercorn h1",
            "node h1",
        ),
    ),
]
