"""
Answers with faults, made at random from those of the table.

    python -m support.wire.mutations 100000 1

reads as many of them, with that seed, by h11 and by the wire, and prints how often each
kind of difference was found. It is run in `tests`.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from random import Random

from support.wire.answers import GROUPS
from support.wire.differences import Difference, Unlisted, difference
from support.wire.readers import read_by_h11, read_by_ours

SEEDS = [
    (row.method, row.data)
    for rows in GROUPS.values()
    for row in rows
    if len(row.data) < 1_000
]
BYTES = b'\r\n \t:;,="0129abcHT/.\x00\x01\x0b\x7f\x80\xff'
ALIKE = "alike"


def mutations(count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Yield methods, and answers to them with one to three faults each."""
    random = Random(seed)
    for _ in range(count):
        method, data = random.choice(SEEDS)
        faulty = bytearray(data)
        for _ in range(random.choice((1, 1, 1, 2, 3))):
            mutate(faulty, random)
        yield method, bytes(faulty)


def mutate(data: bytearray, random: Random) -> None:
    at = random.randrange(len(data) + 1)
    end = at + random.choice((1, 1, 2, 5))
    match random.randrange(4):
        case 0:
            data[at : at + 1] = bytes([random.choice(BYTES)])
        case 1:
            data[at:at] = bytes([random.choice(BYTES)])
        case 2:
            del data[at:end]
        case _:
            data[at:at] = data[at:end]


def compared(method: str, data: bytes) -> Difference | None:
    """
    Return how h11 and the wire differ over an answer.

    Raises:
        Unlisted: In a way that nobody has decided, or it matters how bytes are split.
    """
    ours = read_by_ours(method, data, eof=True)
    split = read_by_ours(method, data, eof=True, step=1)
    if split.rest:  # more than the answer, which is for whoever reads it
        split = replace(split, rest=b"", reusable=ours.reusable)
    if split != ours:
        msg = "it matters how bytes are split"
        raise Unlisted(msg, ours, split)
    return difference(read_by_h11(method, data, eof=True), ours)


def main(count: int, seed: int) -> None:
    start = time.perf_counter()
    found: Counter[str] = Counter()
    for method, data in mutations(count, seed):
        try:
            kind = compared(method, data)
        except Unlisted as error:
            print(f"unlisted: {method} {data!r}\n    {error}")
            found["unlisted"] += 1
        else:
            found[kind.value if kind else ALIKE] += 1
    for name, times in found.most_common():
        print(f"{times:8,} {name}")
    print(f"{count:,} answers in {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
