#!/usr/bin/env bash
# firecrawl-py 4.55.0, 2026-11-30: `max_retries` of its clients is a number of attempts: 1
# means no retry, as 0 does, and the default of 3 sends at most three requests. Beside lost
# connections only the status 502 is retried; 429, 500 and 503 are not.
#
# Prints the requests of `scrape` to a local server; fails if that changes. The synchronous and
# the asynchronous client agree.
set -euo pipefail
export NO_PROXY=127.0.0.1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check firecrawl-py==4.55.0
cat >"$folder/observe.py" <<'PY'
import asyncio
import http.server
import threading

from firecrawl import AsyncFirecrawl, Firecrawl

requests = []


class Failing(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        requests.append(self.path)
        self.send_response(self.server.status)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *arguments):
        pass


async def times(kind, **options):
    requests.clear()
    try:
        client = kind(api_key="fc-x", backoff_factor=0, **options)
        await client.scrape("https://example.com")  # a synchronous one has raised before
    except Exception:
        return len(requests)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Failing)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}"
for server.status in (502, 503, 500, 429):
    for kind in (Firecrawl, AsyncFirecrawl):
        counts = [asyncio.run(times(kind, api_url=url, max_retries=n)) for n in range(4)]
        print(server.status, kind.__name__, *counts)
PY
seen=$("$folder/venv/bin/python" "$folder/observe.py")
echo "$seen   (requests with max_retries= 0, 1, 2, 3)"
expected=$(for status in 502 503 500 429; do for kind in Firecrawl AsyncFirecrawl; do
    [ $status = 502 ] && echo "$status $kind 1 1 2 3" || echo "$status $kind 1 1 1 1"
done; done)
test "$seen" = "$expected" || { echo "changed: expected"; echo "$expected"; exit 1; }
