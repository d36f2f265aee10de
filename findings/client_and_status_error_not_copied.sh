#!/usr/bin/env bash
# httpx 0.28.1 and httpx2 2.16.2, 2026-11-29: no client can be deep-copied or pickled, not even
# a new one with a mock as its transport. The jar of its cookies has a lock and is copied before
# the transport, so an error of the transport that says what to do is never seen. An
# `HTTPStatusError` can be pickled, but not loaded or copied: its keyword-only arguments are lost.
# A copied or pickled response has lost its extensions.
#
# Prints one line per library and fails if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check httpx==0.28.1 httpx2==2.16.2
cat >"$folder/observe.py" <<'PY'
import copy
import importlib
import pickle
import sys

library = importlib.import_module(sys.argv[1])
mock = library.MockTransport(lambda request: library.Response(404, extensions={"a": 1}))


def refusal(function, given):
    try:
        function(given)
    except TypeError as error:
        return str(error)
    return "none"


with library.Client(transport=mock) as client:
    client_refused = refusal(copy.deepcopy, client)
    response = client.get("http://a/")
    try:
        response.raise_for_status()
    except library.HTTPStatusError as error:
        pickled = pickle.dumps(error)
        error_refused = refusal(copy.copy, error) == refusal(pickle.loads, pickled)
        error_refused = error_refused and "missing 2 required" in refusal(copy.copy, error)
extensions = pickle.loads(pickle.dumps(response)).extensions
print(library.__name__, "RLock" in client_refused, error_refused, extensions)
PY
for library in httpx httpx2; do
    seen=$("$folder/venv/bin/python" "$folder/observe.py" "$library")
    echo "$seen   (a lock refuses the client, HTTPStatusError refused, extensions of the copy)"
    test "$seen" = "$library True True {}"
done
