"""The attempts of a request that is still under way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast, overload

from httpx_resilient._core.attempts import Attempt, attempts_from
from httpx_resilient._core.history import Record


class AttemptsSoFar(Sequence[Attempt]):
    """
    The attempts so far, created one by one when they are read.

    A hook gets it before each wait, and an endless retry may have a million attempts.

    Args:
        records: The records of the request. More may be appended later.
        is_flat: Whether each record is one attempt.
    """

    def __init__(self, records: Sequence[Record], *, is_flat: bool) -> None:
        self._records = records
        self._count = len(records)
        self._all = None if is_flat else attempts_from(records)

    def __len__(self) -> int:
        return self._count if self._all is None else len(self._all)

    @overload
    def __getitem__(self, index: int) -> Attempt: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Attempt, ...]: ...
    def __getitem__(self, index: int | slice) -> Attempt | tuple[Attempt, ...]:
        if self._all is not None:
            return self._all[index]
        chosen = range(self._count)[index]
        if isinstance(chosen, int):
            return self._attempt(chosen)
        return tuple(map(self._attempt, chosen))

    def _attempt(self, index: int) -> Attempt:
        (attempt,) = attempts_from([self._records[index]])
        return attempt._replace(at=self._records[index][5] - self._records[0][5])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return tuple(self) == tuple(cast("Sequence[object]", other))

    __hash__ = None  # type: ignore[assignment]  # as for a list

    def __repr__(self) -> str:
        return repr(tuple(self))
