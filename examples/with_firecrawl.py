"""
firecrawl: `wrap` finds the client of the SDK, which takes none.

    pip install httpx_resilient firecrawl-py

It is for `AsyncFirecrawl`: the synchronous one uses requests. A POST that is repeated
can cost credits twice. The SDK itself repeats 502 and lost connections, so these would
multiply, but for `max_retries=1`, which means one attempt.
"""

from __future__ import annotations

import asyncio
from functools import partial

from firecrawl import AsyncFirecrawl
from unreliable import unreliable

from httpx_resilient import RetryingTransport, retry_if_transient, wrap

ANSWER = {"success": True, "data": {"markdown": "finally"}}


def connect(url: str) -> AsyncFirecrawl:
    retrying = partial(RetryingTransport, retry=retry_if_transient("POST"))
    return wrap(AsyncFirecrawl(api_key="key", api_url=url, max_retries=1), retrying)


async def main(url: str) -> None:
    document = await connect(url).scrape("https://example.com")
    print(document.markdown)


if __name__ == "__main__":
    with unreliable(ANSWER) as url:
        asyncio.run(main(url))
