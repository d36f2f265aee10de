#!/usr/bin/env bash
# httpx 0.28.1, 2026-11-30: `URL.host` is decoded from IDNA only if its first label is encoded.
# `https://straße.example` has the host `straße.example`; `https://www.straße.example` has
# `www.xn--strae-oqa.example`, which is not what was written. httpx2 2.16.2, whose interface is
# the same, decodes each label. So a comparison with `URL.host` may change its result in a move from
# httpx to its fork. `raw_host` is the same in both.
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

sys.stdout.reconfigure(encoding="utf-8")
library = importlib.import_module(sys.argv[1])
first, second = (library.URL(f"https://{h}/") for h in ("straße.example", "www.straße.example"))
print(first.host, second.host, second.raw_host.decode())
PY
check() {
    seen=$("$folder/venv/bin/python" "$folder/observe.py" "$1")
    echo "$1: $seen   (hosts of straße.example and of www.straße.example, raw_host of the latter)"
    test "$seen" = "$2" || { echo "changed: expected $2"; exit 1; }
}
check httpx "straße.example www.xn--strae-oqa.example www.xn--strae-oqa.example"
check httpx2 "straße.example www.straße.example www.xn--strae-oqa.example"
