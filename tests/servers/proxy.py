"""What all proxies have in common: the application behind them."""

from __future__ import annotations

from typing import Self

from servers.base import Place, Server
from servers.python_servers import Upstream


class Proxy(Server):
    """A server that hands each request to an application in a process of its own."""

    protocols = ("h1", "h2")

    upstream: Upstream

    @classmethod
    def can(cls, method: str) -> bool:
        return method == "restart_upstream" or super().can(method)

    def __enter__(self) -> Self:
        # The upstream keeps its idle connections: the proxy is what is tested.
        place = Place(self.place.folder, self.place.authority, self.place.programs)
        self.upstream = self._around.enter_context(Upstream(place))
        return super().__enter__()

    def restart_upstream(self) -> None:
        self.upstream.terminate()
        self.down = self.upstream.down

    def settle(self) -> None:
        super().settle()
        self.upstream.settle()
