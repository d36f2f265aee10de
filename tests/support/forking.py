"""
What programs that fork share. They run as `python -c`, so that pytest never forks.

Such a program gets the library's name, and the URL and the certificate of a server that
answers each request with its own path.
"""

from __future__ import annotations

import json
import os
import signal
import ssl
import sys
import traceback
from collections.abc import Callable
from typing import Any

from support.world import LIBRARIES, World

signal.alarm(50)  # a child that hangs must not outlive the test


class Program:
    """The arguments of the program, and a client."""

    def __init__(self, *, sync: bool, **options: Any) -> None:
        name, self.url, certificate = sys.argv[1:]
        self.world = World(*LIBRARIES[name], sync=sync)
        verify = ssl.create_default_context(cadata=certificate or None)
        make = self.world.ours.RetryingTransport
        self.pool = self.world.ours.PoolingTransport(verify=verify, **options)
        self.transport = make(self.pool)
        library = self.world.library
        kind = library.Client if sync else library.AsyncClient
        self.client = kind(transport=self.transport, timeout=5)

    def wrong(self, who: str, number: int = 30, method: str = "GET") -> list[str]:
        """Send requests. Return the wrong answers."""
        paths = [f"/{who}/{each}" for each in range(number)]
        answers = [self.client.request(method, self.url + each).text for each in paths]
        return [f"{a} for {p}" for a, p in zip(answers, paths, strict=True) if a != p]


def in_child(work: Callable[[], Any]) -> Callable[[], Any]:
    """Do something in a child process. Returns a function that waits for its result."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        signal.alarm(20)
        try:
            os.write(writing, json.dumps(work()).encode())
        except BaseException:
            os.write(writing, json.dumps(traceback.format_exc()).encode())
        finally:
            os._exit(0)
    os.close(writing)

    def result() -> Any:
        with os.fdopen(reading, "rb") as pipe:
            told = pipe.read()
        _, status = os.waitpid(pid, 0)
        return json.loads(told) if told else f"the child ended with {status}"

    return result


def check(*results: Any) -> None:
    """Assert that nothing was wrong, in the parent and in its children."""
    for each in results:
        assert each == [], each
