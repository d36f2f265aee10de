"""What a policy does, told without sending anything."""

from __future__ import annotations

import itertools
from dataclasses import asdict
from typing import Any

from rich import box
from rich.table import Table

from httpx_resilient._cli.console import console, emit, say, seconds, show_table, times
from httpx_resilient._cli.retried import errors_retried, statuses_retried
from httpx_resilient._cli.schedule import FAILURE, MOST, THROTTLED, Row, schedule
from httpx_resilient._layers.retry.policy import RetryPolicy

_METHODS = ("GET", "POST")


def explain(policy: RetryPolicy, *, took: float, as_json: bool) -> None:
    """
    Print when the attempts are if all of them fail, and what is tried again.

    Args:
        policy: The strategies.
        took: Seconds that each attempt takes.
        as_json: Whether it is for a machine.
    """
    plans = {
        "failure": _plan(policy, FAILURE, took),
        "throttled": _plan(policy, THROTTLED, took),
    }
    retried = {
        method: {
            "statuses": statuses_retried(policy, method),
            "errors": errors_retried(policy, method),
        }
        for method in _METHODS
    }
    if as_json:
        emit({**{name: _plain(plan) for name, plan in plans.items()}, "retry": retried})
        return
    if plans["failure"] == plans["throttled"]:
        del plans["throttled"]
    out = console()
    show_table(out, _table(plans))
    for name, plan in plans.items():
        say(out, _summary(plan, "" if len(plans) == 1 else f"{name}: "))
    for method, outcomes in retried.items():
        listed = [*outcomes["statuses"], *outcomes["errors"]]
        say(out, f"{method} is tried again after: {', '.join(listed) or 'nothing'}")


def _plan(policy: RetryPolicy, status: int, took: float) -> list[Row]:
    """One more than are told of, to know whether there are more."""
    return list(itertools.islice(schedule(policy, status, took), MOST + 1))


def _plain(plan: list[Row]) -> dict[str, Any]:
    return {
        "attempts": [asdict(row) for row in plan[:MOST]],
        "complete": len(plan) <= MOST,
    }


def _table(plans: dict[str, list[Row]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("attempt", justify="right")
    for name in plans:
        of = f"if {name}" if name == "throttled" else f"after {name}"
        table.add_column(f"wait, s\n{of if len(plans) > 1 else ''}", justify="right")
        table.add_column("mean", justify="right")
        table.add_column("begins\nat, s", justify="right")
    shown = [[row for row in plan[:MOST] if row.likely] for plan in plans.values()]
    for number, rows in enumerate(itertools.zip_longest(*shown), 1):
        table.add_row(str(number), *(cell for row in rows for cell in _cells(row)))
    if any(
        len(few) < len(plan) for few, plan in zip(shown, plans.values(), strict=True)
    ):
        table.add_row("...")
    return table


def _cells(row: Row | None) -> tuple[str, str, str]:
    if row is None:
        return "", "", ""
    if row.number == 1:
        return "", "", "0"
    wait, begins = row.wait, _between(row.earliest, row.latest)
    mark = "" if row.certain else " ?"
    return _between(wait.low, wait.high), seconds(wait.mean), begins + mark


def _between(low: float, high: float) -> str:
    one, other = seconds(low), seconds(high)
    return one if one == other else f"{one} to {other}"


def _summary(plan: list[Row], of: str) -> str:
    last, most = plan[-1], len(plan)
    least, likely = (
        sum(row.certain for row in plan),
        sum(row.likely for row in plan),
    )
    if least > MOST:
        return f"{of}{_number(least)} attempts"
    if least == most:
        when = _between(last.earliest, last.latest)
        return f"{of}{times(most, 'attempt')}, the last of them after {when} s"
    mean = f"{_number(likely)} if all waits are as on average"
    return f"{of}{least} to {_number(most)} attempts, {mean}"


def _number(attempts: int) -> str:
    return f"more than {MOST}" if attempts > MOST else str(attempts)
