from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from httpx_resilient._core.resuming.content_range import ContentRange, content_range

positions = st.integers(0, 10**18 - 1)


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("bytes 0-0/1", ContentRange(0, 0, 1)),
        ("bytes 3-9/*", ContentRange(3, 9, None)),
        ("BYTES 3-9/10", ContentRange(3, 9, 10)),
        ("bytes */0", ContentRange(None, None, 0)),
        ("bytes */10", ContentRange(None, None, 10)),
        ("bytes 4-3/10", None),
        ("bytes 0-10/10", None),
        ("bytes */*", None),
        ("bytes=0-9/10", None),
        ("bytes  0-9/10", None),
        ("bytes 0 - 9/10", None),
        ("bytes 0-9", None),
        ("bytes 0-9/10, bytes 20-29/40", None),
        ("bytes 0-9/10\n", None),
        ("bytes -1-9/10", None),
        ("bytes 0-9/+10", None),
        ("bytes \u0663-9/10", None),
        ("items 0-9/10", None),
        ("bytes 0-9/1" + "0" * 5000, None),
        ("", None),
    ],
)
def test_content_range_is_read_strictly(value: str, read: ContentRange | None) -> None:
    assert content_range(value) == read


@given(positions, positions, positions)
def test_a_content_range_is_read_if_and_only_if_its_numbers_agree(
    first: int, last: int, total: int
) -> None:
    agrees = first <= last < total
    read = content_range(f"bytes {first}-{last}/{total}")
    assert read == (ContentRange(first, last, total) if agrees else None)


@given(st.text())
def test_no_text_makes_the_reader_raise(text: str) -> None:
    read = content_range(text)
    assert read is None or text.lower().startswith("bytes ")
