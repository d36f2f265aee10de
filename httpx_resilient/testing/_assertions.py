"""Assertions on what happened to a request."""

from __future__ import annotations

from itertools import zip_longest

from httpx_resilient._core.attempts import Attempt, attempts_of

Expected = int | type[BaseException]


def assert_attempts(outcome: object, *expected: Expected) -> tuple[Attempt, ...]:
    """
    Assert how each attempt at a request ended, oldest first.

    Args:
        outcome: What `attempts_of` takes: a response, or the exception of a request.
        *expected: For each attempt the status of its response, or the class of its
            exception, or a base of that: `httpx.TimeoutException`.

    Returns:
        The attempts, to look at their waits or reasons.

    Raises:
        AssertionError: It was otherwise. The message tells each attempt.
        TypeError: What is expected is neither a status nor a class of exceptions.

    Example:
        >>> import httpx
        >>> faulty = FaultInjectingTransport(None, [503, httpx.ReadTimeout, 200])
        >>> with httpx.Client(transport=RetryingTransport(faulty)) as client:
        ...     response = client.get("https://api.example.com/")
        >>> attempts = assert_attempts(response, 503, httpx.TimeoutException, 200)
        >>> assert_attempts(response, 503, 200)  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        AssertionError: expected 503, 200, but it was 503, ReadTimeout, 200
          1. 503, then ... s
        > 2. ReadTimeout, then ... s; expected 200
        > 3. 200; expected no more
    """
    __tracebackhide__ = True
    for each in expected:
        is_status = isinstance(each, int) and not isinstance(each, bool)
        if not is_status and not (
            isinstance(each, type) and issubclass(each, BaseException)
        ):
            msg = f"expected are statuses and classes of exceptions, got {each!r}"
            raise TypeError(msg)
    attempts = attempts_of(outcome)
    pairs = list(zip_longest(attempts, expected))
    if not all(_agree(*pair) for pair in pairs):
        raise AssertionError(_difference(outcome, attempts, expected))
    return attempts


def _agree(attempt: Attempt | None, expected: Expected | None) -> bool:
    if attempt is None or expected is None:
        return False
    outcome = attempt.outcome
    if isinstance(outcome, int) or isinstance(expected, int):
        return outcome == expected
    return outcome is not None and issubclass(outcome, expected)


def _difference(
    outcome: object, attempts: tuple[Attempt, ...], expected: tuple[Expected, ...]
) -> str:
    named = ", ".join(map(_name, expected)) or "no attempt"
    if not attempts:
        return (
            f"expected {named}, but no attempts are known of {outcome!r}: it came "
            "through no RetryingTransport, or its body raised it"
        )
    was = ", ".join(map(str, attempts))
    lines = [f"expected {named}, but it was {was}"]
    for number, (attempt, wanted) in enumerate(zip_longest(attempts, expected), 1):
        agree = _agree(attempt, wanted)
        told = "nothing" if attempt is None else _told(attempt)
        if not agree:
            told += f"; expected {_expected(attempt, wanted)}"
        lines.append(f"{' ' if agree else '>'} {number}. {told}")
    return "\n".join(lines)


def _told(attempt: Attempt) -> str:
    name = str(attempt)
    # A reason often is the name, and a wait is for a next attempt.
    reason = "" if attempt.reason in {"", str(attempt)} else f" ({attempt.reason})"
    wait = f", then {attempt.wait:.3f} s" if attempt.wait else ""
    return f"{name}{reason}{wait}"


def _expected(attempt: Attempt | None, wanted: Expected | None) -> str:
    if wanted is None:
        return "no more"
    if attempt is not None and str(attempt) == _name(wanted):  # the other library's
        return f"the one of {wanted.__module__}"
    return _name(wanted)


def _name(outcome: Expected) -> str:
    if isinstance(outcome, int):
        return str(int(outcome))
    return outcome.__name__
