#!/usr/bin/env bash
# httpx 0.28.1 and httpx2 2.16.2, 2026-11-30: a URL drops the default port of its scheme, but
# looks it up by the scheme as it was written. So `HTTPS://example.com:443/` becomes
# `https://example.com:443/`: it differs from `https://example.com/`, its request has another
# `Host`, and whoever keeps something for each (scheme, host, port) has it twice. The port is
# dropped if the printed URL is parsed again, as `join` does. The pool of connections fills in
# default ports by itself, and shares connections between both.
#
# Prints one line per library and fails if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check httpx==0.28.1 httpx2==2.16.2
cat >"$folder/observe.py" <<'PY'
import importlib
import sys

library = importlib.import_module(sys.argv[1])
upper, lower = (library.URL(f"{s}://example.com:443/") for s in ("HTTPS", "https"))
again = library.URL(str(upper))
hosts = [library.Request("GET", url).headers["host"] for url in (upper, lower)]
print(upper.scheme == lower.scheme, upper.port, lower.port, again.port, upper == lower, *hosts)
PY
expected="True 443 None None False example.com:443 example.com"
for library in httpx httpx2; do
    seen=$("$folder/venv/bin/python" "$folder/observe.py" "$library")
    echo "$library: $seen   (one scheme, ports: upper, lower, read again; equal; Host of each)"
    test "$seen" = "$expected" || { echo "changed: expected $expected"; exit 1; }
done
