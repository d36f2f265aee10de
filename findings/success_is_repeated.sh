#!/usr/bin/env bash
# tenacity 9.2.1, 2026-11-30: two strategies that are named after exceptions repeat a call that
# has succeeded: `retry_if_not_exception_message` and `retry_unless_exception_type`. They retry
# until a certain exception is raised. `retry_if_not_exception_type`, whose name says the same
# of types, accepts a success. So "retry, but not after this message" sends each request that
# works again until the limit of attempts, and raises `RetryError` in the end; the default is
# to have no limit. Combined by `&` with a strategy that needs an exception it does what is
# meant.
#
# Prints how often each calls a function that returns, and fails if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check tenacity==9.2.1
cat >"$folder/observe.py" <<'PY'
import tenacity

not_message = tenacity.retry_if_not_exception_message(match="no such user")


def observe(strategy):
    calls = []
    retrying = tenacity.Retrying(retry=strategy, stop=tenacity.stop_after_attempt(3))
    try:
        retrying(calls.append, "sent")
    except tenacity.RetryError:
        return len(calls), "RetryError"
    return len(calls), "returned"


for strategy in (
    not_message,
    tenacity.retry_unless_exception_type(ValueError),
    tenacity.retry_if_not_exception_type(ValueError),
    tenacity.retry_if_exception_type() & not_message,
):
    print(type(strategy).__name__, *observe(strategy))
PY
seen=$("$folder/venv/bin/python" "$folder/observe.py")
echo "$seen"
expected="retry_if_not_exception_message 3 RetryError
retry_unless_exception_type 3 RetryError
retry_if_not_exception_type 1 returned
retry_all 1 returned"
test "$seen" = "$expected" || { echo "changed: expected"; echo "$expected"; exit 1; }
