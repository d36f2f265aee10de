"""The scenarios: our transport inside the client of an SDK, against faults."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest
from matrix import Row
from sdk import SDK, TEXT, Api
from support.server import close, reply, reset, stall

pytestmark = pytest.mark.anyio

EXAMPLES = Path(__file__).parents[2] / "examples"
PATIENT = 10.0


def scenario(name: str) -> pytest.MarkDecorator:
    return pytest.mark.scenario(name)


async def get_text(sdk: SDK, api: Api, patience: float = PATIENT) -> None:
    async with sdk.connect(api.url, patience=patience, own_retries=False) as client:
        assert await sdk.call(client) == TEXT


def assert_attempts(api: Api, number: int) -> None:
    """Assert the number of attempts, all with the same bytes."""
    assert api.requests == number
    assert len({(each.method, each.target, each.body) for each in api.received}) == 1


@scenario("503 twice")
async def test_a_call_succeeds_after_two_503(sdk: SDK, api: Api) -> None:
    api.fails(reply(503), reply(503))
    await get_text(sdk, api)
    assert_attempts(api, 3)


@scenario("429 with Retry-After")
async def test_a_call_succeeds_not_before_its_retry_after(sdk: SDK, api: Api) -> None:
    api.fails(reply(429, retry_after="1"))
    await get_text(sdk, api)
    assert_attempts(api, 2)
    assert api.received[1].at - api.received[0].at >= 1


@scenario("reset before the response")
async def test_a_call_succeeds_after_a_reset(sdk: SDK, api: Api) -> None:
    api.fails(reset())
    await get_text(sdk, api)
    assert_attempts(api, 2)


@scenario("close before the response")
async def test_a_call_succeeds_after_a_close(sdk: SDK, api: Api) -> None:
    api.fails(close())
    await get_text(sdk, api)
    assert_attempts(api, 2)


@scenario("read timeout")
async def test_a_call_succeeds_after_a_read_timeout(sdk: SDK, api: Api) -> None:
    api.fails(stall())
    await get_text(sdk, api, patience=0.5)
    assert_attempts(api, 2)
    # The client timed out: the server itself closes after a minute.
    assert api.received[1].at - api.received[0].at < 30


@scenario("stream after two 503")
async def test_a_stream_arrives_whole_after_two_503(sdk: SDK, api: Api) -> None:
    api.fails(reply(503), reply(503))
    async with sdk.connect(api.url, patience=PATIENT, own_retries=False) as client:
        assert await sdk.stream(client) == TEXT
    assert_attempts(api, 3)


@scenario("upload")
async def test_an_upload_arrives_unchanged_after_two_faults(sdk: SDK, api: Api) -> None:
    data = random.Random(1).randbytes(300_000)
    api.fails(reply(503), reset())
    async with sdk.connect(api.url, patience=PATIENT, own_retries=False) as client:
        await sdk.upload(client, data)
    assert_attempts(api, 3)
    assert data in api.received[-1].body


@scenario("own retries off")
async def test_three_attempts_end_in_the_error_of_the_sdk(sdk: SDK, api: Api) -> None:
    api.fails_always(reply(503))
    async with sdk.connect(api.url, patience=PATIENT, own_retries=False) as client:
        with pytest.raises(sdk.error):
            await sdk.call(client)
    assert_attempts(api, 3)


@scenario("own retries on")
async def test_own_retries_multiply_as_the_table_says(
    sdk: SDK, api: Api, row: Row
) -> None:
    api.fails_always(reply(503))
    async with sdk.connect(api.url, patience=PATIENT, own_retries=True) as client:
        with pytest.raises(sdk.error):
            await sdk.call(client)
    assert_attempts(api, row.requests)


@scenario("recipe")
def test_the_recipe_prints_what_the_server_answered(row: Row) -> None:
    command = [sys.executable, f"{row.example}.py"]
    done = subprocess.run(
        command, cwd=EXAMPLES, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert " 503 503 200" in done.stdout
