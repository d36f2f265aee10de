"""Whatever a truthful server does, in any order: the file is one version, or none."""

from __future__ import annotations

import gzip
import hashlib
import random
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from httpx_resilient import DownloadError, download
from httpx_resilient._transfers.download import segments

VERSIONS = [random.Random(number).randbytes(70) for number in range(3)]
DIGEST = f"sha-256={hashlib.sha256(VERSIONS[0]).hexdigest()}"
DATE = "Sun, 29 Nov 2026 12:00:00 GMT"
KINDS = {
    "strong": lambda number: {"etag": f'"{number}"'},
    "weak": lambda number: {"etag": f'W/"{number}"'},
    "dated": lambda number: {"last-modified": f"Sat, 28 Nov 2026 12:00:0{number} GMT"},
    "dated now": lambda number: {"last-modified": DATE},
    "none": lambda number: {},
}


@dataclass(frozen=True)
class Behaviour:
    """How one request is answered."""

    version: int
    cut: int
    ranges: bool
    obeys: bool
    gzipped: bool
    chunked: bool
    shift: int
    status: int


behaviours = st.builds(
    Behaviour,
    version=st.sampled_from([0, 0, 0, 1, 2]),
    cut=st.integers(0, 90),
    ranges=st.sampled_from([True, True, True, False]),
    obeys=st.sampled_from([True, True, False]),
    gzipped=st.sampled_from([False, False, False, True]),
    chunked=st.booleans(),
    shift=st.sampled_from([0, 0, 0, 0, 1]),
    status=st.sampled_from([0, 0, 0, 0, 0, 503, 416, 412, 206]),
)


class Cut(httpx.SyncByteStream):
    def __init__(self, content: bytes, cut: int) -> None:
        self.content, self.cut = content, cut

    def __iter__(self) -> Iterator[bytes]:
        for at in range(0, min(self.cut, len(self.content)), 7):
            yield self.content[at : min(at + 7, self.cut)]
        if self.cut < len(self.content):
            msg = "reset"
            raise httpx.ReadError(msg)


class Site:
    def __init__(self, kind: str, script: list[Behaviour]) -> None:
        self.kind, self.script = kind, script

    def __call__(self, request: httpx.Request) -> httpx.Response:
        how = self.script.pop(0) if self.script else WELL
        if how.status:
            return httpx.Response(how.status, headers={"etag": '"0"'}, content=b"no")
        body = VERSIONS[how.version]
        headers = {"date": DATE, **KINDS[self.kind](how.version)}
        wanted = request.headers.get("if-range")
        is_same = not how.obeys or wanted in {None, *headers.values()}
        status = 200
        if how.gzipped:
            headers["content-encoding"] = "gzip"
            body = gzip.compress(body)
        if "range" in request.headers and how.ranges and is_same:
            first, _, last = request.headers["range"][6:].partition("-")
            start, end = int(first), min(int(last or len(body) - 1) + 1, len(body))
            if start >= end:
                return httpx.Response(
                    416, headers={"content-range": f"bytes */{len(body)}"}
                )
            told = f"bytes {start + how.shift}-{end - 1 + how.shift}/{len(body)}"
            headers["content-range"] = told
            body, status = body[start:end], 206
        if how.chunked:
            headers["transfer-encoding"] = "chunked"
        else:
            headers["content-length"] = str(len(body))
        return httpx.Response(status, headers=headers, stream=Cut(body, how.cut))


WELL = Behaviour(0, 99, True, True, False, False, 0, 0)


def outcome(site: Site, path: Path, **options: Any) -> bytes | None:
    """Download until the file is there, as a user would who calls it again."""
    with httpx.Client(transport=httpx.MockTransport(site)) as client:
        for _ in range(12):
            try:
                download(client, "https://example.com/", path, backoff=0, **options)
            except (DownloadError, httpx.HTTPError):
                assert not path.exists()
            else:
                return path.read_bytes()
    return None


@pytest.mark.parametrize("options", [{}, {"connections": 3}, {"checksum": DIGEST}])
@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(KINDS)), st.lists(behaviours, max_size=8))
def test_a_file_is_one_version(
    options: dict[str, Any], kind: str, script: list[Behaviour]
) -> None:
    with tempfile.TemporaryDirectory() as folder, patch.object(segments, "SMALLEST", 5):
        path = Path(folder) / "file"
        content = outcome(Site(kind, list(script)), path, max_breaks=2, **options)
        assert content in (VERSIONS[:1] if "checksum" in options else VERSIONS)
        assert [each.name for each in path.parent.iterdir()] == ["file"]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_cut_at_every_byte(tmp_path: Path, kind: str) -> None:
    for cut in range(len(VERSIONS[0]) + 1):
        path = tmp_path / str(cut)
        broken = Behaviour(0, cut, True, True, False, False, 0, 0)
        assert outcome(Site(kind, [broken]), path) == VERSIONS[0]
