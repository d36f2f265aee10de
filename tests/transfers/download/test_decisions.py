"""The decisions of a download, as values."""

from __future__ import annotations

import base64
import gzip
import hashlib
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from httpx_resilient._transfers.download import sidecar
from httpx_resilient._transfers.download.checksum import checksum_in, parse_checksum
from httpx_resilient._transfers.download.decoding import Decoder, Incomplete, coding_of
from httpx_resilient._transfers.download.part import trusted
from httpx_resilient._transfers.download.patience import LONGEST_WAIT, Patience
from httpx_resilient._transfers.download.segments import SMALLEST, gaps, merged, split
from httpx_resilient._transfers.download.sidecar import Saved, decode, encode

DIGEST = hashlib.sha256(b"hello").digest()
IN_BASE64 = base64.b64encode(DIGEST).decode()


class TestChecksums:
    @pytest.mark.parametrize(
        "text",
        [
            f"sha-256={DIGEST.hex()}", f"SHA256:{DIGEST.hex().upper()}",
            f"sha_256={IN_BASE64}", f"sha-256=:{IN_BASE64}:",
        ],
    )  # fmt: skip
    def test_one_of_a_user_is_hexadecimal_or_base64(self, text: str) -> None:
        checksum = parse_checksum(text)
        assert checksum is not None
        assert (checksum.algorithm, checksum.value) == ("sha256", DIGEST)
        assert str(checksum) == f"sha-256={DIGEST.hex()}"

    @pytest.mark.parametrize(
        ("given", "error", "message"),
        [
            (b"sha-256=00", TypeError, "checksum must be a string"),
            ("0" * 64, ValueError, "an algorithm and a value"),
            (
                "crc32=00000000",
                ValueError,
                "unknown algorithm 'crc32'; choose from md5",
            ),
            (
                "sha-256=00",
                ValueError,
                "has 32 bytes: 64 hexadecimal digits, or base64",
            ),
            (f"md5={'g' * 32}", ValueError, "has 16 bytes"),
            ("md5=AAAA", ValueError, "has 16 bytes"),
        ],
    )
    def test_another_text_is_refused_with_what_to_write(
        self, given: Any, error: type[Exception], message: str
    ) -> None:
        with pytest.raises(error, match=message):
            parse_checksum(given)

    def test_the_file_is_read_again(self, tmp_path: Path) -> None:
        path = tmp_path / "file"
        path.write_bytes(b"hello")
        for name in ("md5", "sha-1", "sha-256", "sha-512"):
            plain = name.replace("-", "")
            value = hashlib.new(plain, b"hello").hexdigest()
            checksum = parse_checksum(f"{name}={value}")
            assert checksum is not None
            assert checksum.is_equal(checksum.found_in(path))

    @pytest.mark.parametrize(
        ("headers", "whole", "found"),
        [
            ({"repr-digest": f"sha-256=:{IN_BASE64}:"}, False, "Repr-Digest"),
            ({"content-digest": f"sha-256=:{IN_BASE64}:"}, True, "Content-Digest"),
            ({"content-digest": f"sha-256=:{IN_BASE64}:"}, False, None),
            ({"repr-digest": "md5=:XUFAKrxLKna5cZ2REBfFkg==:"}, True, None),
            ({"repr-digest": "sha-256=:AAAA:"}, True, None),
            ({"repr-digest": "sha-256=1, ("}, True, None),
            ({"repr-digest": "sha-256=1"}, True, None),
            ({}, True, None),
        ],
    )
    def test_of_a_server_those_count_that_are_not_insecure(
        self, headers: dict[str, str], whole: bool, found: str | None
    ) -> None:
        checksum = checksum_in(headers, whole=whole)
        assert (None if checksum is None else checksum.source) == found


intervals = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 60)).map(
        lambda two: (min(two), max(two))
    )
)


def positions(some: Any) -> set[int]:
    return {each for start, end in some for each in range(start, end)}


@given(intervals)
def test_what_is_missing_and_what_is_done_are_the_whole(
    some: list[tuple[int, int]],
) -> None:
    done = merged(some)
    assert positions(done) == positions(some)
    missing = gaps(done, 60)
    assert positions(missing) == set(range(60)) - positions(some)
    assert merged(missing) == missing


@given(intervals, st.integers(1, 9))
def test_pieces_are_all_that_is_missing_and_none_is_small(
    some: list[tuple[int, int]], count: int
) -> None:
    missing = [(start * SMALLEST, end * SMALLEST) for start, end in merged(some)]
    if not missing:
        return
    pieces = split(missing, count)
    assert list(merged(pieces)) == list(merged(missing))
    assert len(pieces) >= min(count, len(missing))
    assert len(pieces) <= max(count, len(missing))
    assert sum(end - start for start, end in pieces) == sum(e - s for s, e in missing)
    assert all(end - start >= SMALLEST for start, end in pieces)


class TestPatience:
    def test_new_bytes_reset_the_failures_in_a_row_but_not_the_total(self) -> None:
        patience = Patience(failures=3, breaks=5)
        for progress in (False, False, True, False, True):
            assert not patience.is_over
            patience = patience.after_failure(progress=progress)
        assert patience.is_over
        assert (patience.in_a_row, patience.total) == (0, 5)

    def test_the_wait_doubles_up_to_a_limit(self) -> None:
        patience = Patience(backoff=1.0)
        waits = []
        for _ in range(9):
            patience = patience.after_failure(progress=False)
            waits.append(patience.wait(1.0))
        assert waits[:5] == [1.0, 2.0, 4.0, 8.0, 16.0]
        assert waits[-1] == LONGEST_WAIT
        assert patience.wait(0.5) == LONGEST_WAIT / 2
        assert patience.wait(0.5, retry_after=7.0) == 7.0
        assert patience.after_failure(progress=True).wait(1.0) == 0.0


class TestDecoding:
    TEXT = b"hello " * 1000

    @pytest.mark.parametrize("size", [1, 7, 10_000])
    def test_each_encoding_is_removed_whatever_the_chunks(self, size: int) -> None:
        raw = zlib.compressobj(wbits=-15)
        for coding, body, plain in (
            ("gzip", gzip.compress(self.TEXT), self.TEXT),
            ("gzip", gzip.compress(self.TEXT) * 2, self.TEXT * 2),
            ("deflate", zlib.compress(self.TEXT), self.TEXT),
            ("deflate", raw.compress(self.TEXT) + raw.flush(), self.TEXT),
        ):
            decoder = Decoder(coding)
            chunks = [body[i : i + size] for i in range(0, len(body), size)]
            assert b"".join(map(decoder.decode, chunks)) == plain
            decoder.finish()
            for end in range(1, len(body), 17):
                cut = Decoder(coding)
                cut.decode(body[:end])
                if body[:end] != gzip.compress(self.TEXT):
                    with pytest.raises(Incomplete, match="ends before"):
                        cut.finish()
            raw = zlib.compressobj(wbits=-15)

    def test_an_empty_body_is_whole_and_other_bytes_are_refused(self) -> None:
        Decoder("gzip").finish()
        with pytest.raises(Incomplete, match="not of its Content-Encoding"):
            Decoder("gzip").decode(b"no gzip at all")

    @pytest.mark.parametrize(
        ("encoding", "kind", "coding"),
        [
            ("", "", ""), ("identity", "", ""), ("gzip", "text/html", "gzip"),
            ("X-GZIP", "", "gzip"), ("gzip", "application/x-gzip; q=1", ""),
            ("br", "", "br"), ("gzip, br", "application/gzip", "gzip, br"),
        ],
    )  # fmt: skip
    def test_a_file_of_gzip_that_is_labelled_so_is_left_as_it_is(
        self, encoding: str, kind: str, coding: str
    ) -> None:
        assert coding_of(encoding, kind) == coding


class TestSidecars:
    SAVED = Saved(url="u", etag='"a"', total=100, done=((0, 10), (20, 30)), boot="b")

    def test_one_is_read_as_it_was_written(self, tmp_path: Path) -> None:
        path = tmp_path / "sidecar"
        for sync in (False, True):
            sidecar.write(path, self.SAVED, sync=sync)
            assert sidecar.read(path) == self.SAVED
        assert [each.name for each in tmp_path.iterdir()] == ["sidecar"]
        assert sidecar.read(tmp_path / "none") is None

    @given(st.data())
    def test_one_that_is_torn_or_touched_is_discarded(self, data: Any) -> None:
        text = encode(self.SAVED)
        end = data.draw(st.integers(0, len(text) - 2))
        assert decode(text[:end]) is None
        at = data.draw(st.integers(0, len(text) - 1))
        other = data.draw(st.integers(0, 255))
        touched = text[:at] + bytes([other]) + text[at + 1 :]
        assert decode(touched) in {None, self.SAVED}

    @pytest.mark.parametrize(
        "text", [b"", b"[]", b"1", b"{}", b"null", b"[" * 100_000, b"\xff\xfe"]
    )
    def test_one_of_another_program_is_discarded(self, text: bytes) -> None:
        assert decode(text) is None

    def test_one_of_another_version_is_discarded(self, monkeypatch: Any) -> None:
        text = encode(self.SAVED)
        monkeypatch.setattr(sidecar, "VERSION", 2)
        assert decode(text) is None
        newer = encode(self.SAVED)
        monkeypatch.setattr(sidecar, "_FIELDS", {"url"})
        assert decode(newer) is None

    def test_a_machine_without_an_identifier_of_its_start_has_an_empty_one(
        self, monkeypatch: Any, tmp_path: Path
    ) -> None:
        monkeypatch.setattr(sidecar, "_BOOT", tmp_path / "none")
        assert sidecar.boot_id() == ""

    def test_one_that_cannot_be_written_leaves_the_one_before(
        self, monkeypatch: Any, tmp_path: Path
    ) -> None:
        path = tmp_path / "sidecar"
        sidecar.write(path, self.SAVED, sync=False)

        def fail(*_: Any) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(Path, "replace", fail)
        with pytest.raises(OSError, match="No space"):
            sidecar.write(path, Saved(), sync=False)
        assert sidecar.read(path) == self.SAVED
        assert [each.name for each in tmp_path.iterdir()] == ["sidecar"]

    @pytest.mark.parametrize(
        ("saved", "size", "done"),
        [
            (Saved(boot="b"), 7, ((0, 7),)),
            (Saved(boot="b"), 0, ()),
            (Saved(boot="b", done=((0, 3), (5, 7))), 7, ((0, 3), (5, 7))),
            (Saved(boot="b", done=((0, 3), (5, 7))), 6, ()),
            (Saved(boot="b", total=5), 7, ()),
            (Saved(boot="before"), 7, ()),
            (Saved(boot="before", synced=((0, 4),)), 7, ((0, 4),)),
            (Saved(boot="before", synced=((0, 9),)), 7, ()),
        ],
    )
    def test_what_a_part_has_is_trusted_as_far_as_its_sidecar_can_know(
        self, saved: Saved, size: int, done: Any
    ) -> None:
        assert trusted(saved, size, "b") == done
