"""How a body broke, and whether what was raised is a break at all."""

from __future__ import annotations

from httpx_resilient._core.body.checked import incomplete
from httpx_resilient._core.classify import NEVER, classify_error
from httpx_resilient._core.errors import Refusal
from httpx_resilient._core.family import Family
from httpx_resilient._core.family_errors import as_family_error
from httpx_resilient._core.resuming.representation import Representation


def break_of(error: Exception, family: Family) -> Exception:
    """
    Return the exception of the family that a body broke with.

    Raises:
        Exception: The error itself: it is none of a broken connection. A layer inside
            has ended the body, or another attempt would end the same way.
    """
    named = as_family_error(error, family, fresh=False)
    if isinstance(named, Refusal) or classify_error(named, family) is NEVER:
        raise error
    if named is not error:
        named.__cause__ = error
    return named


def ended_early(
    family: Family, received: int, first: Representation, encoding: str
) -> Exception:
    """
    Make the exception of a body that has ended before all had arrived.

    Args:
        family: The library of the request.
        received: The bytes that have arrived.
        first: What the first answer said.
        encoding: The encoding that has not come to its end, if it is that.
    """
    if encoding:
        return incomplete(family, encoding, received)
    of = "" if first.extent is None else f" of {first.extent:,}"
    return family.protocol_error(f"the body ended after {received:,} bytes{of}")


def is_final(error: Exception, family: Family) -> bool:
    """Whether a request for the rest would fail the same way once more."""
    return (
        classify_error(error, family) is NEVER
        and not isinstance(error, family.pool_timeout)
        and seconds_asked(error) is None
    )


def seconds_asked(error: Exception) -> float | None:
    """Return the seconds that a layer inside asks for before another request."""
    return error.retry_after if isinstance(error, Refusal) else None
