"""A download that goes on with what an earlier one has left."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from httpx_resilient import (
    ChecksumMismatch,
    Download,
    DownloadError,
    attempts_of,
    download,
    explain,
)
from httpx_resilient._transfers.download import sidecar, transfer

URL = "https://example.com/big.iso?key=secret"
OLD, NEW = b"0123456789" * 10, b"abcdefghij" * 10
DIGEST = f"sha-256={hashlib.sha256(OLD).hexdigest()}"


class Broken(httpx.SyncByteStream):
    def __init__(self, content: bytes) -> None:
        self.content = content

    def __iter__(self) -> Iterator[bytes]:
        yield self.content
        raise httpx.ReadError("reset")


@dataclass
class Site:
    """A file behind a mock transport."""

    content: bytes = OLD
    headers: dict[str, str] = field(default_factory=lambda: {"etag": '"a"'})
    cut: int = 40
    cuts: int = 1
    asked: list[httpx.Request] = field(default_factory=list)
    length: bool = True

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        headers, body, status = dict(self.headers), self.content, 200
        wanted = request.headers.get("if-range")
        if "range" in request.headers and wanted in {None, headers.get("etag")}:
            first, _, last = request.headers["range"][6:].partition("-")
            end = int(last or len(body) - 1) + 1
            headers["content-range"] = f"bytes {first}-{end - 1}/{len(body)}"
            body, status = body[int(first) : end], 206
        if self.length:
            headers["content-length"] = str(len(body))
        stream: Any = httpx.ByteStream(body)
        if len(self.asked) <= self.cuts:
            stream = Broken(body[: self.cut])
        return httpx.Response(status, headers=headers, stream=stream)

    @property
    def ranges(self) -> list[str]:
        return [each.headers.get("range", "") for each in self.asked]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "big.iso"


def fetch(site: Any, path: Any, url: str = URL, **options: Any) -> Download:
    with httpx.Client(transport=httpx.MockTransport(site)) as client:
        return download(client, url, path, **{"backoff": 0, **options})


def left_by(site: Site, path: Path, **options: Any) -> DownloadError:
    """Leave a part: the first request breaks, and it is the only one."""
    with pytest.raises(DownloadError) as caught:
        fetch(site, path, max_breaks=1, **options)
    return caught.value


def repr_digest(content: bytes) -> str:
    value = base64.b64encode(hashlib.sha256(content).digest()).decode()
    return f"sha-256=:{value}:"


def files(path: Path) -> list[str]:
    return sorted(each.name for each in path.parent.iterdir())


def test_it_asks_for_the_rest_only(path: Path) -> None:
    error = left_by(Site(), path)
    assert (error.part, error.received, error.total) == (
        path.with_name("big.iso.part"),
        40,
        100,
    )
    assert "40 of 100 bytes are in big.iso.part: the same call goes on" in str(error)
    site = Site(cuts=0)
    result = fetch(site, path)
    assert (result.resumed_at, result.bytes_read_twice, result.size) == (40, 0, 100)
    assert site.ranges == ["bytes=40-"]
    assert path.read_bytes() == OLD
    assert files(path) == ["big.iso"]


def test_the_sidecar_and_the_errors_have_no_secret(path: Path) -> None:
    error = left_by(Site(), path)
    text = path.with_name("big.iso.part.json").read_text()
    assert "secret" not in text + str(error) + explain(error)
    assert json.loads(text)["etag"] == '"a"'


def test_a_file_that_has_changed_meanwhile_starts_anew(path: Path) -> None:
    left_by(Site(), path)
    site = Site(NEW, {"etag": '"b"'}, cuts=0)
    result = fetch(site, path)
    assert path.read_bytes() == NEW
    assert (result.resumed_at, result.bytes_read_twice, site.ranges) == (
        0,
        40,
        ["bytes=40-"],
    )
    assert result.breaks[0].reason == 'the file has changed: ETag "a" became ETag "b"'


def test_a_part_that_is_whole_is_proven_by_its_last_byte(path: Path) -> None:
    site = Site(cut=100)
    left_by(site, path)
    again = Site(cuts=0)
    result = fetch(again, path)
    assert (again.ranges, result.resumed_at) == (["bytes=99-"], 99)
    assert path.read_bytes() == OLD


@pytest.mark.parametrize(
    "damage",
    ["torn", "foreign", "missing part", "short part", "other URL", "other boot"],
)
def test_what_cannot_be_trusted_is_discarded(
    path: Path, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    left_by(Site(), path)
    part, beside = (path.with_name(f"big.iso.part{each}") for each in ("", ".json"))
    url = URL
    saved = sidecar.read(beside)
    assert saved is not None
    if damage == "torn":
        beside.write_bytes(beside.read_bytes()[:50])
    elif damage == "foreign":
        beside.write_text('{"version": 1}')
    elif damage == "missing part":
        part.unlink()
    elif damage == "short part":
        sidecar.write(beside, replace(saved, done=((0, 41),)), sync=False)
    elif damage == "other URL":
        url += "2"
    else:
        sidecar.write(beside, replace(saved, synced=(), boot="before"), sync=False)
    site = Site(NEW, cuts=0)
    result = fetch(site, path, url)
    assert (site.ranges, result.resumed_at) == ([""], 0)
    assert path.read_bytes() == NEW
    assert files(path) == ["big.iso"]


def test_after_a_crash_of_the_machine_what_was_synced_is_gone_on_with(
    path: Path,
) -> None:
    left_by(Site(), path)
    beside = path.with_name("big.iso.part.json")
    saved = sidecar.read(beside)
    assert saved is not None
    assert saved.synced == ((0, 40),)
    sidecar.write(beside, replace(saved, synced=((0, 20),), boot="before"), sync=False)
    path.with_name("big.iso.part").write_bytes(OLD[:20] + bytes(20))
    site = Site(cut=50)
    left_by(site, path)
    assert site.ranges == ["bytes=20-"]
    again = Site(cuts=0)
    fetch(again, path)
    assert again.ranges == ["bytes=70-"]
    assert path.read_bytes() == OLD


def test_gaps_of_a_part_are_filled(path: Path) -> None:
    left_by(Site(), path)
    beside = path.with_name("big.iso.part.json")
    saved = sidecar.read(beside)
    assert saved is not None
    sidecar.write(beside, replace(saved, done=((0, 40), (60, 80))), sync=False)
    path.with_name("big.iso.part").write_bytes(OLD[:40] + bytes(20) + OLD[60:80])
    site = Site(cut=10)
    result = fetch(site, path)
    assert site.ranges == ["bytes=40-59", "bytes=50-59", "bytes=80-"]
    assert path.read_bytes() == OLD
    assert result.resumed_at == 60


def test_an_interruption_keeps_what_has_arrived(path: Path) -> None:
    site = Site(cuts=0)
    calls: list[int] = []

    def interrupted(request: httpx.Request) -> httpx.Response:
        response = site(request)

        def body() -> Iterator[bytes]:
            yield OLD[:30]
            calls.append(1)
            raise KeyboardInterrupt

        return httpx.Response(200, headers=response.headers, content=body())

    with pytest.raises(KeyboardInterrupt):
        fetch(interrupted, path)
    again = Site(cuts=0)
    assert fetch(again, path).resumed_at == 30
    assert path.read_bytes() == OLD


class TestChecksums:
    def test_a_checksum_is_proof_enough_for_a_part(self, path: Path) -> None:
        site = Site(headers={})
        result = fetch(site, path, checksum=DIGEST)
        assert site.ranges == ["", "bytes=40-"]
        assert "if-range" not in site.asked[1].headers
        assert (result.checksum, result.breaks[0].proof) == (DIGEST, "checksum")
        assert result.history[1].reason == "bytes=40-, to be checked"

    def test_of_a_server_too(self, path: Path) -> None:
        site = Site(headers={"repr-digest": repr_digest(OLD)})
        result = fetch(site, path)
        assert (site.ranges, result.checksum) == (["", "bytes=40-"], DIGEST)

    def test_over_processes_too(self, path: Path) -> None:
        for options, headers in (
            ({"checksum": DIGEST}, {}),
            ({}, {"repr-digest": repr_digest(OLD)}),
        ):
            left_by(Site(headers=headers), path, **options)
            site = Site(headers=headers, cuts=0)
            result = fetch(site, path, **options)
            assert (site.ranges, result.checksum) == (["bytes=40-"], DIGEST)
            path.unlink()

    def test_one_of_an_earlier_process_is_named(self, path: Path) -> None:
        headers = {"repr-digest": repr_digest(NEW), "etag": '"a"'}
        left_by(Site(headers=headers), path)
        with pytest.raises(ChecksumMismatch, match="as the server says"):
            fetch(Site(headers={"etag": '"a"'}, cuts=0), path)

    def test_a_part_that_was_the_wrong_one_is_fetched_anew(self, path: Path) -> None:
        site = Site(headers={})

        def changing(request: httpx.Request) -> httpx.Response:
            site.content = NEW if len(site.asked) == 1 else OLD
            return site(request)

        result = fetch(changing, path, checksum=DIGEST)
        assert path.read_bytes() == OLD
        assert (result.checksum, result.bytes_read_twice) == (DIGEST, 100)
        assert site.ranges == ["", "bytes=40-", ""]

    def test_a_server_without_ranges_sends_everything_again(self, path: Path) -> None:
        site = Site(headers={})

        def whole(request: httpx.Request) -> httpx.Response:
            if "range" in request.headers:
                site.asked.append(request)
                return httpx.Response(200, content=OLD)
            return site(request)

        result = fetch(whole, path, checksum=DIGEST)
        assert (site.ranges, result.bytes_read_twice) == (["", "bytes=40-"], 40)
        assert (
            "sent everything again, and no validator is no" in result.breaks[1].reason
        )

    def test_another_one_leaves_nothing(self, path: Path) -> None:
        with pytest.raises(ChecksumMismatch) as caught:
            fetch(Site(NEW, cuts=0), path, checksum=DIGEST)
        wrong = f"sha-256={hashlib.sha256(NEW).hexdigest()}"
        assert f"the file has {wrong}, not {DIGEST} as checksum says" in str(
            caught.value
        )
        assert isinstance(caught.value, httpx.TransportError)
        assert [each.outcome for each in attempts_of(caught.value)] == [200]
        assert files(path) == []

    def test_a_part_with_another_checksum_of_the_server_is_not_used(
        self, path: Path
    ) -> None:
        site = Site(headers={"repr-digest": repr_digest(OLD)})

        def changing(request: httpx.Request) -> httpx.Response:
            if site.asked:
                site.content, site.headers = NEW, {"repr-digest": repr_digest(NEW)}
            return site(request)

        fetch(changing, path)
        assert path.read_bytes() == NEW
        assert site.ranges == ["", "bytes=40-", ""]


class TestUnknownLengths:
    def test_the_last_byte_is_asked_for_once_more(self, path: Path) -> None:
        site = Site(length=False)
        fetch(site, path)
        assert site.ranges == ["", "bytes=39-"]
        assert path.read_bytes() == OLD

    def test_over_processes_too(self, path: Path) -> None:
        left_by(Site(length=False), path)
        site = Site(cuts=0, length=False)
        result = fetch(site, path)
        assert (site.ranges, result.resumed_at) == (["bytes=39-"], 40)
        assert path.read_bytes() == OLD


def test_how_far_it_is_is_told_also_of_earlier_downloads(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "TELL_EVERY", 0.0)
    left_by(Site(), path)
    told: list[Any] = []
    fetch(Site(cut=30), path, on_progress=told.append)
    assert [each[:3] for each in told] == [
        (70, 100, 40), (70, 100, 40), (100, 100, 40), (100, 100, 40),
    ]  # fmt: skip
    assert [len(each.breaks) for each in told] == [0, 1, 1, 1]


def test_the_history_is_told_as_that_of_a_response(path: Path) -> None:
    result = fetch(Site(), path)
    first, second = result.history
    assert (first.outcome, second.outcome) == (200, 206)
    assert first.reason == "after 40 bytes of the body, ReadError: reset"
    assert second.reason == 'bytes=40- if "a"'
    assert explain(result).startswith(
        "GET https://example.com/big.iso: 206 at attempt 2"
    )
