"""Watch the body of a response that a request ends with."""

from __future__ import annotations

from typing import Any
from weakref import ref

from httpx_resilient._core.classify import SWITCHING_PROTOCOLS
from httpx_resilient._core.context import RequestContext
from httpx_resilient._layers.retry.body_stream import RetriedBody
from httpx_resilient._layers.retry.retried_request import RetriedRequest


def watch(
    body: RetriedBody,
    flow: Any,
    request: Any,
    io: Any,
    context: RequestContext | None,
    response: Any,
    ended: float,
    retried: RetriedRequest[Any, Any] | None = None,
) -> None:
    """
    Watch the body of a response that a request ends with.

    Args:
        body: What becomes its stream.
        flow: The retry layer.
        request: The request.
        io: The effects of its flow.
        context: What is known of it, if there is a context.
        response: The response, open and unread.
        ended: When the headers of a first attempt had arrived.
        retried: The attempts, if there was more than a first one that has succeeded.
    """
    if response.status_code == SWITCHING_PROTOCOLS or not isinstance(
        response,
        flow._family.response,  # noqa: SLF001 - a part of the layer
    ):
        return  # it has no body, or it is of a class whose `read` is unknown
    policy = flow.policy if retried is None else retried.policy
    body.complete = policy.complete
    body.context = context
    body.deadline = None if context is None else context.deadline
    body.ended = ended
    body.flow = flow
    body.headers = response.headers
    body.inside = body.latest = body.renewal = None
    body.io = io
    body.begins_again, body.is_reached = False, True
    body.request = request
    body.response = ref(response)
    body.retried = retried
    body.stream = response.stream
    response.stream = body
    if policy.retry_response_body:
        if io.asynchronous:
            inside = getattr(response.aread, "__self__", response)
            response.aread = body.aread
        else:
            inside = getattr(response.read, "__self__", response)
            response.read = body.read
        if inside is not response and isinstance(inside, RetriedBody):
            body.inside = inside
