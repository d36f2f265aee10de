"""Answers of all kinds, and how the wire reads them otherwise than h11."""

from __future__ import annotations

from support.wire import bodies, heads
from support.wire.rows import Row

GROUPS: dict[str, list[Row]] = {
    "body": bodies.BODIES,
    "chunk": bodies.CHUNK_LINES,
    "no body": bodies.NO_BODIES,
    "informational": heads.INFORMATIONAL,
    "coding": bodies.CODINGS,
    "length": bodies.LENGTHS,
    "line": heads.LINES,
    "name": heads.NAMES,
    "value": heads.VALUES,
    "status line": heads.STATUS_LINES,
    "version": heads.VERSIONS,
    "connection": heads.CONNECTIONS,
    "unasked": bodies.UNASKED,
    "limit": bodies.LIMITS,
}
