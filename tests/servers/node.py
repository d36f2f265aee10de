"""node, with its own modules of HTTP."""

from __future__ import annotations

import signal
import subprocess

from servers.base import APPS, Place, Server, first_number, installed


class Node(Server):
    name = "node"
    protocols = ("h1", "h2")
    how = {"reload": "new workers of its cluster, then the end of the old ones"}
    closes_after = 2.0
    """It announces the timeout that it has, and closes a second later."""

    def __init__(self, place: Place, protocol: str = "h1") -> None:
        super().__init__(place, protocol)
        if self.http2:
            # httpcore sends it one request at a time, as it announces no number of streams.
            self.work = 0.02

    @classmethod
    def program(cls, place: Place) -> str:
        return installed("node", "nodejs")

    @classmethod
    def version(cls, place: Place) -> str:
        shown = [cls.program(place), "--version"]
        return first_number(subprocess.check_output(shown, text=True))

    def command(self) -> list[str]:
        tls = [str(self.certificate())] if self.http2 else []
        # 5 seconds are node's own default.
        idle = str(self.place.options.get("idle", 5))
        return [
            self.program(self.place), str(APPS / "node.mjs"), str(self.port), idle, *tls,
        ]  # fmt: skip

    def reload(self) -> None:
        self.daemon.signal(signal.SIGHUP)
