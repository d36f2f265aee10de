"""The sending of another attempt, in the place of a body that has broken."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import NoReturn

from httpx_resilient._core.io.protocol import run_sync
from httpx_resilient._layers.retry.body_retry import BodyRetry


class Renewed(Exception):  # noqa: N818 - no error: it never leaves the read
    """The body begins again: another attempt was answered."""


class Renewing(Iterator[bytes], AsyncIterator[bytes]):
    """Sends another attempt in place of a first chunk."""

    __slots__ = ("_renewal",)

    def __init__(self, renewal: BodyRetry) -> None:
        self._renewal = renewal

    def __next__(self) -> NoReturn:
        run_sync(self._renewal.send())
        raise Renewed

    async def __anext__(self) -> NoReturn:
        await self._renewal.send()
        raise Renewed
