#!/usr/bin/env bash
# httpx 0.28.1 and httpx2 2.16.2 read only the first member of a gzip body that has several, without an error
# or a warning: the rest of the content is lost.
#
# RFC 1952 2.2: "A gzip file consists of a series of members", and its content is that of all of them. What
# `cat a.gz b.gz` and `bgzip` write has several, and a server may send it with Content-Encoding: gzip.
# Python's own gzip, urllib3, aiohttp and the fetch of node read all of it; curl 7.88 stops with an error. Both
# decoders here give the whole body to one zlib.decompressobj, which stops at the end of the first member, and
# leave its `unused_data` unread. Valid input, nothing is sent.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check httpx==0.28.1 httpx2==2.16.2 urllib3==2.6.0
cat > "$folder/members.py" <<'PY'
import gzip
import io

import httpx
import httpx2
import urllib3

BODY = gzip.compress(b"first,") + gzip.compress(b"second")
HEADERS = {"content-encoding": "gzip", "content-length": str(len(BODY))}

print("gzip", gzip.decompress(BODY).decode())
print("urllib3", urllib3.HTTPResponse(io.BytesIO(BODY), headers=HEADERS).data.decode())
for library in (httpx, httpx2):
    print(library.__name__, library.Response(200, headers=HEADERS, content=BODY).text)
PY
seen=$("$folder/venv/bin/python" "$folder/members.py")
expected=$'gzip first,second\nurllib3 first,second\nhttpx first,\nhttpx2 first,'
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed: expected"; echo "$expected"; exit 1; }
