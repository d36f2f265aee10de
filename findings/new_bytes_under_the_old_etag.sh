#!/usr/bin/env bash
# lighttpd 1.4.69 of Debian 12, 2026-12-01: a file that is overwritten in place is served with its
# new bytes, and for about two seconds still with the strong ETag and the Last-Modified of the old
# ones, which it has cached (server.stat-cache-engine). If-Range with that ETag is answered by 206
# and a part of the new file: who resumes in this time joins two versions, and nothing on the wire
# tells. A file that is replaced by a rename is served as a whole, old or new.
#
# Prints what the server says, and fails if that changes. It needs Debian 12, and curl.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
chmod 755 .
apt-get download -qq lighttpd=1.4.69-1 >/dev/null 2>&1
dpkg -x lighttpd_*.deb program
mkdir files
port=$("${PYTHON:-python3}" -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat >server.conf <<CONF
server.document-root = "$folder/files"
server.bind = "127.0.0.1"
server.port = $port
mimetype.assign = ( "" => "application/octet-stream" )
CONF
head -c 1000 /dev/zero | tr '\0' a >files/file
touch -d '1 hour ago' files/file
program/usr/sbin/lighttpd -D -f server.conf -m program/usr/lib/lighttpd &
server=$!
url="http://127.0.0.1:$port/file"
for _ in $(seq 100); do curl -s -o old -D old.head "$url" && break || sleep 0.05; done
etag=$(tr -d '\r' <old.head | sed -n 's/^[Ee][Tt][Aa][Gg]: //p')
head -c 1000 /dev/zero | tr '\0' b | dd of=files/file conv=notrunc status=none
curl -s -o rest -D rest.head -H 'Range: bytes=500-' -H "If-Range: $etag" "$url"
again=$(tr -d '\r' <rest.head | sed -n 's/^[Ee][Tt][Aa][Gg]: //p')
echo "before: $etag, $(head -c 3 old)..."
echo "after:  $again, $(head -c 3 rest)..., $(head -1 rest.head | cut -d' ' -f2)"
[ -n "$etag" ] && [ "$etag" = "$again" ] && [ "$(head -c 3 rest)" = bbb ] && [ "$(head -1 rest.head | cut -d' ' -f2)" = 206 ]
