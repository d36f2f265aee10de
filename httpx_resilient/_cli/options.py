"""The options that commands share, as typer reads them, and what is made of them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Annotated, Any, TypeVar

import tenacity
import typer

from httpx_resilient import retry_if_status, retry_if_transient, wait_transient
from httpx_resilient._cli.strategy_syntax import strategy
from httpx_resilient._layers.retry.policy import RetryPolicy

MadeT = TypeVar("MadeT")

_DEFAULT: Mapping[str, Any] = MappingProxyType(
    {
        "retry": retry_if_transient(),
        "wait": wait_transient(),
        "stop": tenacity.stop_after_attempt(3),
    }
)
"""What a `RetryingTransport()` does."""

ENVIRONMENT = "the environment"
"""Where what is wrong with a proxy comes from."""

LONGEST = 604_800.0
"""Seconds: a week."""

Url = Annotated[
    str, typer.Argument(metavar="URL", help="Such as https://example.org/path.")
]
Method = Annotated[
    str | None,
    typer.Option(
        "--method", "-X", metavar="METHOD", help="GET, or POST if there are data."
    ),
]
Header = Annotated[
    list[str] | None,
    typer.Option(
        "--header",
        "-H",
        metavar="HEADER",
        help="Such as 'Accept: text/html'. May be repeated.",
    ),
]
Data = Annotated[
    str | None,
    typer.Option(
        "--data",
        "-d",
        metavar="DATA",
        help="The body, or @FILE, or @- for the standard input. A form, unless a "
        "Content-Type says otherwise.",
    ),
]
Timeout = Annotated[
    float,
    typer.Option(
        min=0.001,
        max=LONGEST,
        metavar="SECONDS",
        help="For each step: to connect, to send or to receive a part.",
    ),
]
MaxTime = Annotated[
    float | None,
    typer.Option(
        "--max-time",
        "-m",
        min=0.001,
        max=LONGEST,
        metavar="SECONDS",
        help="For all attempts, the waits between them and the body. No limit without.",
    ),
]
Budget = Annotated[
    bool,
    typer.Option(
        "--budget/--no-budget",
        help="Whether retries are paid from a budget, and not more than in proportion "
        "to what goes well.",
    ),
]
Attempts = Annotated[
    int | None,
    typer.Option(
        min=1, metavar="N", help="Attempts at most. 3 without this or --stop."
    ),
]
Stop = Annotated[
    list[str] | None,
    typer.Option(
        metavar="STOP",
        help="When to give up: attempts (5), seconds (30s: none begins later), or as "
        'in Python: "stop_after_attempt(5) | stop_before_delay(30)". Any of several.',
    ),
]
Wait = Annotated[
    str | None,
    typer.Option(
        metavar="WAIT",
        help="Before an attempt: seconds (2; longer if the server says so), or as in "
        'Python: "wait_random_exponential(multiplier=0.1, max=5)", "wait_retry_after() '
        '+ wait_random(0, 1)". The waits that httpx_resilient has, and tenacity.',
    ),
]
Retry = Annotated[
    str | None,
    typer.Option(
        metavar="RETRY",
        help="What to try again, as in Python: \"retry_if_transient('POST')\", "
        '"retry_if_exception_type(ConnectError) | retry_if_status(502, 503)".',
    ),
]
RetryStatus = Annotated[
    list[int] | None,
    typer.Option(
        metavar="STATUS",
        help="Try this status code again too, whatever the method. May be repeated.",
    ),
]
Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON document, and nothing else.")
]


def strategies(
    attempts: int | None,
    stop: list[str] | None,
    wait: str | None,
    retry: str | None,
    retry_status: list[int] | None,
) -> dict[str, Any]:
    """
    Make what a `RetryingTransport` takes.

    Raises:
        BadParameter: An option is no strategy, or one that cannot be used.
    """
    stops = [_read("stop", text) for text in stop or []]
    if attempts is not None:
        stops.append(tenacity.stop_after_attempt(attempts))
    made = {**_DEFAULT}
    if stops:
        made["stop"] = tenacity.stop_any(*stops)
    if wait is not None:
        made["wait"] = _read("wait", wait)
    if retry is not None:
        made["retry"] = _read("retry", retry)
    if retry_status:
        made["retry"] |= checked(
            "--retry-status", lambda: retry_if_status(*retry_status)
        )
    for name, each in made.items():
        changed = {**_DEFAULT, name: each}
        checked(f"--{name}", functools.partial(policy, changed))
    return made


def policy(made: dict[str, Any]) -> RetryPolicy:
    """Make the policy that a `RetryingTransport` would have."""
    return RetryPolicy(**made)


def checked(option: str, make: Callable[[], MadeT]) -> MadeT:
    """
    Make what an option describes, or say what is wrong with it.

    Raises:
        BadParameter: It cannot be made.
    """
    try:
        return make()
    except (TypeError, ValueError) as error:
        raise typer.BadParameter(str(error), param_hint=option) from error


def _read(kind: str, text: str) -> Any:
    return checked(f"--{kind}", lambda: strategy(kind, text))
