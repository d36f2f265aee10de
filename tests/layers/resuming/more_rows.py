"""Further behaviours of servers, of reports and of those that were tried."""

from __future__ import annotations

from layers.resuming.rows import (
    BODY,
    CUT,
    FRESH,
    GZIPPED,
    OTHER,
    SIZE,
    STRONG,
    TWO,
    Row,
    file,
    on_range,
    once,
    part,
    status,
)
from support.server import head

MORE = {
    "a 206 shorter than asked": Row(
        file(etag='"a"', cuts=1, part=25_000), requests=4
    ),
    "a growing file under one ETag": Row(
        file(BODY, BODY + b"more", etag='"a"'), "changed", 2,
        says=("100,000 bytes became 100,004", 'ETag "a", then ETag "a"'),
    ),
    "gzip in answer to a range": Row(
        file(etag='"a"', cuts=1, tamper=part(content_encoding="gzip")),
        requests=3, reread=CUT,
    ),
    "gzip and plain have one ETag": Row(
        file(GZIPPED, etag='"a"', content_encoding="gzip", cuts=1),
        requests=2, reread=CUT, expected=GZIPPED,
    ),
    "gzip that is made anew": Row(
        file(GZIPPED, b"\0" + GZIPPED[1:], etag='"a"', content_encoding="gzip", cuts=1),
        "changed", 2, CUT, ("first 30,000 bytes differ",), expected=GZIPPED,
    ),
    "a signed URL that is good for one request": Row(
        file(etag='"a"', tamper=status(403)), "lost", 2, says=("answered 403",),
    ),
    "Last-Modified is Date, and the content the same": Row(
        file(**FRESH, cuts=1), requests=2, reread=CUT
    ),
    "Last-Modified is Date, and the content changed": Row(
        file(*TWO, **FRESH, cuts=1), "changed", 2, CUT, ("bytes differ",)
    ),
    "changed, and changed back": Row(
        file(BODY, OTHER, BODY, **STRONG), "changed", 2, says=('became ETag "b"',)
    ),
    "If-Range ignored, new ETag": Row(
        file(*TWO, **STRONG, if_range=False), "changed", 2, says=('became ETag "b"',)
    ),
    "a 206 without a validator": Row(
        file(etag='"a"', cuts=1, tamper=part(etag='W/"a"')), requests=3, reread=CUT
    ),
    "several parts in answer to one range": Row(
        file(etag='"a"', cuts=1, tamper=part(content_type="multipart/byteranges")),
        requests=3, reread=CUT,
    ),
    "a length that contradicts the range": Row(
        file(etag='"a"', cuts=1, tamper=part(content_length="69999")),
        requests=3, reread=CUT,
    ),
    "an ETag without quotes": Row(file(etag="a", cuts=1), requests=2, reread=CUT),
    "416 without Content-Range": Row(
        file(etag='"a"', cuts=1, tamper=status(416)), requests=3, reread=CUT
    ),
    "all but the last chunk, 416 */N": Row(
        file(etag='"a"', cuts=1, cut=-5, is_chunked=True), requests=2
    ),
    "all but the last chunk, 416 alone": Row(
        file(etag='"a"', cuts=1, cut=-5, is_chunked=True, tamper=status(416)),
        requests=3, reread=SIZE,
    ),
    "all but the last chunk, no validator": Row(
        file(cuts=1, cut=-5, is_chunked=True), requests=2, reread=SIZE
    ),
    "chunked, strong ETag": Row(file(etag='"a"', is_chunked=True)),
    "503 to a range, once": Row(
        file(etag='"a"', cuts=1, tamper=once(status(503, retry_after="0"))), requests=3
    ),
    "503 that asks for an hour": Row(
        file(etag='"a"', cuts=1, tamper=status(503, retry_after="3600")), "lost", 4,
        says=("asks for 3600 s",),
    ),
    "412 to a range": Row(
        file(etag='"a"', tamper=status(412)), "changed", 2, says=("answered 412",)
    ),
    "304 to a range": Row(
        file(etag='"a"', tamper=status(304)), "lost", 2, says=("answered 304",)
    ),
    "a redirect in answer to a range": Row(
        file(etag='"a"', tamper=status(302, location="/login")), "lost", 2,
        says=("answered 302",),
    ),
    "max_reread is too little": Row(
        file(), "lost", 1, says=("no strong validator", "max_reread=29,999"),
        options={"max_reread": 29_999},
    ),
    "max_reread is too little for a range that is ignored": Row(
        file(etag='"a"', ranges=False), "lost", 2, says=("max_reread=0",),
        options={"max_reread": 0},
    ),
    "max_resumes is spent": Row(
        file(etag='"a"'), "lost", 3, says=("max_resumes=2",), options={"max_resumes": 2}
    ),
    "a range of the caller": Row(
        file(etag='"a"'), requests=3, headers={"Range": "bytes=20000-89999"},
        expected=BODY[20_000:90_000],
    ),
    "a range of the caller, no validator": Row(
        file(cuts=1), requests=2, reread=CUT, headers={"Range": "bytes=20000-89999"},
        expected=BODY[20_000:90_000],
    ),
    "a range of the caller, later ignored": Row(
        file(etag='"a"', cuts=1, tamper=on_range(
            lambda request, version: head(
                200, version.headers | {"Content-Length": str(SIZE)}
            ) + version.body if "if-range" in request.headers else None  # type: ignore[arg-type,return-value]
        )), requests=2, reread=50_000, headers={"Range": "bytes=20000-89999"},
        expected=BODY[20_000:90_000],
    ),
    "the last bytes of the caller": Row(
        file(etag='"a"'), requests=3, headers={"Range": "bytes=-70000"},
        expected=BODY[-70_000:],
    ),
    "several ranges of the caller": Row(
        file(etag='"a"', ranges=False), "lost", 1, says=("several ranges",),
        headers={"Range": "bytes=0-1,5-6"},
    ),
    "an event stream": Row(
        file(etag='"a"', content_type="text/event-stream"), "lost", 1,
        says=("event stream",),
    ),
    "a request that is sent once": Row(
        file(etag='"a"'), "lost", 1, extensions={"retry": False}
    ),
    "a request that is not resumed": Row(
        file(etag='"a"'), "lost", 1, extensions={"resume": False}
    ),
    "a POST": Row(file(etag='"a"'), "lost", 1, method="POST"),
}  # fmt: skip
"""Further ones, of reports and of servers that were tried."""
