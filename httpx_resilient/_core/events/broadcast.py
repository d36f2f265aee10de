"""Events of a state that transports share: the listener of each of them gets them."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec
from weakref import WeakValueDictionary

from httpx_resilient._core.events.base import Event, Listener
from httpx_resilient._core.events.emitter import EventEmitter

P = ParamSpec("P")


class Broadcast:
    """The emitters of the transports that use a state. It keeps none of them alive."""

    def __init__(self) -> None:
        self._emitters: WeakValueDictionary[int, EventEmitter] = WeakValueDictionary()

    def join(self, emitter: EventEmitter) -> None:
        """Add the emitter of a transport."""
        self._emitters[id(emitter)] = emitter

    def __call__(
        self, kind: Callable[P, Event], *what: P.args, **more: P.kwargs
    ) -> None:
        """
        Emit an event that is of no request: log it once, and call each listener once.

        Args:
            kind: The class of the event.
            what: Its fields.
            more: Its fields, by name.
        """
        served: list[Listener | None] = []
        # The list is a copy, made at once: another thread may make a transport.
        for emitter in self._emitters.valuerefs():
            emit = emitter()
            if emit is None or emit.listener in served:
                continue
            if not served:
                emit(None, kind, *what, **more)
            elif emit.listener is not None:
                emit.dispatch(None, kind(*what, **more))
            served.append(emit.listener)
