"""Where the transports inside of a transport are found."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from httpx_resilient._transport.inside import transports_in


class Leaf(httpx.BaseTransport):
    """A transport without one inside."""


LEAF = Leaf()


class Slotted(httpx.BaseTransport):
    """A transport that holds another one in a slot."""

    __slots__ = "inner"  # noqa: PLC0205 - a name alone is allowed, too

    def __init__(self) -> None:
        self.inner = LEAF


def holding(value: object) -> Any:
    transport = Leaf()
    vars(transport)["held"] = value
    return transport


def mock_around(inner: Any) -> Any:
    return httpx.MockTransport(lambda request: inner.handle_request(request))


def closed_over() -> Any:
    inner: Any

    class Closed(httpx.BaseTransport):
        def handle_request(self, request: Any) -> Any:
            return inner.handle_request(request) or later

    inner = LEAF
    if not inner:
        later = None  # never assigned: its cell stays empty
    return Closed()


@pytest.mark.parametrize(
    "outer",
    [
        holding(LEAF),
        holding([LEAF]),
        holding({"all://": LEAF}),
        holding([("all://", LEAF)]),
        holding({LEAF}),
        holding(httpx.Client(transport=LEAF)),
        holding(httpx.Client(mounts={"all://": LEAF})),
        mock_around(LEAF),
        Slotted(),
        closed_over(),
        holding(holding(LEAF)),
    ],
    ids=[
        *("attribute", "list", "dictionary", "tuples", "set", "client", "mounts"),
        *("mock", "slot", "closure", "nested"),
    ],
)
def test_a_transport_is_found(outer: Any) -> None:
    assert any(each is LEAF for each in transports_in(outer))


def test_a_circle_ends() -> None:
    one, other = Leaf(), Leaf()
    vars(one)["inner"], vars(other)["inner"] = other, one
    assert list(transports_in(one)) == [one, other]
