"""Ordinary behaviours of servers in which download tools were found to corrupt."""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from support.ranges import NEW, NOW, OLD, File, Tamper, Version, versions
from support.server import Received, head

SIZE, CUT = 100_000, 30_000
BODY = random.Random(1).randbytes(SIZE)
OTHER = random.Random(2).randbytes(SIZE)
GZIPPED = gzip.compress(BODY)
TWO = [BODY, OTHER]
STRONG = {"etag": ['"a"', '"b"', '"a"']}
WEAK = {"etag": ['W/"a"', 'W/"b"'], "last_modified": NEW, "date": NEW}
DATED = {"last_modified": [OLD, NEW], "date": NOW}
FRESH = {"last_modified": NOW, "date": NOW}

Verdict = Literal["whole", "changed", "lost"]


@dataclass(frozen=True)
class Row:
    """
    A behaviour, and what becomes of a body that is streamed.

    Args:
        file: Makes the server's part.
        verdict: Whole, refused because the content has changed, or lost.
        requests: How many are sent.
        reread: Bytes that come more than once.
        says: What the exception or its note says.
        headers: Those of the caller.
        expected: The bytes of the body.
        options: Those of the layer.
        extensions: Those of the request.
        method: That of the request.
    """

    file: Callable[[], File]
    verdict: Verdict = "whole"
    requests: int = 4
    reread: int = 0
    says: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    expected: bytes = BODY
    options: Mapping[str, int] = field(default_factory=dict)
    extensions: Mapping[str, bool] = field(default_factory=dict)
    method: str = "GET"


def on_range(make: Callable[[Received, Version], bytes]) -> Tamper:
    """Answer each range by this."""

    def tamper(_: int, request: Received, version: Version) -> bytes | None:
        return make(request, version) if "range" in request.headers else None

    return tamper


def part(shift: int = 0, **fields: str) -> Tamper:
    """Answer each range by a 206 with these fields, and by bytes that are shifted."""

    def make(request: Received, version: Version) -> bytes:
        first = int(request.headers["range"][6:].partition("-")[0]) + shift
        sent = version.body[first:]
        named = version.headers | {
            "Content-Range": f"bytes {first}-{SIZE - 1}/{SIZE}",
            "Content-Length": str(len(sent)),
        }
        named |= {name.replace("_", "-").title(): text for name, text in fields.items()}
        return head(206, named) + sent

    return on_range(make)


def status(code: int, **fields: str) -> Tamper:
    """Answer each range by a status without a body."""
    named = {"Content-Length": "0"} | {
        name.replace("_", "-").title(): text for name, text in fields.items()
    }
    return on_range(lambda *_: head(code, named))


def once(tamper: Tamper) -> Tamper:
    """Tamper with the second request only."""
    return lambda number, *rest: tamper(number, *rest) if number == 1 else None


def file(*bodies: bytes, **options: object) -> Callable[[], File]:
    """Make files that are cut after 30,000 bytes, four times unless told otherwise."""
    names = File.__dataclass_fields__
    of_file = {name: options.pop(name) for name in [*options] if name in names}
    made = versions(*(bodies or (BODY,)), **options)  # type: ignore[arg-type]
    return lambda: File(made, **{"cut": CUT, "cuts": 4, **of_file})  # type: ignore[arg-type]


TEN = {
    "strong ETag, FIN": Row(file(etag='"a"')),
    "strong ETag, RST": Row(file(etag='"a"', how="rst")),
    "weak ETag and Last-Modified": Row(
        file(etag='W/"a"', last_modified=OLD, date=NOW)
    ),
    "no validator": Row(file(), requests=5, reread=4 * CUT),
    "changed, strong ETag": Row(
        file(*TWO, **STRONG), "changed", 2, says=('ETag "a" became ETag "b"',)
    ),
    "changed, weak ETag": Row(
        file(*TWO, **WEAK, cuts=1), "changed", 2, CUT, ('ETag W/"a"', 'ETag W/"b"')
    ),
    "changed, Last-Modified": Row(
        file(*TWO, **DATED), "changed", 2, says=(f"Last-Modified {OLD} became", NEW)
    ),
    "changed, no validator": Row(
        file(*TWO, cuts=1), "changed", 2, CUT, ("first 30,000 bytes differ",)
    ),
    "Range ignored": Row(
        file(etag='"a"', ranges=False), requests=5, reread=4 * CUT
    ),
    "wrong Content-Range": Row(
        file(etag='"a"', tamper=part(1)), requests=5, reread=3 * CUT
    ),
}  # fmt: skip
"""The ten of the table of tools."""
