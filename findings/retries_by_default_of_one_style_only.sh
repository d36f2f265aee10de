#!/usr/bin/env bash
# stripe 16.1.0, 2026-11-30: `stripe.max_network_retries` is 2, so `stripe.Customer.retrieve`
# sends a request to a server that fails three times. The same call of a `StripeClient` sends it
# once: without `max_network_retries=` it has no retries, and the global setting does not hold
# for it. So a program that moves from the module's functions to a client loses its retries.
#
# Prints the requests to a local server that answers 503; fails if that changes.
set -euo pipefail
export NO_PROXY=127.0.0.1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check stripe==16.1.0 requests==2.34.2
cat >"$folder/observe.py" <<'PY'
import http.server
import threading

import stripe

requests = []


class Failing(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        requests.append(self.path)
        self.send_response(503)
        self.send_header("content-length", "13")
        self.end_headers()
        self.wfile.write(b'{"error": {}}')

    def log_message(self, *arguments):
        pass


def times(retrieve):
    requests.clear()
    try:
        retrieve("cus_1")
    except stripe.APIError:
        return len(requests)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Failing)
threading.Thread(target=server.serve_forever, daemon=True).start()
stripe.api_base = f"http://127.0.0.1:{server.server_port}"
stripe.api_key = "sk_test_x"


def client(**options):
    addresses = {"api": stripe.api_base}
    return stripe.StripeClient("sk_test_x", base_addresses=addresses, **options).v1.customers


print(stripe.max_network_retries, times(stripe.Customer.retrieve), times(client().retrieve))
print(times(client(max_network_retries=2).retrieve))
PY
seen=$("$folder/venv/bin/python" "$folder/observe.py" | xargs)
echo "$seen   (global setting; requests of the module, of a client, of one with the option)"
test "$seen" = "2 3 1 3" || { echo "changed: expected 2 3 1 3"; exit 1; }
