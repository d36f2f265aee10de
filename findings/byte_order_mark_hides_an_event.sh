#!/usr/bin/env bash
# httpx-sse 0.4.3 and httpx2 2.16.2 lose the first event of a stream of server-sent events that begins with
# a byte order mark.
#
# By the standard (WHATWG HTML 9.2.5) one mark at the beginning is dropped. Both take it for a part of the
# name of the first field, which they do not know then. Valid input, one answer, nothing is sent.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check httpx==0.28.1 httpx-sse==0.4.3 httpx2==2.16.2
cat > "$folder/mark.py" <<'PY'
import httpx
import httpx2
import httpx_sse

BODY = b"\xef\xbb\xbfdata: first\n\ndata: second\n\n"
TYPE = {"content-type": "text/event-stream"}

for library, source in ((httpx, httpx_sse.EventSource), (httpx2, httpx2.EventSource)):
    request = library.Request("GET", "http://localhost/")
    response = library.Response(200, headers=TYPE, content=BODY, request=request)
    events = source(response)
    events = events.iter_sse() if library is httpx else events
    print(library.__name__, [each.data for each in events])
PY
seen=$("$folder/venv/bin/python" "$folder/mark.py")
expected=$'httpx [\'second\']\nhttpx2 [\'second\']'
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed: expected"; echo "$expected"; exit 1; }
