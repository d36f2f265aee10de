"""Uploads to real servers of tus, cut on both sides by a proxy: whole on the disk."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import tenacity
from support.cutting_proxy import CuttingProxy
from support.tus_servers import (
    NAMES,
    Missing,
    TusServer,
    install_node_packages,
    tus_server,
)

from httpx_resilient import RetryingTransport, UploadError, explain, upload, upload_of

SIZE = 2_000_000
METADATA = {"filename": "video.mp4", "filetype": "video/mp4"}
"""tuspyserver answers a HEAD by 400 without both."""

WAIT = tenacity.wait_fixed(0.3)
"""Servers still write what a cut request has sent: an offset is that of later."""

CUTS = {
    "30 % and again": {"up": (600_000, 1_200_000)},
    "30 % and again, reset": {"up": (600_000, 1_200_000), "reset": True},
    "in the first head": {"up": (100,)},
    "in the first answer": {"down": (20,)},
    "in the head of the piece": {"up": (500,)},
    "the last answer": {"answer_to": SIZE},
}


@pytest.fixture(scope="session")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    found: list[Path] = []

    def install() -> Path:
        if not found:
            found.append(install_node_packages(tmp_path_factory.mktemp("node")))
        return found[0]

    return install


@pytest.fixture(scope="module", params=NAMES)
def tus(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    modules: Callable[[], Path],
) -> Iterator[TusServer]:
    folder = tmp_path_factory.mktemp("server") / "files"
    folder.mkdir()
    try:
        with tus_server(request.param, folder, modules) as running:
            yield running
    except Missing as missing:
        pytest.skip(str(missing))


def sent(*args: Any, **options: Any) -> httpx.Response | UploadError:
    try:
        return upload(*args, **options)
    except UploadError as error:
        return error


@pytest.mark.parametrize("cuts", CUTS)
def test_an_upload_that_is_cut_is_whole(tus: TusServer, cuts: str) -> None:
    content = random.Random(cuts).randbytes(SIZE)
    given: dict[str, Any] = CUTS[cuts]
    with (
        CuttingProxy(tus.port, **given) as proxy,
        httpx.Client(transport=RetryingTransport()) as client,
    ):
        url = f"http://127.0.0.1:{proxy.port}{tus.path}"
        outcome = sent(
            client,
            url,
            content,
            metadata=METADATA,
            wait=WAIT,
            piece_size=1_000_000,
            max_stalls=6,
        )
    known = upload_of(outcome)
    assert known is not None
    # tussi forgets an upload that is complete: nobody can know.
    is_forgotten = tus.name == "tussi" and cuts == "the last answer"
    assert known.complete is (None if is_forgotten else True), explain(outcome)
    assert proxy.cuts == (2 if "again" in cuts else 1)
    assert tus.stored(SIZE).count(content) == 1


def test_it_goes_on_in_another_process(tus: TusServer) -> None:
    content = random.Random(tus.name).randbytes(SIZE)
    seen: list[str] = []
    url = f"http://127.0.0.1:{tus.port}{tus.path}"
    given: Any = {"metadata": METADATA, "piece_size": 500_000, "wait": WAIT}
    with CuttingProxy(tus.port, up=[1_200_000, 1_200_100]) as proxy:
        through = f"http://127.0.0.1:{proxy.port}{tus.path}"
        with httpx.Client() as client, pytest.raises(UploadError):
            upload(
                client,
                through,
                content,
                **given,
                max_stalls=1,
                on_progress=lambda known: seen.append(known.location),
            )
    location = seen[-1].replace(f":{proxy.port}/", f":{tus.port}/")
    with httpx.Client() as client:
        response = upload(client, url, content, **given, resume_from=location)
    known = upload_of(response)
    assert known is not None
    assert known.complete
    assert tus.stored(SIZE).count(content) == 1


def test_a_checksum_is_sent_only_where_it_is_checked(tus: TusServer) -> None:
    content = random.Random(1).randbytes(10_000)
    url = f"http://127.0.0.1:{tus.port}{tus.path}"
    with httpx.Client() as client:
        outcome = sent(client, url, content, metadata=METADATA, checksum="sha1")
    if tus.name == "resumable_upload":
        assert isinstance(outcome, httpx.Response)
    else:
        assert "does not check sha1" in str(outcome)
