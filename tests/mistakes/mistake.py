"""A mistake as a line of code, and the message that it has to get."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from types import ModuleType
from typing import Any, NamedTuple

import tenacity
from support.world import LIBRARIES


class Mistake(NamedTuple):
    """
    A line of code that is wrong.

    Args:
        code: The line, as a user types it. It knows the names of a binding, those of
            tenacity, `httpx`, which is the library of the binding, `other`, which is
            the other library, and the functions of this module.
        says: A part of the message that says what to do. `<httpx>` stands for the name
            of the library, and `<home>` for the module bound to it.
        error: The class of the exception, or of the warning.
    """

    code: str
    says: str
    error: type[Exception] = TypeError

    def expected(self, library: str) -> str:
        """Return the part of the message, for one library."""
        home = LIBRARIES[library][1].__name__
        return self.says.replace("<httpx>", library).replace("<home>", home)

    def made(self, library: str) -> Exception | None:
        """Run the line with one library. Return what it raises, or warns of."""
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                eval(self.code, dict(names(library)))
            except Exception as error:
                return error
        return None


def message(error: Exception) -> str:
    """Return the text of an exception with its notes."""
    return "\n".join([str(error), *getattr(error, "__notes__", ())])


def names(library: str) -> Mapping[str, Any]:
    """Return the names that a line may use."""
    module, ours = LIBRARIES[library]
    (other,) = (each for name, (each, _) in LIBRARIES.items() if name != library)
    public = {name: getattr(ours, name) for name in ours.__all__}
    strategies = {name: getattr(tenacity, name) for name in tenacity.__all__}

    def mock(outcome: Any) -> Any:
        return module.MockTransport(lambda _: answer(module, outcome))

    def get(transport: Any, method: str = "GET", **extensions: Any) -> Any:
        """Send a request through a transport, whose inner one answers 200."""
        with module.Client(transport=transport) as client:
            url = "http://localhost/"
            return client.request(method, url, extensions=extensions)

    return {
        **strategies, **public, "tenacity": tenacity, "httpx": module, "other": other,
        "mock": mock, "get": get, "state": asynchronous, "ok": mock(200),
        "listen": asynchronous, "theirs": theirs,
    }  # fmt: skip


def answer(module: ModuleType, outcome: Any) -> Any:
    """Return a response, or raise."""
    if isinstance(outcome, int):
        return module.Response(outcome)
    raise outcome


def theirs(module: str) -> Any:
    """Make an object as one of another tool, which need not be installed."""
    return type("Retry", (), {"__module__": module})()


async def asynchronous(_: object) -> bool:
    return False
