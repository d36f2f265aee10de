"""Strategies as options describe them: as numbers, or in the syntax of Python."""

from __future__ import annotations

import contextlib

import httpx
import pytest
import tenacity
from hypothesis import given
from hypothesis import strategies as st
from support.policies import failed_state, policy

from httpx_resilient._cli.schedule import new_state, wait_range
from httpx_resilient._cli.strategy_grammar import GRAMMARS
from httpx_resilient._cli.strategy_syntax import StrategySyntaxError, parse_strategy


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
def test_a_stop_is_a_number_or_an_expression(text: str, kind: type) -> None:
    assert type(parse_strategy("stop", text)) is kind


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("5m", 300), ("1h", 3600), ("1e3s", 1000)]
)
def test_a_time_to_stop_after_has_a_unit(text: str, seconds: float) -> None:
    assert parse_strategy("stop", text).max_delay == seconds


@pytest.mark.parametrize(("text", "seconds"), [("2m", 120), ("1e3", 1000)])
def test_a_wait_may_have_a_unit(text: str, seconds: float) -> None:
    assert parse_strategy("wait", text).failure.wait_fixed == seconds


def test_a_number_waits_that_long_or_as_long_as_retry_after_says() -> None:
    wait = parse_strategy("wait", "2")
    state = new_state(policy())
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
        "wait_exponential_jitter(initial=2)",  # a deprecated name
    ],
)
def test_waits_nest_and_take_arguments(text: str) -> None:
    assert wait_range(parse_strategy("wait", text), failed_state()).high >= 0


def test_exceptions_are_looked_up_in_httpx_and_httpx_resilient() -> None:
    several = parse_strategy(
        "retry", "retry_if_exception_type((httpx.ReadError, CircuitOpen))"
    )
    assert [kind.__name__ for kind in several.exception_types] == [
        "ReadError",
        "CircuitOpen",
    ]
    one = parse_strategy("retry", "retry_if_exception_type(ReadError)")
    assert one.exception_types == (httpx.ReadError,)


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        ("stop", "0", "attempts must be a whole number"),
        ("stop", "2.5", "times end in s, m or h"),
        ("stop", "9" * 400, "inf is not a number"),
        ("stop", "soon", "soon is not a stop strategy; choose from stop_after_attempt"),
        ("stop", "stop_after_attempt", "stop_after_attempt must be called"),
        ("stop", "stop_never()", "stop_never takes no arguments"),
        ("stop", "stop_after_attempt(1) + stop_never", "strategies with | or &"),
        ("stop", "stop_after_attempt(stop_never)", "takes only numbers and texts"),
        ("stop", "", "'' is not an expression"),
        ("stop", "5d", "'5d' is not an expression"),
        ("stop", "(", "'(' is not an expression"),
        ("stop", "(" * 999, "(' is not an expression"),
        ("stop", "1" + "+1" * 1000, "at most 1000 characters"),
        ("wait", "[]", "expected the name of a wait strategy"),
        ("wait", "wait_fixed(True)", "True is not a number"),
        ("wait", "wait_fixed(1e999)", "inf is not a number"),
        ("wait", "wait_fixed(None)", "None is not a number"),
        ("wait", "wait_fixed(wait_none())", "wait_fixed takes only numbers and texts"),
        ("wait", "wait_fixed(*[1])", "takes only numbers and texts"),
        ("wait", "wait_fixed(**{})", "takes only numbers and texts"),
        ("wait", "wait_fixed(days=1)", "unexpected keyword"),
        ("wait", "wait_chain()", "at least one"),
        (
            "wait",
            "__import__('os').system('true')",
            "expected the name of a wait strategy",
        ),
        ("wait", "os.system('true')", "system is not a wait strategy"),
        ("retry", "5", "expected the name of a retry strategy"),
        ("retry", "retry_if_status('5')", "a status code is an integer"),
        (
            "retry",
            "retry_if_exception_type(5)",
            "an argument is not an exception of httpx",
        ),
        ("retry", "retry_if_exception_type(OSError)", "OSError is not an exception"),
        ("retry", "retry_if_exception_type(codes)", "codes is not an exception"),
    ],
)
def test_an_invalid_text_is_refused_with_an_example(
    kind: str, text: str, message: str
) -> None:
    with pytest.raises(StrategySyntaxError) as refused:
        parse_strategy(kind, text)
    problem, _, examples = str(refused.value).rpartition(". Examples: ")
    assert message in problem
    assert examples == GRAMMARS[kind].examples


@given(st.text(max_size=60), st.sampled_from(sorted(GRAMMARS)))
def test_any_text_is_a_strategy_or_refused(text: str, kind: str) -> None:
    with contextlib.suppress(StrategySyntaxError):
        assert callable(parse_strategy(kind, text))
