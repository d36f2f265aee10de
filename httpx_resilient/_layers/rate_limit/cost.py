"""What a request costs, as functions of the user say."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from typing import Any

from httpx_resilient._core.validation import LARGEST, accepts, is_asynchronous

CostFunction = Callable[[Any], float]
"""Returns the cost of a request before it is sent, such as its tokens."""

UsedFunction = Callable[[Any], float | None]
"""Returns the actual cost by the headers of a response, `None` if they do not say."""

KEY = "httpx_resilient.costs"
"""The extension of a response with its `Reservation` for each limit by cost."""


class Reservation:
    """
    What is counted for a request that was answered.

    Args:
        limit: The limit that has admitted it.
        key: The key of the limit.
        sent: When it was sent, in monotonic seconds.
        cost: The cost that is counted.
    """

    __slots__ = ("cost", "key", "limit", "sent")

    def __init__(self, limit: object, key: Hashable, sent: float, cost: float) -> None:
        self.limit = limit
        self.key = key
        self.sent = sent
        self.cost = cost

    def __deepcopy__(self, memo: object) -> Reservation:
        """A transport may copy the extensions of a response. This is the same one."""
        return self

    def __reduce__(self) -> tuple[type[None], tuple[()]]:
        """In another process, nothing is reserved."""
        return type(None), ()


def reserved(response: Any, reservation: Reservation) -> None:
    """Leave a reservation on a response. Several limits may have admitted it."""
    others = [
        each
        for each in response.extensions.get(KEY, ())
        if isinstance(each, Reservation) and each.limit is not reservation.limit
    ]
    response.extensions[KEY] = (*others, reservation)


def reservation_on(response: Any, limit: object) -> Reservation | None:
    """Return what a limit has reserved for a response."""
    for each in response.extensions.get(KEY, ()):
        if isinstance(each, Reservation) and each.limit is limit:
            return each
    return None


def check_cost(cost: object, used: object) -> None:
    """
    Check the arguments `cost` and `used`.

    Raises:
        TypeError: One is not a plain function, or `used` is given without `cost`.
    """
    if used is not None and cost is None:
        msg = "used= corrects what cost= has reserved: give cost= too, or leave it out"
        raise TypeError(msg)
    examples = {
        "cost": "lambda request: 500 + len(request.content) / 4",
        "used": 'lambda response: float(response.headers["x-tokens-used"])',
    }
    for name, given in (("cost", cost), ("used", used)):
        if given is None:
            continue
        what = "request" if name == "cost" else "response"
        if not (callable(given) and accepts(given, 1)):
            msg = f"{name} must be a function of the {what}, such as {examples[name]}; "
            raise TypeError(msg + f"got {given!r}")
        if is_asynchronous(given):
            msg = (
                f"{name} must be a plain function of the {what}, because a layer "
                f"cannot await it; got the asynchronous {given!r}"
            )
            raise TypeError(msg)


def cost_of(function: CostFunction, request: Any) -> float:
    """
    Return the cost of a request.

    Raises:
        TypeError: The function has not returned a number.
        ValueError: The number is not finite and above 0.
    """
    given: Any = function(request)
    if not (_is_number("cost=", given) and 0 < given < math.inf):
        msg = (
            f"cost= has returned {given!r}: return a finite number above 0, such as "
            "the tokens that the request may use"
        )
        raise ValueError(msg)
    return float(min(given, LARGEST))


def used_of(function: UsedFunction | None, response: Any) -> float | None:
    """
    Return the actual cost of a request by its response, `None` if it is unknown.

    Raises:
        TypeError: The function has not returned a number or `None`.
        ValueError: The number is negative or not finite.
    """
    given: Any = None if function is None else function(response)
    return None if given is None else checked_used("used=", given)


def checked_used(name: str, given: Any) -> float:
    """Return an actual cost, or raise as `used_of` does."""
    if not (_is_number(name, given) and 0 <= given < math.inf):
        msg = f"{name} is {given!r}: the actual cost is a finite number, 0 or more"
        raise ValueError(msg)
    return float(min(given, LARGEST))


def _is_number(name: str, given: Any) -> bool:
    if isinstance(given, bool) or not isinstance(given, int | float):
        msg = f"{name} must give a finite number; got {given!r}"
        raise TypeError(msg)
    return True
