"""The page that shows the table: docs/services.md."""

from __future__ import annotations

from pathlib import Path

from services.table import BACKOFF, FINAL, ROWS, At, Row

PATH = Path(__file__).parents[2] / "docs" / "services.md"

PAGE = """\
# What services say, and what is done

<!-- made by `python3 tests/services --write`: change tests/services, not this -->

Servers tell in many forms how long to wait, and whether waiting helps. `RetryingTransport` reads them in the
headers of each failed response, whatever the service. Of a response, in this order:

1. a yes or no: `x-should-retry`, `Stripe-Should-Retry`;
2. milliseconds: `retry-after-ms`, `x-ms-retry-after-ms`, `x-amz-retry-after`;
3. `Retry-After` and `X-RateLimit-Retry-After`: seconds, a date, or a moment since the epoch;
4. after 403, 429 and 503, the reset of a quota that is spent.

A wait is never shorter than told, and up to a tenth longer. More than `max_retry_after` (60 s) is final. Without
a time, there is a backoff. A request that may have been processed is sent again only if that does no harm:
by its method, with an `Idempotency-Key`, or by `retry_if_transient("POST")`.

## Hints in bodies

Some services tell in the body only. Readers look into it before the policy decides:

```python
from httpx_resilient import RetryingTransport, hints_in_body
from httpx_resilient import aws_errors, discord_errors, google_errors
from httpx_resilient import openai_errors, telegram_errors

transport = RetryingTransport(body_hints=hints_in_body(google_errors, openai_errors))
```

A reader of your own is a function. With `statuses={{200}}`, it also finds the errors in a success, as GraphQL has
them:

```python
from httpx_resilient import BodyAnswer, BodyHints, RetryingTransport, hints_in_body


def graphql(answer: BodyAnswer) -> BodyHints | None:
    for error in (answer.json() or {{}}).get("errors", ()):
        if error.get("extensions", {{}}).get("code") == "THROTTLED":
            return BodyHints(should_retry=True, throttled=True, retry_after=1.0)
    return None


transport = RetryingTransport(body_hints=hints_in_body(graphql, statuses={{200}}))
```

It returns any of `retry_after` in seconds; `should_retry`, a yes or no that goes before status and method;
`throttled`, for the longer backoff; `unprocessed`, so that a POST may be sent again; and `reason`, a word for the
history. `None` says nothing. The caller gets the response unread with its whole body, in `stream()` too.

Bodies of up to 64 KiB are read (`limit=`), for a second at most, and decoded as the client would. Longer ones,
and streams of events or JSON lines, give no hints. An exception of a reader is logged, and gives none either. The option is also one of
`standard_transport(retry={{"body_hints": ...}})` and of one request: `extensions={{"retry": {{"body_hints": ...}}}}`.
`FailoverTransport` reads headers only.

## The services

The tests send each of these answers, with `RetryingTransport()` alone and around a `RateLimitingTransport`. *+n s*
is a moment n seconds after the `Date` of the response. A source that was *run* is an SDK whose requests and sleeps
were recorded.

| Service | Request | Answer | What is done | Source |
|---|---|---|---|---|
{rows}
"""


def render() -> str:
    return PAGE.format(rows="\n".join(map(_line, ROWS)))


def _line(row: Row) -> str:
    request = row.method + (" with `Idempotency-Key`" if row.has_key else "")
    cells = (row.service, request, _answer(row), _done(row), row.source)
    return f"| {' | '.join(cells)} |"


def _answer(row: Row) -> str:
    parts = [str(row.status)]
    parts += [f"`{name}: {_value(value)}`" for name, value in row.headers.items()]
    if row.body:
        parts.append(f"`{row.body}`")
    return "; ".join(parts)


def _value(value: str | At) -> str:
    if isinstance(value, str):
        return value
    form = "" if value.form == "epoch" else f", {value.form}"
    return f"{value.seconds:+g} s{form}"


def _done(row: Row) -> str:
    said = "" if row.reader is None else f"with `{row.reader.__name__}`: "
    if row.right == FINAL:
        said += "final"
        if row.told is not None:
            said += (
                ", for it may have been processed; with an `Idempotency-Key` sent again "
                f"after {row.told:g} s"
            )
    elif row.right == BACKOFF:
        said += "sent again after a backoff"
    else:
        said += f"sent again after {row.right:g} s"
    return said + (f" ({row.note})" if row.note else "")
