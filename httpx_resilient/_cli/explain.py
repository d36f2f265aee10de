"""The command `explain`: print what a policy does, without sending anything."""

from __future__ import annotations

import itertools
from dataclasses import asdict
from typing import Any

from rich import box
from rich.table import Table

from httpx_resilient._cli.console import (
    fits,
    format_count,
    format_number,
    make_console,
    print_json,
    print_line,
    print_table,
)
from httpx_resilient._cli.retried import retried_errors, retried_statuses
from httpx_resilient._cli.schedule import FAILURE, ScheduledAttempt, schedule
from httpx_resilient._cli.wait_ranges import THROTTLED
from httpx_resilient._layers.retry.policy import RetryPolicy

_METHODS = ("GET", "POST")
_HEADINGS = {"failure": "after failure", "throttled": "if throttled"}

_MAX_SHOWN = 20
"""Attempts that are shown: a policy may allow any number of them."""


def explain_policy(policy: RetryPolicy, *, took: float, as_json: bool) -> None:
    """
    Print the schedule of attempts, and the outcomes after which there is another one.

    Args:
        policy: The strategies.
        took: Seconds that each attempt takes.
        as_json: Whether to print JSON instead of a table.
    """
    plans = {
        "failure": _plan(policy, FAILURE, took),
        "throttled": _plan(policy, THROTTLED, took),
    }
    retried = {
        method: {
            "statuses": retried_statuses(policy, method),
            "errors": retried_errors(policy, method),
        }
        for method in _METHODS
    }
    if as_json:
        documents = {name: _document(plan) for name, plan in plans.items()}
        print_json({**documents, "retry": retried})
        return
    if plans["failure"] == plans["throttled"]:
        del plans["throttled"]
    out = make_console()
    together = _table(plans)
    if fits(out, together):
        print_table(out, together)
    else:
        for name, plan in plans.items():
            print_table(out, _table({name: plan}, len(plans)))
    for name, plan in plans.items():
        label = f"{name}: " if len(plans) > 1 else ""
        print_line(out, label + _summary(plan))
    for method, outcomes in retried.items():
        listed = [*outcomes["statuses"], *outcomes["errors"]]
        print_line(out, f"{method} is retried after: {', '.join(listed) or 'nothing'}")


def _plan(policy: RetryPolicy, status: int, took: float) -> list[ScheduledAttempt]:
    """List the attempts that are shown, and one more if there are more."""
    return list(itertools.islice(schedule(policy, status, took), _MAX_SHOWN + 1))


def _document(plan: list[ScheduledAttempt]) -> dict[str, Any]:
    return {
        "attempts": [asdict(attempt) for attempt in plan[:_MAX_SHOWN]],
        "complete": len(plan) <= _MAX_SHOWN,
    }


def _table(plans: dict[str, list[ScheduledAttempt]], of: int = 0) -> Table:
    """Lay out plans beside each other, which may be only some `of` all."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("attempt", justify="right")
    for name in plans:
        heading = _HEADINGS[name] if max(len(plans), of) > 1 else ""
        table.add_column(f"wait, s\n{heading}", justify="right")
        table.add_column("mean", justify="right")
        table.add_column("starts\nat, s", justify="right")
    shown = [
        [attempt for attempt in plan[:_MAX_SHOWN] if attempt.likely]
        for plan in plans.values()
    ]
    for number, row in enumerate(itertools.zip_longest(*shown), 1):
        table.add_row(str(number), *(cell for each in row for cell in _cells(each)))
    if list(map(len, shown)) != list(map(len, plans.values())):
        table.add_row("...")
    return table


def _cells(attempt: ScheduledAttempt | None) -> tuple[str, str, str]:
    """Format an attempt; `None` is for a plan that is shorter than the other."""
    if attempt is None:
        return "", "", ""
    if attempt.number == 1:
        return "", "", "0"
    wait, starts = attempt.wait, _format_range(attempt.earliest, attempt.latest)
    mark = "" if attempt.certain else " ?"
    return _format_range(wait.low, wait.high), format_number(wait.mean), starts + mark


def _format_range(low: float, high: float) -> str:
    first, last = format_number(low), format_number(high)
    return first if first == last else f"{first} to {last}"


def _summary(plan: list[ScheduledAttempt]) -> str:
    certain = sum(attempt.certain for attempt in plan)
    likely = sum(attempt.likely for attempt in plan)
    if certain > _MAX_SHOWN:
        return f"{_format_total(certain)} attempts"
    if certain == len(plan):
        starts = _format_range(plan[-1].earliest, plan[-1].latest)
        attempts = format_count(certain, "attempt")
        return f"{attempts}, the last one starts after {starts} s"
    average = f"{_format_total(likely)} if every wait is average"
    return f"{certain} to {_format_total(len(plan))} attempts, {average}"


def _format_total(attempts: int) -> str:
    return f"more than {_MAX_SHOWN}" if attempts > _MAX_SHOWN else str(attempts)
