"""What a body that is handed out came with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from httpx_resilient._core.context import RequestContext
    from httpx_resilient._core.deadline import Deadline


class Exchange(NamedTuple):
    """
    A request and its answer, whose body is handed out.

    Args:
        request: The request, as it was sent.
        response: Its answer.
        io: The IO of the layer.
        context: The context of the request, if there is one.
        deadline: The deadline around the layer, if there is one.
        began: When the request was sent, in monotonic seconds.
        ended: When its answer came.
    """

    request: Any
    response: Any
    io: Any
    context: RequestContext | None
    deadline: Deadline | None
    began: float
    ended: float
