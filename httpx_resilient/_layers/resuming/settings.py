"""What a resuming layer gives to the bodies that it watches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from httpx_resilient._budget.budget import RetryBudget
from httpx_resilient._core.events.emitter import EventEmitter
from httpx_resilient._core.family import Family
from httpx_resilient._layers.resuming.steps import Limits

OPTION = "resume"
"""The extension by which one request is not resumed: `{"resume": False}`."""


@dataclass(frozen=True, slots=True)
class Settings:
    """
    What a resuming layer gives to the bodies that it watches.

    Args:
        family: The library of the requests.
        refusal: The exception of a body whose content has changed.
        emit: Emits the events of the layer.
        limits: How much a body may cost.
        budget: The budget of requests for the rest, or `None`.
        complete: Whether an encoded body that ends early has broken.
        earns: Whether the budget is the layer's own: nobody else deposits in it.
    """

    family: Family
    refusal: Any
    emit: EventEmitter
    limits: Limits
    budget: RetryBudget | None
    complete: bool
    earns: bool
