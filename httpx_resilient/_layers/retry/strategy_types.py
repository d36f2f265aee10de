"""
The types of strategies, which tell the three kinds apart.

tenacity's strategies of all kinds are callable with a state, and a `bool` is a `float`.
So a type such as `Callable[[RetryState], bool]` would accept each of them anywhere.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import CodeType
from typing import Protocol, Self, TypeVar

from tenacity import RetryCallState
from tenacity.retry import retry_base
from tenacity.stop import stop_base
from tenacity.wait import wait_base

from httpx_resilient._core.http_types import RequestT, ResponseT
from httpx_resilient._layers.retry.state import RetryState

StateT_contra = TypeVar("StateT_contra", contravariant=True)
AnswerT_co = TypeVar("AnswerT_co", covariant=True)


class StrategyFunction(Protocol[StateT_contra, AnswerT_co]):
    """A function, a lambda or a method, which no object of tenacity's is."""

    @property
    def __code__(self) -> CodeType: ...
    def __call__(self, state: StateT_contra, /) -> AnswerT_co: ...


class StrategyObject(Protocol[StateT_contra, AnswerT_co]):
    """A user's object. tenacity's have another name for the argument, `retry_state`."""

    def __call__(self, state: StateT_contra) -> AnswerT_co: ...


class Seconds(Protocol):
    """An `int` or a `float`. The sum of a `bool` is none, so that is refused."""

    def __add__(self, other: int, /) -> Self: ...


Hook = Callable[[RetryState[RequestT, ResponseT]], Awaitable[None] | None]

_Lambda = Callable[[RetryState[RequestT, ResponseT]], None]
"""
Where mypy finds the type of a lambda's argument: it looks in no protocol.

mypy does not compare the answer of a lambda with `None`. So this accepts no strategy of
another kind, only functions that return nothing.
"""

RetryStrategy = (
    retry_base
    | StrategyFunction[RetryState[RequestT, ResponseT], bool | Awaitable[bool]]
    | StrategyObject[RetryState[RequestT, ResponseT], bool | Awaitable[bool]]
    | _Lambda[RequestT, ResponseT]
)
StopStrategy = (
    stop_base
    | StrategyFunction[RetryState[RequestT, ResponseT], bool | Awaitable[bool]]
    | StrategyObject[RetryState[RequestT, ResponseT], bool | Awaitable[bool]]
    | _Lambda[RequestT, ResponseT]
)
WaitStrategy = (
    wait_base
    | Callable[[RetryState[RequestT, ResponseT]], Seconds | Awaitable[Seconds]]
)

Backoff = wait_base | Callable[[RetryCallState], Seconds]
"""A part of a wait. It is synchronous, as in a combination of tenacity's."""
