"""
An outage of three hours, tested in milliseconds.

    pip install httpx_resilient

The service below is down for three hours, and its client retries every quarter of an
hour. A test shows this without waiting, on a virtual clock, which jumps to the next
timer as soon as nothing can run. With pytest the fixture `virtual_time` is the same
clock, for synchronous tests and for coroutines.
"""

from __future__ import annotations

import asyncio
import time

import httpx
from tenacity import stop_after_delay, wait_fixed

from httpx_resilient import DeadlineTransport, RetryingTransport, attempts_of
from httpx_resilient.testing import no_waits, virtual_time

HOUR = 3600


def persistent(inner: httpx.MockTransport) -> DeadlineTransport:
    """Retry every quarter of an hour, for at most six hours."""
    retrying = RetryingTransport(
        inner, wait=wait_fixed(HOUR / 4), stop=stop_after_delay(6 * HOUR), budget=False
    )
    return DeadlineTransport(retrying, 6 * HOUR)


async def outlast_outage() -> None:
    """Retry in virtual time until the service is back."""
    with virtual_time(seed=1) as clock:

        def service(_: httpx.Request) -> httpx.Response:
            return httpx.Response(503 if clock.elapsed < 3 * HOUR else 200)

        transport = persistent(httpx.MockTransport(service))
        async with httpx.AsyncClient(transport=transport) as client:
            response = await client.get("https://example.org/")
        attempts = attempts_of(response)
        hours = clock.elapsed / HOUR
        print(f"{attempts[-1]} at attempt {len(attempts)}, after {hours:g} hours")


def skip_waits() -> None:
    """Skip only the waits. Everything else takes real time."""
    busy = httpx.MockTransport(lambda _: httpx.Response(503))
    with no_waits() as clock, httpx.Client(transport=persistent(busy)) as client:
        response = client.get("https://example.org/")
        hours = clock.elapsed / HOUR
        print(f"{response.status_code}, without {hours:.2f} hours of waits")


def main() -> None:
    """Run both, and measure the real time."""
    started = time.monotonic()
    asyncio.run(outlast_outage())
    skip_waits()
    print(f"less than 1 s of real time: {time.monotonic() - started < 1}")


if __name__ == "__main__":
    main()
