"""Servers of every kind, as values: no byte of another version is ever handed out."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from core.resuming.answers import NOW, OLD, answer
from hypothesis import given, settings
from hypothesis import strategies as st

from httpx_resilient._core.resuming.judgements import Anew, Complete, Spliced
from httpx_resilient._core.resuming.judging import judge
from httpx_resilient._core.resuming.range_request import (
    can_ask_for_the_rest,
    reread_headers,
    rest_headers,
)
from httpx_resilient._core.resuming.rejoining import Rejoining, RunningHash
from httpx_resilient._core.resuming.representation import (
    Representation,
    representation_of,
)

Sent = tuple[Representation, bytes]


@dataclass(frozen=True)
class Behaviour:
    """What a server does with one request. Only its validators never lie."""

    version: int
    ignores_range: bool
    ignores_if_range: bool
    off_by: int
    shorter_by: int
    hides_total: bool
    hides_validator: bool
    length_off_by: int
    cut: int


@dataclass(frozen=True)
class Server:
    versions: tuple[bytes, ...]
    validators: str
    is_chunked: bool

    def validator(self, content: bytes) -> dict[str, str]:
        digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
        if self.validators == "strong":
            return {"etag": f'"{digest}"'}
        if self.validators == "weak":
            return {"etag": 'W/"same"', "last_modified": NOW, "date": NOW}
        return {"date": NOW, "last_modified": NOW} if self.validators == "now" else {}

    def serve(self, headers: list[tuple[bytes, bytes]], does: Behaviour) -> Sent:
        content = self.versions[does.version % len(self.versions)]
        fields, asked = self.validator(content), dict(headers)
        wanted = re.fullmatch(rb"bytes=(\d+)-(\d*)", asked.get(b"Range", b""))
        condition = asked.get(b"If-Range", b"").decode()
        is_same = not condition or condition in fields.values()
        if wanted and not does.ignores_range and (is_same or does.ignores_if_range):
            first = max(int(wanted[1]) + does.off_by, 0)
            end = len(content) - 1 if not wanted[2] else int(wanted[2])
            last = min(end, len(content) - 1) - does.shorter_by
            if int(wanted[1]) >= len(content):
                fields["content_range"] = f"bytes */{len(content)}"
                return representation_of(answer(416, **fields)), b""
            if first <= last:
                total = "*" if does.hides_total else len(content)
                if does.hides_validator:
                    fields = {}
                fields["content_range"] = f"bytes {first}-{last}/{total}"
                fields["content_length"] = str(last - first + 1 + does.length_off_by)
                said = representation_of(answer(206, **fields))
                return said, content[first : last + 1][: does.cut]
        if not self.is_chunked:
            fields["content_length"] = str(len(content))
        return representation_of(answer(200, **fields)), content[: does.cut]


def read(server: Server, behaviours: list[Behaviour], given_range: bytes) -> None:
    """Read a body as a resuming reader does, and check each byte that it hands out."""
    headers = [(b"Range", given_range)] if given_range else []
    first, chunk = server.serve(headers, behaviours[0])
    if first.first is None or first.status == 416:
        return
    start = first.first
    seen, offset = RunningHash(), start
    out = chunk
    seen.update(chunk)
    offset += len(chunk)
    for does in behaviours[1:]:
        if first.last is not None and offset > first.last:
            break
        asks = can_ask_for_the_rest(first)
        sent = (
            rest_headers(headers, first, offset)
            if asks
            else reread_headers(headers, first)
        )
        said, chunk = server.serve(sent, does)
        judged = judge(first, offset, said)
        if isinstance(judged, Complete):
            assert out in {each[start:] for each in server.versions}
            return
        if isinstance(judged, Spliced):
            chunk = chunk[: None if first.last is None else first.last - offset + 1]
        elif isinstance(judged, Anew):
            digest = None if judged.is_proven else seen.digest()
            rejoining = Rejoining(start - judged.first, offset - start, digest)
            chunk = rejoining.feed(chunk)
            if not rejoining.is_over or not rejoining.is_same:
                continue
            chunk = chunk[: None if first.last is None else first.last - offset + 1]
        else:
            continue
        out += chunk
        seen.update(chunk)
        offset += len(chunk)
        # Versions that begin alike are one to the reader: nobody could tell.
        assert any(out == each[start : start + len(out)] for each in server.versions)


def of_length(size: int) -> st.SearchStrategy[tuple[bytes, ...]]:
    # All begin alike, up to a place: a cut before it is told by no hash.
    alike = st.integers(0, size - 1).map(lambda n: b"=" * n)
    rest = st.lists(st.binary(min_size=size, max_size=size), min_size=1, max_size=3)
    return st.builds(lambda a, each: tuple((a + b)[:size] for b in each), alike, rest)


# Most versions are equally long: the length would tell them apart.
contents = st.integers(4, 16).flatmap(of_length) | st.lists(
    st.binary(min_size=4, max_size=16), min_size=2, max_size=3
).map(tuple)
rarely = st.sampled_from([False] * 4 + [True])
behaviours = st.builds(
    Behaviour,
    version=st.sampled_from([0, 0, 1, 2]),
    ignores_range=rarely,
    ignores_if_range=rarely,
    off_by=st.sampled_from([0] * 6 + [-1, 1, -30]),
    shorter_by=st.sampled_from([0] * 4 + [1, 5]),
    hides_total=rarely,
    hides_validator=rarely,
    length_off_by=st.sampled_from([0] * 8 + [-1, 1]),
    cut=st.integers(0, 12),
)
servers = st.builds(
    Server,
    versions=contents,
    validators=st.sampled_from(["strong", "strong", "weak", "now", "none"]),
    is_chunked=st.booleans(),
)


@settings(max_examples=400)
@given(
    servers,
    st.lists(behaviours, min_size=2, max_size=8),
    st.sampled_from([b"", b"", b"bytes=2-", b"bytes=3-9"]),
)
def test_bytes_of_two_versions_are_never_mixed(
    server: Server, does: list[Behaviour], given_range: bytes
) -> None:
    read(server, does, given_range)


def test_a_date_that_is_clearly_older_goes_on() -> None:
    first = representation_of(answer(last_modified=OLD, date=NOW, content_length="9"))
    part = answer(206, last_modified=OLD, date=NOW, content_range="bytes 4-8/9")
    assert judge(first, 4, representation_of(part)) == Spliced(4, 8, 9)
