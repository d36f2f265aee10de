"""The command line: strategies as they are written, and the schedule they give."""

from __future__ import annotations

import contextlib
import json
import random
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

import httpx
import pytest
import tenacity
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from httpx_resilient import retry_if_transient, wait_transient
from httpx_resilient._cli.app import app
from httpx_resilient._cli.schedule import Row, Spread, schedule, spread, state_of
from httpx_resilient._cli.strategy_syntax import STRATEGIES, NotationError, strategy
from httpx_resilient._layers.retry.policy import RetryPolicy

JITTER = "wait_exponential_jitter(multiplier=1, max=5, jitter=3)"


def explained(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["explain", *arguments], env={"COLUMNS": "80"})


def document(*arguments: str) -> Any:
    return json.loads(explained(*arguments, "--json").stdout)


def policy(wait: str = "0", stop: str = "3") -> RetryPolicy:
    return RetryPolicy(
        retry=retry_if_transient(),
        wait=strategy("wait", wait),
        stop=strategy("stop", stop),
    )


def rows(wait: str, stop: str, took: float = 0.0, status: int = 500) -> list[Row]:
    return list(islice(schedule(policy(wait, stop), status, took), 30))


# What is written.


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("5", tenacity.stop_after_attempt),
        ("30s", tenacity.stop_before_delay),
        (" 0.5s ", tenacity.stop_before_delay),
        ("stop_after_delay(10)", tenacity.stop_after_delay),
        ("tenacity.stop_after_attempt(5)", tenacity.stop_after_attempt),
        ("stop_after_attempt(5) | stop_before_delay(30)", tenacity.stop_any),
        ("stop_after_attempt(5) & stop_before_delay(30)", tenacity.stop_all),
        ("stop_never", type(tenacity.stop_never)),
    ],
)
def test_a_stop_is_written_as_a_number_or_as_in_python(text: str, kind: type) -> None:
    assert type(strategy("stop", text)) is kind


def test_a_plain_wait_is_that_long_or_as_long_as_the_server_says() -> None:
    wait = strategy("wait", "2")
    state = state_of(policy())
    state.returned(httpx.Response(503), 0.0)
    assert wait(state) == 2
    state.sends(0.0)
    state.returned(httpx.Response(503, headers={"retry-after": "10"}), 0.0)
    assert 10 <= wait(state) <= 11


@pytest.mark.parametrize(
    "text",
    [
        "wait_chain(wait_fixed(1), wait_fixed(2) + wait_random(0, 1))",
        "wait_transient(failure=wait_none(), throttled=None, max_retry_after=5)",
        "wait_incrementing(start=-1, increment=-.5)",
        "wait_exponential_jitter(initial=2)",  # an old name
    ],
)
def test_waits_nest_and_take_arguments(text: str) -> None:
    assert spread(strategy("wait", text), failed()).high >= 0


def test_exceptions_are_named() -> None:
    found = strategy("retry", "retry_if_exception_type((httpx.ReadError, CircuitOpen))")
    assert [kind.__name__ for kind in found.exception_types] == [
        "ReadError",
        "CircuitOpen",
    ]
    assert strategy("retry", "retry_if_exception_type(ReadError)").exception_types == (
        httpx.ReadError,
    )


@pytest.mark.parametrize(
    ("kind", "text", "told"),
    [
        ("stop", "0", "attempts are a whole number"),
        ("stop", "2.5", "seconds end in s"),
        ("stop", "9" * 400, "no number"),
        ("stop", "soon", "soon is not known; known are stop_after_attempt"),
        ("stop", "stop_after_attempt", "is written with ()"),
        ("stop", "stop_never()", "stands alone"),
        ("stop", "stop_after_attempt(1) + stop_never", "not combined like that"),
        ("stop", "stop_after_attempt(stop_never)", "that is nothing to give"),
        ("stop", "", "no expression"),
        ("stop", "(", "no expression"),
        ("stop", "(" * 999, "no expression"),
        ("stop", "1" + "+1" * 1000, "at most 1000 characters"),
        ("wait", "[]", "that is no strategy"),
        ("wait", "wait_fixed(True)", "True is no number"),
        ("wait", "wait_fixed(1e999)", "inf is no number"),
        ("wait", "wait_fixed(None)", "None is no number"),
        ("wait", "wait_fixed(wait_none())", "that is nothing to give to wait_fixed"),
        ("wait", "wait_fixed(*[1])", "that is nothing to give"),
        ("wait", "wait_fixed(**{})", "that is nothing to give"),
        ("wait", "wait_fixed(days=1)", "wait_fixed: .*unexpected keyword"),
        ("wait", "wait_chain()", "at least one"),
        ("wait", "__import__('os').system('true')", "that is no strategy"),
        ("wait", "os.system('true')", "system is not known"),
        ("retry", "5", "that is no strategy"),
        ("retry", "retry_if_status('5')", "a status code is an integer"),
        ("retry", "retry_if_exception_type(5)", "that is no exception of httpx"),
        ("retry", "retry_if_exception_type(OSError)", "OSError is no exception"),
        ("retry", "retry_if_exception_type(codes)", "codes is no exception"),
    ],
)
def test_what_is_no_strategy_is_refused_with_an_example(
    kind: str, text: str, told: str
) -> None:
    with pytest.raises(NotationError, match=f"(?s){told.replace('()', r'.*')}.*Write "):
        strategy(kind, text)


@given(st.text(max_size=60), st.sampled_from(sorted(STRATEGIES)))
def test_no_text_does_anything_else(text: str, kind: str) -> None:
    with contextlib.suppress(NotationError):
        assert callable(strategy(kind, text))


# What it gives.


def failed(attempt: int = 1, status: int = 500) -> Any:
    state = state_of(policy())
    state.attempt_number = attempt
    state.returned(httpx.Response(status), 0.0)
    return state


@pytest.mark.parametrize(
    ("wait", "attempt", "expected"),
    [
        ("wait_fixed(2)", 1, (2, 2, 2)),
        ("wait_retry_after()", 1, (0, 0, 0)),
        ("wait_random(1, 3)", 1, (1, 3, 2)),
        ("wait_random_exponential(multiplier=1, max=5)", 2, (0, 2, 1)),
        ("wait_random_exponential(multiplier=1, max=5)", 9, (0, 5, 2.5)),
        ("wait_exponential(multiplier=1, max=5)", 3, (4, 4, 4)),
        ("wait_incrementing(1, 2)", 3, (5, 5, 5)),
        ("wait_fixed(1) + wait_random(0, 1)", 1, (1, 2, 1.5)),
        ("wait_chain(wait_fixed(1), wait_random(2, 4))", 1, (1, 1, 1)),
        ("wait_chain(wait_fixed(1), wait_random(2, 4))", 7, (2, 4, 3)),
        (JITTER, 1, (1, 4, 2.5)),
        (JITTER, 9, (5, 5, 5)),
        ("wait_exponential_jitter(multiplier=2, jitter=0)", 1, (2, 2, 2)),
        ("wait_transient()", 1, (0, 0.1, 0.05)),
    ],
)
def test_the_spread_of_a_wait_is_exact(
    wait: str, attempt: int, expected: tuple[float, ...]
) -> None:
    found = spread(strategy("wait", wait), failed(attempt))
    assert (found.low, found.high, found.mean) == pytest.approx(expected)


def test_a_throttled_wait_is_another_one() -> None:
    assert spread(wait_transient(), failed(status=429)) == Spread(0, 1, 0.5)


numbers = st.floats(0, 10)
waits = st.one_of(
    st.builds(tenacity.wait_random, numbers, numbers),
    st.builds(
        tenacity.wait_random_exponential, multiplier=numbers, max=numbers, min=numbers
    ),
    st.builds(
        tenacity.wait_exponential_jitter,
        multiplier=numbers,
        max=numbers,
        jitter=numbers,
    ),
)


@settings(max_examples=30, deadline=None)
@given(waits, st.integers(1, 8))
def test_waits_are_within_their_spread_and_on_average_their_mean(
    wait: Any, attempt: int
) -> None:
    random.seed(attempt)
    state, found = failed(attempt), spread(wait, failed(attempt))
    drawn = [wait(state) for _ in range(2000)]
    assert found.low - 1e-9 <= min(drawn)
    assert max(drawn) <= found.high + 1e-9
    width = found.high - found.low
    assert sum(drawn) / 2000 == pytest.approx(found.mean, abs=width / 20 + 1e-9)


def test_attempts_are_counted() -> None:
    assert [row.number for row in rows("1", "3")] == [1, 2, 3]


def test_the_moments_add_up_with_what_each_attempt_takes() -> None:
    last = rows("wait_random(1, 2)", "3", took=10)[-1]
    assert (last.earliest, last.latest) == (22, 24)


def test_seconds_leave_open_how_many_there_are() -> None:
    plan = rows("wait_random(1, 2)", "4s")
    assert [row.certain for row in plan] == [True, True, False, False]
    assert [row.likely for row in plan] == [True, True, True, False]
    assert [row.latest for row in plan] == [0, 2, 4, 4]


def test_a_stop_after_a_delay_lets_one_more_wait_begin() -> None:
    assert [row.latest for row in rows("3", "stop_after_delay(4)")] == [0, 3, 6]
    plan = rows("wait_random(1, 3)", "stop_after_delay(4)")
    assert [(row.earliest, row.latest) for row in plan[2:]] == [(2, 6), (3, 7), (4, 7)]


@pytest.mark.parametrize(
    ("stop", "attempts"),
    [
        ("stop_after_attempt(9) | stop_before_delay(3)", 3),
        ("stop_after_attempt(9) & stop_before_delay(3)", 9),
        ("stop_never", 30),
    ],
)
def test_stops_are_asked_themselves(stop: str, attempts: int) -> None:
    assert len(rows("1", stop)) == attempts


@settings(max_examples=30, deadline=None)
@given(waits, st.sampled_from(["4", "10s", "stop_after_delay(5)"]), st.integers())
def test_what_happens_is_in_the_schedule(wait: Any, stop: str, seed: int) -> None:
    random.seed(seed)
    strategies = RetryPolicy(
        retry=retry_if_transient(), wait=wait, stop=strategy("stop", stop)
    )
    plan = list(islice(schedule(strategies, 500), 12))
    attempts = list(islice(simulated(strategies), 12))
    assert sum(row.certain for row in plan) <= len(attempts) <= len(plan)
    for row, at in zip(plan, attempts, strict=False):
        assert row.earliest - 1e-9 <= at <= row.latest + 1e-9


def simulated(strategies: RetryPolicy) -> Iterator[float]:
    state, now = state_of(strategies), 0.0
    while True:
        yield now
        state.returned(httpx.Response(500), now)
        state.upcoming_sleep = strategies.wait(state)
        if strategies.stop(state):
            return
        now += state.upcoming_sleep
        state.sends(now)


# What is printed.


def test_the_default_policy_waits_longer_when_throttled() -> None:
    result = explained()
    assert result.exit_code == 0
    assert "after failure" in result.stdout
    third = next(line for line in result.stdout.splitlines() if " 3 " in line)
    assert re.split("  +", third.strip()) == [
        "3", "0 to 0.2", "0.1", "0 to 0.3", "0 to 2", "1", "0 to 3"
    ]  # fmt: skip
    assert "failure: 3 attempts, the last of them after 0 to 0.3 s" in result.stdout
    assert "throttled: 3 attempts, the last of them after 0 to 3 s" in result.stdout


def test_what_is_retried_is_asked_of_the_strategy() -> None:
    lines = explained().stdout
    assert "GET is tried again after: 408, 425, 429, 500, 502-504, 506-510" in lines
    assert "POST is tried again after: 425, 429, ConnectError, ConnectTimeout" in lines


def test_a_status_is_added_to_it() -> None:
    assert "POST is tried again after: 409, 425, 429, Conn" in (
        explained("--retry-status", "409").stdout
    )


def test_or_it_is_replaced() -> None:
    lines = explained("--retry", "retry_if_status(503) | retry_never").stdout
    assert "GET is tried again after: 503\n" in lines


def test_nothing_may_be_retried() -> None:
    assert "GET is tried again after: nothing" in (
        explained("--retry", "retry_never").stdout
    )


def test_one_table_is_enough_if_there_is_one_wait() -> None:
    lines = explained("--wait", "2").stdout
    assert "throttled" not in lines
    assert "\n3 attempts, the last of them after 4 s" in lines


def test_one_attempt_has_no_wait() -> None:
    assert "\n1 attempt, the last of them after 0 s" in (
        explained("--attempts", "1").stdout
    )


def test_attempts_that_depend_on_the_waits_are_marked() -> None:
    lines = explained("--wait", "wait_random(1, 2)", "--stop", "4s").stdout
    assert "2 to 4 ?" in lines
    assert "\n2 to 4 attempts, 3 if all waits are as on average" in lines


def test_those_that_would_need_short_waits_are_not_shown() -> None:
    lines = explained("--stop", "1s").stdout
    shown = [line.split()[0] for line in lines.splitlines() if line.strip()]
    assert shown[3:10] == ["1", "2", "3", "4", "5", "...", "failure:"]
    assert "failure: 4 to more than 20 attempts, 5 if all" in lines


def test_a_narrow_terminal_breaks_lines_and_leaves_nothing_out() -> None:
    wide = explained("--attempts", "4").stdout
    narrow = CliRunner().invoke(
        app, ["explain", "--attempts", "4"], env={"COLUMNS": "20"}
    )
    assert narrow.stdout == wide
    assert "0 to 0.7" in wide


def test_any_of_several_stops_is_enough() -> None:
    shown = document("--attempts", "9", "--stop", "5s", "--stop", "4", "--wait", "0")
    assert len(shown["failure"]["attempts"]) == 4


def test_columns_may_be_of_different_length() -> None:
    wait = "wait_transient(wait_fixed(1), wait_fixed(3))"
    lines = explained("--stop", "4s", "--wait", wait).stdout.splitlines()
    assert re.split("  +", lines[6].strip()) == ["3", "1", "1", "2"]
    assert lines[9:11] == [
        "failure: 4 attempts, the last of them after 3 s",
        "throttled: 2 attempts, the last of them after 3 s",
    ]


def test_no_more_than_twenty_attempts_are_shown() -> None:
    lines = explained("--stop", "stop_never", "--took", "1000").stdout
    assert "\nfailure: more than 20 attempts" in lines
    assert "   ..." in lines
    assert "19000" in lines


def test_a_machine_gets_the_same() -> None:
    shown = document("--attempts", "2", "--wait", "wait_random(1, 3)")
    assert shown["failure"] == shown["throttled"]
    assert shown["failure"]["complete"]
    assert shown["failure"]["attempts"][1] == {
        "number": 2,
        "wait": {"low": 1.0, "high": 3.0, "mean": 2.0},
        "earliest": 1.0,
        "typical": 2.0,
        "latest": 3.0,
        "likely": True,
        "certain": True,
    }
    assert shown["retry"]["POST"] == {
        "statuses": ["425", "429"],
        "errors": ["ConnectError", "ConnectTimeout"],
    }


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--stop", "never"], "for --stop: never is not known"),
        (["--wait", "wait_fixed(-1)"], "--wait: wait_fixed: wait_fixed is -1"),
        (["--retry", "retry_if_exception_type(HTTPStatusError)"], "raise_for_status"),
        (["--retry-status", "99"], "--retry-status: a status code is an integer"),
        (["--attempts", "0"], "--attempts"),
        (["--took", "inf"], "--took"),
    ],
)
def test_what_cannot_be_is_a_mistake_of_use(arguments: list[str], told: str) -> None:
    result = explained(*arguments)
    assert result.exit_code == 2
    assert told in result.stderr
    assert not result.stdout
