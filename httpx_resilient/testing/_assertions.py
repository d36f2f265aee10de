"""Assertions on the attempts of a request."""

from __future__ import annotations

from itertools import zip_longest

from httpx_resilient._core.attempts import Attempt, attempts_of
from httpx_resilient._core.public import public

Expected = int | type[BaseException]
"""How an attempt is expected to end: a status, or a class of exceptions."""


@public("httpx_resilient.testing")
def assert_attempts(outcome: object, *expected: Expected) -> tuple[Attempt, ...]:
    """
    Assert how each attempt at a request ended, oldest first.

    Args:
        outcome: A response, or the exception that a request raised.
        *expected: For each attempt its status, or the class of its exception. A base
            class matches too, such as `httpx.TimeoutException`.

    Returns:
        The attempts, for assertions on their waits and reasons.

    Raises:
        AssertionError: An attempt ended differently. The message lists each attempt.
        TypeError: An expected outcome is neither a status nor a class of exceptions.

    Example:
        >>> import httpx
        >>> faulty = FaultInjectingTransport(None, [503, httpx.ReadTimeout, 200])
        >>> with httpx.Client(transport=RetryingTransport(faulty)) as client:
        ...     response = client.get("https://api.example.com/")
        >>> attempts = assert_attempts(response, 503, httpx.TimeoutException, 200)
        >>> assert_attempts(response, 503, 200)  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        AssertionError: expected 503, 200; got 503, ReadTimeout, 200
          1. 503, then ... s
        > 2. ReadTimeout, then ... s; expected 200
        > 3. 200; expected no further attempt
    """
    __tracebackhide__ = True
    for each in expected:
        is_status = isinstance(each, int) and not isinstance(each, bool)
        if not is_status and not (
            isinstance(each, type) and issubclass(each, BaseException)
        ):
            msg = (
                "an expected outcome must be a status or a class of exceptions, such "
                f"as 503 or httpx.ReadTimeout; got {each!r}"
            )
            raise TypeError(msg)
    attempts = attempts_of(outcome)
    pairs = list(zip_longest(attempts, expected))
    if not all(_matches(*pair) for pair in pairs):
        raise AssertionError(_difference(outcome, attempts, expected))
    return attempts


def _matches(attempt: Attempt | None, expected: Expected | None) -> bool:
    if attempt is None or expected is None:
        return False
    outcome = attempt.outcome
    if isinstance(outcome, int) or isinstance(expected, int):
        return outcome == expected
    return outcome is not None and issubclass(outcome, expected)


def _difference(
    outcome: object, attempts: tuple[Attempt, ...], expected: tuple[Expected, ...]
) -> str:
    wanted = ", ".join(map(_name, expected)) or "no attempts"
    if not attempts:
        return (
            f"expected {wanted}, but {outcome!r} has no recorded attempts: it did not "
            "pass through a RetryingTransport, or reading its body raised it"
        )
    lines = [f"expected {wanted}; got {', '.join(map(str, attempts))}"]
    for number, (attempt, each) in enumerate(zip_longest(attempts, expected), 1):
        text = "no attempt" if attempt is None else _describe(attempt)
        marker = " "
        if not _matches(attempt, each):
            marker = ">"
            text += f"; expected {_describe_expected(attempt, each)}"
        lines.append(f"{marker} {number}. {text}")
    return "\n".join(lines)


def _describe(attempt: Attempt) -> str:
    name = str(attempt)
    # A reason often repeats the name, and the last attempt has no wait.
    reason = "" if attempt.reason in {"", name} else f" ({attempt.reason})"
    wait = f", then {attempt.wait:.3f} s" if attempt.wait else ""
    return f"{name}{reason}{wait}"


def _describe_expected(attempt: Attempt | None, expected: Expected | None) -> str:
    if expected is None:
        return "no further attempt"
    if attempt is not None and str(attempt) == _name(expected):
        # The same class name, but from the other HTTP library.
        return f"the one of {expected.__module__}"
    return _name(expected)


def _name(outcome: Expected) -> str:
    if isinstance(outcome, int):
        return str(int(outcome))
    return outcome.__name__
