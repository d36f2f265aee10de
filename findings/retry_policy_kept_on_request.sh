#!/usr/bin/env bash
# httpx-retries 0.6.0 with httpx 0.28.1, 2026-11-29: its transport writes its policy into the
# extensions of the caller's request, under the key "retry", unless one is there. So a request
# object that is sent twice, through two clients, keeps the policy of the first: a second
# transport that would try four times sends once, and one that would send once tries four
# times. Its parent in a stack of transports finds the same object under a key that it may use
# itself. An own layer that reads `extensions["retry"]` has to expect a foreign object there.
#
# Prints how often each of two transports has sent, and what the request holds; fails if that
# changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    httpx-retries==0.6.0 httpx==0.28.1
cat >"$folder/observe.py" <<'PY'
import httpx
from httpx_retries import Retry, RetryTransport

sent = []


def busy(request):
    sent.append(request)
    return httpx.Response(503)


def times(request, total):
    sent.clear()
    policy = Retry(total=total, backoff_factor=0)
    RetryTransport(httpx.MockTransport(busy), retry=policy).handle_request(request)
    return len(sent)


def pair(first, second):
    request = httpx.Request("GET", "https://example.org/")
    return times(request, first), times(request, second), sorted(request.extensions)


print(pair(0, 3), pair(3, 0))
PY
seen=$("$folder/venv/bin/python" "$folder/observe.py")
echo "$seen   (requests of the first and of the second transport, extensions)"
test "$seen" = "(1, 1, ['retry']) (4, 4, ['retry'])"
