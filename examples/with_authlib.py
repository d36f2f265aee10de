"""
authlib: its httpx2 client fetches tokens through the same transport.

    pip install 'httpx_resilient[authlib]'

Without httpx2 it is an httpx client and needs the transport of `httpx_resilient`. It
fetches tokens by POST, so the transport repeats your POSTs, too, and a server may
process one of them twice: `extensions={"retry": False}` sends such a request once.
"""

from __future__ import annotations

import asyncio

from authlib.integrations.httpx_client import AsyncOAuth2Client
from unreliable import unreliable

from httpx_resilient.httpx2 import RetryingTransport, retry_if_transient

ANSWER = {"access_token": "secret", "token_type": "Bearer", "text": "finally"}


def connect(url: str) -> AsyncOAuth2Client:
    transport = RetryingTransport(retry=retry_if_transient("POST"))
    return AsyncOAuth2Client("id", "secret", base_url=url, transport=transport)


async def main(url: str) -> None:
    async with connect(url) as client:
        await client.fetch_token(f"{url}/token", grant_type="client_credentials")
        answer = await client.get("/answer")
        print(answer.json()["text"])


if __name__ == "__main__":
    with unreliable(ANSWER) as url:
        asyncio.run(main(url))
