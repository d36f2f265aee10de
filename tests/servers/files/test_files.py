"""
Bodies of real servers, cut on the way: whole, or refused, and never corrupt.

The table in `docs/layers/resuming.md` has what they did. A server that is not installed
is skipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from servers.base import NotInstalled
from servers.files.catalogue import SERVERS, FileServer
from servers.files.trials import PLAIN, TEXT, content, put, serving, stream

Served = tuple[FileServer, Path, int]


@pytest.fixture(scope="module", params=SERVERS, ids=lambda server: server.name)
def served(request: pytest.FixtureRequest) -> Iterator[Served]:
    server: FileServer = request.param
    try:
        server.version()
    except NotInstalled as error:
        pytest.skip(str(error))
    with serving(server) as (files, port):
        yield server, files, port


@pytest.mark.parametrize("reset", [False, True])
def test_a_plain_file_is_whole(served: Served, reset: bool) -> None:
    _, _, port = served
    outcome = stream(port, PLAIN, content(PLAIN, 1), times=3, reset=reset)
    assert outcome.kind == "whole"
    assert outcome.requests == 4
    assert outcome.reread == 0


def test_compressed_text_is_whole(served: Served) -> None:
    _, _, port = served
    outcome = stream(port, TEXT, content(TEXT, 1), times=1, cut=100_000)
    assert outcome.kind == "whole"
    assert outcome.requests == 2


def test_a_changed_file_is_never_mixed(served: Served) -> None:
    _, files, port = served
    old = content(PLAIN, 1)
    outcome = stream(port, PLAIN, old, times=1, between=lambda: put(files, PLAIN, 2))
    assert outcome.kind in {"ContentChanged", "whole"}
