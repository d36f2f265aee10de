"""
The clients of the bodies part. It imports little, since callgrind counts that, too.

    python -m benchmarks.bodies_client http://localhost sync,plain,get,1000/etag,100

sends 100 requests in a fork. All runs that the arguments name share one start of
Python, and one TLS context without certificates: under callgrind the start takes 15
seconds, and the certificates of each context twice as long.
"""

from __future__ import annotations

import gc
import os
import ssl
import sys
import traceback
from typing import Any

import anyio
import httpx

import httpx_resilient as ours

PLAIN, RESUMING = "plain", "resuming"
KINDS = (PLAIN, RESUMING)
"""`RetryingTransport()`, alone and within a `ResumingTransport`."""


_WITHOUT_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def transport_of(kind: str) -> Any:
    """Make the transport of a kind."""
    inner = ours.RetryingTransport(verify=_WITHOUT_CERTIFICATES)
    return inner if kind == PLAIN else ours.ResumingTransport(inner)


def send(backend: str, kind: str, how: str, url: str, n: int) -> None:
    """Send requests."""
    transport = transport_of(kind)

    async def sends() -> None:
        async with httpx.AsyncClient(transport=transport) as client:
            for _ in range(n):
                if how == "get":
                    await client.get(url)
                else:
                    async with client.stream("GET", url) as response:
                        async for _ in response.aiter_raw():
                            pass

    if backend != "sync":
        anyio.run(sends, backend=backend)
        return
    with httpx.Client(transport=transport) as client:
        for _ in range(n):
            if how == "get":
                client.get(url)
            else:
                with client.stream("GET", url) as response:
                    for _ in response.iter_raw():
                        pass


def in_a_fork(address: str, run: str) -> None:
    """Send the requests of a run in a process of its own, and wait for its end."""
    process = os.fork()
    if process:
        _, status = os.waitpid(process, 0)
        if status:
            sys.exit(f"{run} has failed")
        return
    try:
        backend, kind, how, path, n = run.split(",")
        send(backend, kind, how, f"{address}/{path}", int(n))
    except BaseException:  # noqa: BLE001 - a fork must not go on as its parent
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def main() -> None:
    """Make each run that the arguments name."""
    gc.disable()
    address, *runs = sys.argv[1:]
    # What is loaded by the first request is loaded once, and not in each fork.
    for backend in {run.partition(",")[0] for run in runs}:
        send(backend, RESUMING, "get", f"{address}/1/none", 1)
    for run in runs:
        in_a_fork(address, run)


if __name__ == "__main__":
    main()
