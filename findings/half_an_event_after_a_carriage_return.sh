#!/usr/bin/env bash
# httpx2 2.16.2 gives half an event, with its id, if a stream of server-sent events ends cleanly right after
# a carriage return inside of the event; httpx-sse 0.4.3, which its reader is derived from, gives none.
#
# By the standard (WHATWG HTML 9.2.6) an event counts only with its blank line: what is left at the end is
# dropped. A proxy that ends a stream may cut CRLF in two. A client that then reconnects with the id of the
# half event never gets the rest of it. Valid input, one answer, nothing is sent.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check httpx==0.28.1 httpx-sse==0.4.3 httpx2==2.16.2
cat > "$folder/cut.py" <<'PY'
import httpx
import httpx2
import httpx_sse

BODY = b"id: 1\r\ndata: first\r\n\r\nid: 2\r\ndata: second\r"  # cut off: "\ndata: more\r\n\r\n"
TYPE = {"content-type": "text/event-stream"}

for library, source in ((httpx, httpx_sse.EventSource), (httpx2, httpx2.EventSource)):
    request = library.Request("GET", "http://localhost/")
    response = library.Response(200, headers=TYPE, content=BODY, request=request)
    events = source(response)
    events = events.iter_sse() if library is httpx else events
    print(library.__name__, [(each.id, each.data) for each in events])
PY
seen=$("$folder/venv/bin/python" "$folder/cut.py")
expected=$'httpx [(\'1\', \'first\')]\nhttpx2 [(\'1\', \'first\'), (\'2\', \'second\')]'
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed: expected"; echo "$expected"; exit 1; }
