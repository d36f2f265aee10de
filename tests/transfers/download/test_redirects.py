"""Redirects, credentials and odd validators: what a resumption sends, and where."""

from __future__ import annotations

from pathlib import Path

import httpx
from support.file_server import OLD, STRONG, File, FileServer, bytes_of
from support.server import Server, reply

from httpx_resilient import download


def test_credentials_of_one_origin_are_not_sent_to_another(tmp_path: Path) -> None:
    with Server() as first, Server(FileServer(STRONG)) as second:
        first.play(reply(302, location=f"{second.url}there"))
        other = f"http://localhost:{first.port}/"
        with httpx.Client(auth=("user", "secret"), headers={"x-api": "1"}) as client:
            download(client, other, tmp_path / "file", backoff=0)
        assert first.requests == 1
        assert "authorization" in first.received[0].headers
        assert [each.headers.get("range", "") for each in second.received] == [
            "", "bytes=30000-", "bytes=60000-", "bytes=90000-",
        ]  # fmt: skip
        assert all("authorization" not in each.headers for each in second.received)
    assert bytes_of(tmp_path / "file") == OLD


def test_within_one_origin_they_are_sent(server: Server, tmp_path: Path) -> None:
    server.play(FileServer(STRONG, final="/there"))
    with httpx.Client(auth=("user", "secret")) as client:
        download(client, server.url, tmp_path / "file", backoff=0)
    assert len(server.received) == 5
    assert all("authorization" in each.headers for each in server.received)


def test_an_expired_url_is_replaced_by_the_first_one(
    server: Server, tmp_path: Path
) -> None:
    server.play(FileServer(STRONG, final="/signed", once=True, cuts=1))
    with httpx.Client() as client:
        result = download(client, server.url, tmp_path / "file", backoff=0)
    targets = [each.target for each in server.received]
    assert targets == ["/", "/signed?n=0", "/signed?n=0", "/", "/signed?n=1"]
    assert result.breaks[1].reason == "403 where the redirects had led to"
    assert result.bytes_read_twice == 0


def test_an_etag_may_have_any_byte(server: Server, tmp_path: Path) -> None:
    odd = File(etag='"\xe9\xff"')
    server.play(FileServer(odd))
    with httpx.Client() as client:
        result = download(client, server.url, tmp_path / "file", backoff=0)
    assert (result.etag, len(server.received)) == ('"\xe9\xff"', 4)
    assert bytes_of(tmp_path / "file") == OLD
