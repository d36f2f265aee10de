"""The options that describe a retry policy, with their help."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Annotated, Any

import tenacity
import typer

from httpx_resilient import retry_if_status, retry_if_transient, wait_transient
from httpx_resilient._cli.strategy_syntax import parse_strategy
from httpx_resilient._cli.usage import checked
from httpx_resilient._layers.retry.policy import RetryPolicy

_DEFAULT: Mapping[str, Any] = MappingProxyType(
    {
        "retry": retry_if_transient(),
        "wait": wait_transient(),
        "stop": tenacity.stop_after_attempt(3),
    }
)
"""The strategies of `RetryingTransport()`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyOptions:
    """The options that describe a retry policy."""

    attempts: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Maximum number of attempts. 3 unless this or --stop is given.",
        ),
    ] = None
    stop: Annotated[
        list[str] | None,
        typer.Option(
            metavar="STOP",
            help="When to give up: a number of attempts (5), a time after which no "
            "attempt starts (30s, 5m, 1h), or an expression as in Python: "
            '"stop_after_attempt(5) | stop_before_delay(30)". Repeatable: the first to '
            "apply ends the request.",
        ),
    ] = None
    wait: Annotated[
        str | None,
        typer.Option(
            metavar="WAIT",
            help="The wait before a retry: seconds (2 or 2s, or longer if Retry-After "
            "says so), or an expression as in Python: "
            '"wait_random_exponential(multiplier=0.1, max=5)", "wait_retry_after() + '
            'wait_random(0, 1)", with the waits of httpx_resilient and tenacity.',
        ),
    ] = None
    retry: Annotated[
        str | None,
        typer.Option(
            metavar="RETRY",
            help="The outcomes to retry, as an expression in Python: "
            "\"retry_if_transient('POST')\", "
            '"retry_if_exception_type(ConnectError) | retry_if_status(502, 503)".',
        ),
    ] = None
    retry_status: Annotated[
        list[int] | None,
        typer.Option(
            metavar="STATUS",
            help="Also retry this status code, whatever the method. Repeatable.",
        ),
    ] = None

    def strategies(self) -> dict[str, Any]:
        """
        Build the strategies that a `RetryingTransport` takes, by their keywords.

        Raises:
            BadParameter: An option is not a strategy, or cannot be used.
        """
        built = {**_DEFAULT}
        stops = [_parse("stop", text) for text in self.stop or []]
        if self.attempts is not None:
            stops.append(tenacity.stop_after_attempt(self.attempts))
        if stops:
            built["stop"] = tenacity.stop_any(*stops)
        if self.wait is not None:
            built["wait"] = _parse("wait", self.wait)
        if self.retry is not None:
            built["retry"] = _parse("retry", self.retry)
        if statuses := self.retry_status:
            built["retry"] |= checked(
                "--retry-status", lambda: retry_if_status(*statuses)
            )
        # One by one, so that the message names the option that the policy refuses.
        for keyword, strategy in built.items():
            changed = {**_DEFAULT, keyword: strategy}
            checked(f"--{keyword}", partial(RetryPolicy, **changed))
        return built

    def policy(self, max_time: float | None = None) -> RetryPolicy:
        """
        Build the policy that a `RetryingTransport` would have.

        Args:
            max_time: Seconds for the request, as a deadline around it has them.

        Raises:
            BadParameter: An option is not a strategy, or cannot be used.
        """
        built = self.strategies()
        if max_time is not None:
            deadline = tenacity.stop_before_delay(max_time)
            built["stop"] = tenacity.stop_any(built["stop"], deadline)
        return RetryPolicy(**built)


def _parse(kind: str, text: str) -> Any:
    return checked(f"--{kind}", lambda: parse_strategy(kind, text))
