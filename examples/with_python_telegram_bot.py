"""
python-telegram-bot: the transport retries calls and updates.

    pip install 'httpx_resilient[python-telegram-bot]'

The SDK sends only POSTs: one that is repeated after a timeout can send a message twice.
If that is worse than a lost message, omit `retry=` for `calls`. With a transport, the
SDK ignores `connection_pool_size=`, and `proxy=` bypasses the transport: give `limits=`
and `proxy=` to the transport instead. `Application.builder()` takes the same two
requests.
"""

from __future__ import annotations

import asyncio
from functools import partial

from telegram import Bot
from telegram.request import HTTPXRequest
from unreliable import unreliable

from httpx_resilient import RetryingTransport, retry_if_transient

BOT = {"id": 1, "is_bot": True, "first_name": "finally", "username": "a_bot"}


def connect(url: str) -> Bot:
    retrying = partial(RetryingTransport, retry=retry_if_transient("POST"))
    calls = HTTPXRequest(httpx_kwargs={"transport": retrying()})
    updates = HTTPXRequest(httpx_kwargs={"transport": retrying()})
    return Bot("token", f"{url}/bot", request=calls, get_updates_request=updates)


async def main(url: str) -> None:
    async with connect(url) as bot:
        print(bot.first_name)


if __name__ == "__main__":
    with unreliable({"ok": True, "result": BOT}) as url:
        asyncio.run(main(url))
