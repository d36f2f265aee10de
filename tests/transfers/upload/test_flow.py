"""The flow of an upload through a mock: hooks, waits, events, and what is shown."""

from __future__ import annotations

import hashlib
import logging
from base64 import b64decode
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import tenacity

from httpx_resilient import (
    Credentials,
    CredentialsTransport,
    RetryingTransport,
    Upload,
    UploadError,
    attempts_of,
    explain,
    upload,
    upload_of,
)
from httpx_resilient.events import Event, UploadBroke, UploadResumed

URL = "https://example.com/files"
CREATED = httpx.Response(201, headers={"location": "/1"})
CONTENT = b"0123456789"


def at(offset: int, status: int = 204, **headers: str) -> httpx.Response:
    return httpx.Response(status, headers={"upload-offset": str(offset), **headers})


class Script:
    """Answers requests in turn, and notes them."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.requests.append(request)
        found = self.answers.pop(0)
        if isinstance(found, Exception):
            raise found
        answer: httpx.Response = found
        return httpx.Response(
            answer.status_code, headers=answer.headers, content=answer.content
        )

    def client(self, **options: Any) -> httpx.Client:
        return httpx.Client(transport=httpx.MockTransport(self), **options)


def sent(script: Script, content: Any = CONTENT, **options: Any) -> Any:
    given: dict[str, Any] = {"wait": tenacity.wait_none(), **options}
    with script.client() as client:
        return upload(client, URL, content, **given)


def test_progress_and_events_tell_what_happens(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "httpx_resilient")
    seen: list[Upload] = []
    events: list[Event] = []
    script = Script(CREATED, httpx.ReadError("reset"), at(4, 200), at(10))
    response = sent(script, on_progress=seen.append, on_event=events.append)
    assert [each.offset for each in seen] == [0, 4, 10]
    assert {each.location for each in seen} == {"https://example.com/1"}
    assert [type(each) for each in events] == [UploadBroke, UploadResumed]
    broke, resumed = events
    assert str(broke) == (
        "PATCH https://example.com/1: upload broke at 0 or later: ReadError: reset, "
        "on in 0.00 s"
    )
    assert str(resumed) == "HEAD https://example.com/1: upload goes on at 4 of 10"
    assert [str(each) for each in events] == [
        each.getMessage() for each in caplog.records
    ]
    assert seen[-1] is upload_of(response)
    assert "https" not in repr(seen[-1])


@pytest.mark.anyio
@pytest.mark.parametrize("runtime", ["asyncio", "trio"])
async def test_an_asynchronous_listener_is_awaited() -> None:
    events: list[Event] = []

    async def listen(event: Event) -> None:
        events.append(event)

    script = Script(CREATED, httpx.ReadError("reset"), at(4, 200), at(10))

    async def answer(request: httpx.Request) -> httpx.Response:
        await request.aread()
        return script(httpx.Request(request.method, request.url))

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        await upload(client, URL, CONTENT, wait=tenacity.wait_none(), on_event=listen)
    assert [type(each) for each in events] == [UploadBroke, UploadResumed]


def test_an_upload_of_many_pieces_has_a_short_history() -> None:
    script = Script(CREATED, *(at(n) for n in range(1, 11)))
    response = sent(script, piece_size=1)
    assert [each.number for each in attempts_of(response)] == [1, 1, 1]
    assert "PATCH 0-9 in 9 pieces: accepted, 9 of 10 bytes" in explain(response)


def test_the_attempts_of_a_layer_inside_are_a_part_of_the_history() -> None:
    script = Script(httpx.ConnectError("refused"), CREATED, at(10))
    quick: Any = {"wait": tenacity.wait_none()}
    transport = RetryingTransport(httpx.MockTransport(script), **quick)
    with httpx.Client(transport=transport) as client:
        response = upload(client, URL, CONTENT)
    outcomes = [each.outcome for each in attempts_of(response)]
    assert outcomes == [httpx.ConnectError, 201, 204]


def test_a_piece_is_not_repeated_by_a_layer_inside() -> None:
    script = Script(CREATED, httpx.Response(429), at(0, 200), at(10))
    quick: Any = {"wait": tenacity.wait_none()}
    transport = RetryingTransport(httpx.MockTransport(script), **quick)
    with httpx.Client(transport=transport) as client:
        upload(client, URL, CONTENT, wait=tenacity.wait_none())
    assert [each.method for each in script.requests] == [
        "POST",
        "PATCH",
        "HEAD",
        "PATCH",
    ]


def test_a_token_that_expires_is_renewed_by_a_head() -> None:
    tokens = iter(["old", "new"])

    def answer(request: httpx.Request) -> httpx.Response:
        old = request.headers["authorization"] == "Bearer old"
        seen.append(request.method)
        if request.method == "POST":
            return CREATED
        return httpx.Response(401) if old else at(0 if request.method == "HEAD" else 10)

    seen: list[str] = []
    credentials = Credentials(lambda: next(tokens), "https://example.com")
    transport = CredentialsTransport(httpx.MockTransport(answer), credentials)
    with httpx.Client(transport=transport) as client:
        upload(client, URL, CONTENT)
    assert seen[-1] == "PATCH"
    assert seen.count("PATCH") == 2


def test_a_hook_that_raises_for_each_status_hides_no_answer() -> None:
    def raises(response: httpx.Response) -> None:
        response.raise_for_status()

    script = Script(CREATED, httpx.Response(409), at(4, 200), at(10))
    with script.client(event_hooks={"response": [raises]}) as client:
        upload(client, URL, CONTENT, wait=tenacity.wait_none())
    assert not script.answers


def test_an_exception_that_is_no_failure_of_the_wire_passes() -> None:
    with pytest.raises(ZeroDivisionError):
        sent(Script(CREATED, ZeroDivisionError()))


def test_a_server_that_asks_to_wait_for_long_ends_the_upload() -> None:
    script = Script(CREATED, httpx.Response(503, headers={"retry-after": "3600"}))
    with pytest.raises(UploadError, match="503, and the server asks to wait 3600 s"):
        sent(script)


def test_the_waits_grow_and_a_longer_one_of_the_server_counts() -> None:
    asked: list[int] = []

    def wait(state: tenacity.RetryCallState) -> float:
        asked.append(state.attempt_number)
        return 0.0

    busy = httpx.Response(423)
    slow = httpx.Response(423, headers={"retry-after": "0.01"})
    script = Script(
        CREATED, busy, slow, at(0, 200), busy, at(5, 200), busy, at(10, 200)
    )
    response = sent(script, wait=wait)
    assert asked == [1, 2, 3, 1]
    assert max(each.wait for each in attempts_of(response)) == 0.01


def test_an_answer_that_breaks_off_leaves_a_complete_upload() -> None:
    class Broken(httpx.SyncByteStream):
        def __iter__(self) -> Any:
            yield b"half"
            msg = "reset"
            raise httpx.ReadError(msg)

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return CREATED
        return httpx.Response(200, headers={"upload-complete": "?1"}, stream=Broken())

    with (
        httpx.Client(transport=httpx.MockTransport(answer)) as client,
        pytest.raises(UploadError, match="complete, but its answer broke") as caught,
    ):
        upload(client, URL, CONTENT, protocol="draft")
    assert caught.value.upload.complete
    assert caught.value.response.status_code == 200


def test_a_checksum_of_each_piece_is_sent_once_it_is_listed() -> None:
    listed = {"tus-extension": "checksum", "tus-checksum-algorithm": "sha1"}
    script = Script(httpx.Response(204, headers=listed), CREATED, at(6), at(10))
    sent(script, checksum="sha1", piece_size=6)
    algorithm, digest = script.requests[2].headers["upload-checksum"].split()
    assert algorithm == "sha1"
    assert b64decode(digest) == hashlib.sha1(b"012345").digest()
    assert "upload-checksum" not in script.requests[1].headers


def test_headers_of_the_content_are_of_the_first_request_only() -> None:
    final = httpx.Response(200, headers={"upload-complete": "?1"})
    script = Script(CREATED, final)
    sent(
        script,
        protocol="draft",
        method="PUT",
        headers={"Content-Type": "video/mp4", "X-Trace": "1", "upload-offset": "9"},
        timeout=3.0,
        extensions={"deadline": 60},
    )
    first, piece = script.requests
    assert (first.method, first.headers["content-type"]) == ("PUT", "video/mp4")
    assert piece.headers["content-type"] == "application/partial-upload"
    assert piece.headers["upload-offset"] == "0"
    assert {each.headers["x-trace"] for each in script.requests} == {"1"}
    assert piece.extensions["deadline"] == 60
    assert piece.extensions["timeout"]["read"] == 3.0


@pytest.mark.parametrize(("given", "read"), [(1.0, 30.0), (90.0, 90.0), (None, None)])
def test_a_server_has_time_to_answer(given: float | None, read: float | None) -> None:
    script = Script(CREATED, at(10))
    with script.client(timeout=given) as client:
        upload(client, URL, CONTENT)
    assert {each.extensions["timeout"]["read"] for each in script.requests} == {read}


def test_endless_redirects_end() -> None:
    script = Script(*[httpx.Response(307, headers={"location": URL})] * 20)
    with pytest.raises(UploadError, match="the creation: 307") as caught:
        sent(script)
    assert len(script.requests) == 11
    assert explain(caught.value).count("redirected") == 10


def test_an_upload_at_another_origin_that_wants_credentials_says_so() -> None:
    elsewhere = httpx.Response(201, headers={"location": "http://example.com/1"})
    script = Script(elsewhere, httpx.Response(401), httpx.Response(401))
    with pytest.raises(UploadError, match="another origin, which got no credentials"):
        sent(script)


def test_an_outcome_without_an_upload_has_no_record() -> None:
    nothing: list[Callable[[], object]] = [
        object,
        ValueError,
        lambda: httpx.Response(200),
    ]
    assert [upload_of(make()) for make in nothing] == [None, None, None]
    error = UploadError("no", Upload(1))
    around = RuntimeError()
    around.__cause__ = error
    assert upload_of(around) == Upload(1)
    assert str(Upload(1, 5, breaks=1)) == "1 of 5 bytes, 1 break, 0 bytes sent twice"
    assert str(Upload(1)) == "1 bytes, 0 breaks, 0 bytes sent twice"
