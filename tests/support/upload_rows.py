"""What follows from each answer to a request of an upload: one row each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from httpx_resilient._transfers.upload.draft import Draft
from httpx_resilient._transfers.upload.state import (
    Answer,
    Kind,
    NoAnswer,
    Step,
    UploadState,
)
from httpx_resilient._transfers.upload.tus import Tus
from httpx_resilient._transfers.upload.verdict import Done, Failed, Go, Wait

TUS, DRAFT = Tus(), Draft()
STATE = UploadState(1_000, 400, 400, location="http://a/1", offset=200, sent=200)
BROKEN = replace(STATE, is_known=False, sent=600, stalls=1, breaks=1)
RESUMED = replace(STATE, is_known=False, is_resumed=True, offset=0, sent=0)
ENDING = replace(BROKEN, sent=1_000, is_ending=True)
NEW = UploadState(1_000, 400, 400)
OPTIONS, POST, HEAD = Step(Kind.DISCOVER), Step(Kind.CREATE), Step(Kind.LOCATE)
PATCH, LAST = Step(Kind.APPEND, 200, 400), Step(Kind.APPEND, 200, 800, is_last=True)


def answer(status: int, **headers: object) -> Answer:
    named = {name.replace("_", "-"): str(value) for name, value in headers.items()}
    return Answer(status, named, "http://a/files")


def at(offset: object, status: int = 200, **more: object) -> Answer:
    return answer(status, upload_offset=offset, **more)


CREATED = answer(201, location="1")
CHECKED: Any = {
    "tus_extension": "creation,checksum",
    "tus_checksum_algorithm": "md5,sha1",
}

ROWS: list[tuple[str, UploadState, Step, Any, Any, type, str]] = [
    # protocol, state, request, outcome, ..., verdict, a part of the reason
    ("tus", NEW, POST, CREATED, None, Go, "created"),
    ("tus", NEW, POST, answer(201), None, Failed, "without a Location"),
    ("tus", NEW, POST, answer(201, location="file:///1"), None, Failed, "no URL of http"),
    ("tus", NEW, POST, at(5, location="1"), None, Failed, "has content"),
    ("draft", NEW, POST, answer(201, location="1", upload_complete="?1"), None, Failed, "has content"),
    ("tus", NEW, POST, answer(412), None, Failed, "another version"),
    ("tus", NEW, POST, answer(413), None, Failed, "413"),
    ("tus", NEW, POST, answer(429), None, Wait, "429"),
    ("tus", NEW, POST, answer(501), None, Failed, "501"),
    ("tus", NEW, POST, NoAnswer("lost"), None, Wait, "lost"),
    ("tus", NEW, POST, NoAnswer("TLS", is_final=True), None, Failed, "TLS"),
    ("tus", replace(NEW, length=0), POST, CREATED, None, Done, "no bytes"),
    ("draft", replace(NEW, length=0), POST, CREATED, None, Go, "created"),
    ("tus", replace(NEW, length=0), POST, NoAnswer("lost"), None, Failed, "complete when"),
    ("tus", replace(NEW, length=0), POST, NoAnswer("no", is_unsent=True), None, Wait, "no"),
    ("draft", replace(NEW, length=0), POST, NoAnswer("lost"), None, Wait, "lost"),
    ("tus", BROKEN, HEAD, at(300), None, Go, "HEAD: 300 of 1,000"),
    ("tus", BROKEN, HEAD, at(300, 204), None, Go, "HEAD: 300"),
    ("tus", BROKEN, HEAD, at(600), None, Go, "HEAD: 600"),
    ("tus", BROKEN, HEAD, at(601), None, Failed, "more than the 600 that were sent"),
    ("tus", BROKEN, HEAD, at(199), None, Failed, "had 200 bytes, and has 199 now"),
    ("tus", BROKEN, HEAD, at(300, upload_length=900), None, Failed, "another content"),
    ("tus", BROKEN, HEAD, at(-1), None, Failed, "no valid Upload-Offset"),
    ("tus", BROKEN, HEAD, at("1_0"), None, Failed, "no valid Upload-Offset"),
    ("tus", BROKEN, HEAD, answer(200), None, Failed, "no valid Upload-Offset"),
    ("tus", BROKEN, HEAD, answer(404), None, Failed, "lost the upload"),
    ("tus", BROKEN, HEAD, answer(409), None, Wait, "409"),
    ("tus", BROKEN, HEAD, answer(423), None, Wait, "423"),
    ("tus", replace(BROKEN, conflicts=7), HEAD, answer(423), None, Failed, "8 conflicts"),
    ("tus", BROKEN, HEAD, answer(401), None, Failed, "401"),
    ("tus", BROKEN, HEAD, answer(301), None, Failed, "301"),
    ("tus", BROKEN, HEAD, answer(503), None, Wait, "503"),
    ("tus", replace(BROKEN, stalls=2), HEAD, NoAnswer("lost"), None, Failed, "200 of 1,000 bytes, and this side has sent 600"),
    ("tus", replace(BROKEN, breaks=99), HEAD, NoAnswer("lost"), None, Failed, "max_breaks"),
    ("tus", ENDING, HEAD, at(1_000), None, Done, "complete"),
    ("tus", ENDING, HEAD, answer(404), None, Failed, "may be complete"),
    ("tus", replace(ENDING, rejected="403"), HEAD, at(200), None, Failed, "403; the server has 200"),
    ("tus", RESUMED, HEAD, at(1_000), None, Done, "complete"),
    ("tus", RESUMED, HEAD, at(700), None, Go, "700"),
    ("tus", RESUMED, HEAD, at(1_001), None, Failed, "more than the 1,000"),
    ("tus", RESUMED, HEAD, answer(404), None, Failed, "may be complete"),
    ("tus", replace(RESUMED, length=None), HEAD, at(7), None, Go, "HEAD: 7"),
    ("draft", BROKEN, HEAD, at(300, upload_complete="?0"), None, Go, "300"),
    ("draft", ENDING, HEAD, at(1_000, upload_complete="?0"), None, Go, "1,000"),
    ("draft", ENDING, HEAD, at(1_000, upload_complete="?1"), None, Done, "complete"),
    ("draft", ENDING, HEAD, at(900, upload_complete="?1"), None, Failed, "but has 900"),
    ("draft", BROKEN, HEAD, at(300, upload_limit="max-size=5"), None, Failed, "above 5"),
    ("tus", STATE, PATCH, at(600, 204), 400, Go, "accepted, 600"),
    ("tus", STATE, PATCH, at(600, 200), 400, Go, "accepted, 600"),
    ("tus", STATE, PATCH, at(500), 400, Go, "accepted, 500"),
    ("tus", STATE, PATCH, at(200), 400, Wait, "took nothing"),
    ("tus", STATE, PATCH, at(199), 400, Failed, "not what was sent"),
    ("tus", STATE, PATCH, at(601), 400, Failed, "not what was sent"),
    ("tus", STATE, PATCH, answer(204), 400, Go, "without an offset"),
    ("tus", replace(STATE, conflicts=7), PATCH, answer(204), 400, Failed, "8 conflicts"),
    ("draft", STATE, PATCH, answer(204), 400, Go, "accepted, 600"),
    ("draft", STATE, LAST, answer(200), 800, Go, "without an offset"),
    ("draft", STATE, LAST, answer(500, upload_complete="?1"), 800, Done, "complete"),
    ("draft", STATE, PATCH, answer(422, upload_complete="?1"), 400, Done, "refused"),
    ("draft", STATE, PATCH, answer(200, upload_complete="?1"), 400, Failed, "says that the upload is complete"),
    ("tus", STATE, LAST, at(1_000, 204), 800, Done, "complete"),
    ("tus", STATE, PATCH, answer(409), 400, Wait, "409"),
    ("tus", STATE, PATCH, answer(423), 400, Wait, "423"),
    ("draft", STATE, PATCH, at(350, 409), 400, Go, "409: 350"),
    ("draft", STATE, PATCH, at(200, 409), 400, Wait, "409"),
    ("draft", STATE, PATCH, at(100, 409), 400, Failed, "lost a part"),
    ("tus", STATE, Step(Kind.APPEND, 200, 4_000), answer(413), 400, Go, "pieces of 2,000"),
    ("tus", STATE, Step(Kind.APPEND, 200, 1_024), answer(413), 400, Failed, "413 for a piece"),
    ("tus", STATE, PATCH, answer(460), 400, Wait, "another checksum"),
    ("tus", STATE, PATCH, answer(500), 400, Wait, "500"),
    ("tus", STATE, PATCH, answer(501), 400, Wait, "501"),
    ("tus", STATE, PATCH, answer(429), 400, Wait, "429"),
    ("tus", STATE, PATCH, answer(403), 400, Failed, "403"),
    ("tus", STATE, PATCH, answer(401), 400, Go, "a newer credential"),
    ("tus", replace(STATE, is_unauthorized=True), PATCH, answer(401), 400, Failed, "401"),
    ("tus", STATE, PATCH, answer(404), 400, Failed, "lost the upload"),
    ("tus", STATE, PATCH, answer(302), 400, Failed, "302"),
    *(("tus", STATE, LAST, answer(s), 800, Go, "a HEAD tells") for s in (400, 403, 404, 410)),
    ("tus", STATE, LAST, answer(415), 800, Failed, "415"),
    ("tus", STATE, PATCH, NoAnswer("lost"), 300, Wait, "lost"),
    ("tus", STATE, PATCH, NoAnswer("TLS", is_final=True), 0, Failed, "TLS"),
    ("tus", replace(NEW, checksum="sha1"), OPTIONS, answer(204, **CHECKED), None, Go, "sha1"),
    ("tus", replace(NEW, checksum="crc32"), OPTIONS, answer(204, **CHECKED), None, Failed, "md5, sha1"),
    ("tus", replace(NEW, checksum="sha1"), OPTIONS, answer(405), None, Failed, "are none"),
    ("tus", replace(NEW, checksum="sha1"), OPTIONS, answer(503), None, Wait, "503"),
    ("tus", replace(NEW, checksum="sha1"), OPTIONS, NoAnswer("lost"), None, Wait, "lost"),
    ("tus", replace(NEW, checksum="sha1"), OPTIONS, answer(204, tus_max_size=9), None, Failed, "takes 9"),
]  # fmt: skip
