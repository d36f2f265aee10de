from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import telegram
from sdk import SDK, TEXT, as_json
from support.server import Received, Step
from telegram.request import HTTPXRequest


class Driver(SDK):
    error = telegram.error.NetworkError

    @asynccontextmanager
    async def connect(
        self, url: str, *, patience: float, own_retries: bool
    ) -> AsyncIterator[telegram.Bot]:
        calls, updates = (
            HTTPXRequest(
                read_timeout=patience, httpx_kwargs={"transport": self.transport()}
            )
            for _ in range(2)
        )
        async with telegram.Bot(
            "token", f"{url}/bot", request=calls, get_updates_request=updates
        ) as bot:
            yield bot

    async def call(self, client: telegram.Bot) -> str:
        message = await client.send_message(chat_id=1, text="question")
        return message.text

    async def upload(self, client: telegram.Bot, data: bytes) -> None:
        await client.send_document(chat_id=1, document=data, filename="data.bin")

    def answer(self, request: Received) -> Step:
        if request.target == "/bottoken/getMe":
            return as_json(ME)
        return as_json({"ok": True, "result": MESSAGE})

    def counts(self, request: Received) -> bool:
        # It requests its own account when it is opened.
        return request.target != "/bottoken/getMe"


BOT = {"id": 1, "is_bot": True, "first_name": "bot", "username": "a_bot"}
ME = {"ok": True, "result": BOT}
CHAT = {"id": 1, "type": "private"}
MESSAGE = {"message_id": 1, "date": 1, "chat": CHAT, "text": TEXT}
