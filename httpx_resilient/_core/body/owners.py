"""What a tracked stream reports to: the owners of what its response occupies."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from httpx_resilient._core.io.protocol import Effects

After = Callable[[Effects], Coroutine[Any, Any, None]]
"""Work that an owner still has to do after a response has ended."""


class StreamOwner(Protocol):
    """The owner of a resource that a response occupies, such as a permit."""

    def on_closed(self, resource: Any, error: BaseException | None) -> After | None:
        """
        Release the resource of a response that was closed.

        Args:
            resource: The resource, as it was given to the stream.
            error: The exception that its reader or its closing met, if any.

        Returns:
            Work to await afterwards, or `None`.
        """
        ...

    def on_leaked(self, resource: Any) -> None:
        """Release the resource of an unclosed response. Any thread may call it."""
        ...
