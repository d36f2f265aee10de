"""
python-telegram-bot: retried by the transport, calls and updates alike.

    pip install 'httpx_resilient[python-telegram-bot]'

All it sends are POSTs: repeated after a timeout, one can send a message twice. If that
is worse than none at all, leave `retry=` out for `calls`. `connection_pool_size=` would
be lost, and `proxy=` go around the transport: give it `limits=` and `proxy=` instead.
`Application.builder()` takes the same two requests.
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
