"""Uploads that are cut after every byte, and at every boundary of every request."""

from __future__ import annotations

import itertools
from typing import Any

import httpx
import pytest
import tenacity
from support.server import Server
from support.upload_server import Fault, Uploads

from httpx_resilient import RetryingTransport, UploadError, upload, upload_of

CONTENT = bytes(range(50))
LONGER = CONTENT * 400
CLIENT = httpx.Client(transport=RetryingTransport(wait=tenacity.wait_none()))
"""One for all: to make one takes longer than an upload."""

BOUNDARIES = [
    Fault("POST"),
    Fault("POST", half=True),
    Fault("POST", status=503),
    Fault("HEAD", half=True),
    Fault("HEAD", status=503, keep=0),
    Fault("HEAD", status=423, keep=0),
    Fault("PATCH", keep=0),
    Fault("PATCH", keep=7, is_reset=True),
    Fault("PATCH"),
    Fault("PATCH", half=True),
    Fault("PATCH", keep=9, status=500),
    Fault("PATCH", status=409),
    Fault("PATCH", status=413),
]


def sent(uploads: Uploads, content: bytes = CONTENT, **options: Any) -> Any:
    with Server(uploads, read_body=False) as server:
        given: Any = {"protocol": uploads.kind, "wait": tenacity.wait_none()}
        return upload(CLIENT, server.url, content, **given, **options)


@pytest.mark.parametrize("mode", ["end", "reset", "half an answer"])
@pytest.mark.parametrize("kind", ["tus", "draft"])
def test_an_upload_that_is_cut_after_any_byte_is_whole(kind: str, mode: str) -> None:
    for kept in range(len(CONTENT) + 1):
        fault = Fault("PATCH", keep=kept, is_reset=mode == "reset", half=mode[0] == "h")
        uploads = Uploads(kind, fault)
        response = sent(uploads)
        assert uploads.complete == [CONTENT], kept
        assert not uploads.violations
        assert upload_of(response).complete  # type: ignore[union-attr]  # there is one


@pytest.mark.parametrize("kind", ["tus", "draft"])
def test_an_upload_with_two_faults_is_whole(kind: str) -> None:
    for first, second in itertools.product(BOUNDARIES, BOUNDARIES):
        uploads = Uploads(kind, first, second)
        response = sent(uploads, LONGER, piece_size=8_000, max_stalls=4)
        assert uploads.complete == [LONGER], (first, second, uploads.log)
        assert not uploads.violations
        assert upload_of(response).complete  # type: ignore[union-attr]  # there is one


@pytest.mark.parametrize("status", [400, 403, 404, 409, 410, 500])
@pytest.mark.parametrize("kind", ["tus", "draft"])
def test_a_last_piece_that_is_sent_again_is_judged_by_a_head(
    kind: str, status: int
) -> None:
    uploads = Uploads(
        kind, Fault("PATCH"), Fault("HEAD", status=503), Fault("HEAD", status=503)
    )
    uploads.faults += [Fault("HEAD", status=200, headers=_stale(kind))]
    uploads.faults += [Fault("PATCH", keep=0, status=status)]
    response = sent(uploads, max_stalls=4)
    assert uploads.complete == [CONTENT]
    assert upload_of(response).complete  # type: ignore[union-attr]  # there is one
    assert len(uploads.uploads) == 1


def _stale(kind: str) -> dict[str, str]:
    return {"upload-offset": "0", "upload-length": "50", "upload-complete": "?0"}


@pytest.mark.parametrize("kind", ["tus", "draft"])
def test_an_upload_that_is_gone_after_its_last_piece_is_unknown(kind: str) -> None:
    uploads = Uploads(kind, Fault("PATCH"), Fault("HEAD", status=404))
    with pytest.raises(UploadError, match="may be complete") as caught:
        sent(uploads)
    assert caught.value.upload.complete is None
    assert caught.value.response.status_code == 404
    assert uploads.log == ["POST", "PATCH", "HEAD"]


@pytest.mark.parametrize("kind", ["tus", "draft"])
def test_a_last_piece_that_is_rejected_is_not_sent_again(kind: str) -> None:
    uploads = Uploads(kind, Fault("PATCH", status=403, body=b"quota"))
    with pytest.raises(UploadError, match="the last piece: 403; the server") as caught:
        sent(uploads)
    assert caught.value.upload.complete is False
    assert caught.value.response.text == "quota"
    assert uploads.log == ["POST", "PATCH", "HEAD"]


def test_the_limits_of_a_draft_are_kept_to() -> None:
    uploads = Uploads("draft", limits="max-append-size=20, min-append-size=8")
    sent(uploads, piece_size=5)
    sent(uploads, piece_size=1_000)
    sizes = [int(each.headers["content-length"]) for each in uploads.requests]
    assert sizes == [0, 8, 8, 8, 8, 8, 8, 2, 0, 20, 20, 10]
    assert uploads.complete == [CONTENT, CONTENT]


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ("max-size=49", "50 bytes, above 49"),
        ("min-size=51", "50 bytes, below 51"),
        ("max-append-size=0", "takes no pieces"),
        ("max-append-size=5, min-append-size=6", "min-append-size is above"),
    ],
)
def test_a_draft_whose_limits_forbid_the_upload_ends_before_a_piece(
    limits: str, reason: str
) -> None:
    uploads = Uploads("draft", limits=limits)
    with pytest.raises(UploadError, match=reason):
        sent(uploads)
    assert uploads.log == ["POST"]


def test_an_authentication_that_sends_a_piece_again_is_counted() -> None:
    class Challenge(httpx.Auth):
        def auth_flow(self, request: httpx.Request) -> Any:
            response = yield request
            if response.status_code == 401:
                yield request

    uploads = Uploads("tus", Fault("PATCH", status=401))
    with (
        Server(uploads, read_body=False) as server,
        httpx.Client(transport=RetryingTransport(), auth=Challenge()) as client,
    ):
        known = upload_of(upload(client, server.url, CONTENT))
    assert known is not None
    assert known.repeated == len(CONTENT)
    assert uploads.complete == [CONTENT]


@pytest.mark.parametrize("size", [1_000, 500_000])
def test_only_a_short_answer_to_a_piece_is_read_to_keep_its_connection(
    size: int,
) -> None:
    uploads = Uploads("draft", Fault("PATCH", keep=30, status=200, body=bytes(size)))
    with Server(uploads, read_body=False) as server:
        upload(CLIENT, server.url, CONTENT, protocol="draft", piece_size=30)
    assert server.connections == (1 if size == 1_000 else 2)
    assert uploads.complete == [CONTENT]
