"""
githubkit: the transport retries, and the SDK does not.

    pip install 'httpx_resilient[githubkit]'

Its cache (`http_cache`, on by default) drops the timeout, so that requests never time
out, and passes on bodies that can be read only once. If you use the cache, give the
transport `buffer_request_body=`.
"""

from __future__ import annotations

import asyncio

from githubkit import GitHub, TokenAuthStrategy
from unreliable import unreliable

from httpx_resilient import RetryingTransport


def connect(url: str) -> GitHub[TokenAuthStrategy]:
    return GitHub(
        "token",
        base_url=url,
        async_transport=RetryingTransport(),
        auto_retry=False,
        http_cache=False,
        timeout=10,
    )


async def main(url: str) -> None:
    async with connect(url) as client:
        answer = await client.rest.meta.async_get_zen()
        print(answer.text)


if __name__ == "__main__":
    with unreliable("finally") as url:
        asyncio.run(main(url))
