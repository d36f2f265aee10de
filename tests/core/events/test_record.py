"""Events behave as frozen dataclasses with slots."""

from __future__ import annotations

import dataclasses
import inspect
import subprocess
import sys
from typing import Any

import httpx
import pytest

from httpx_resilient import events
from httpx_resilient.events import AttemptEnded, OriginDown, Queued, RetryScheduled

REQUEST = httpx.Request("GET", "https://example.org/")
SCHEDULED = RetryScheduled(REQUEST, 1, "503", 0.2)
KINDS: list[Any] = [
    kind
    for name in events.__all__
    if isinstance(kind := getattr(events, name), type)
    and issubclass(kind, events.Event)
]


@pytest.mark.parametrize("kind", KINDS)
def test_every_event_is_a_dataclass_without_a_dict(kind: Any) -> None:
    assert dataclasses.is_dataclass(kind)
    assert not any("__dict__" in vars(base) for base in kind.__mro__)


def test_fields_are_given_by_position_or_by_name() -> None:
    assert Queued(REQUEST, "pool", 3) == Queued(REQUEST, waiting=3, limit="pool")
    ended = AttemptEnded(REQUEST, 1, 0.2)
    assert (ended.response, ended.error) == (None, None)


def test_the_error_for_a_missing_field_names_the_event_and_the_field() -> None:
    arguments: Any = [REQUEST, "pool"]
    with pytest.raises(TypeError, match=r"Queued\.__init__\(\) missing .* 'waiting'"):
        Queued(*arguments)


def test_the_signature_of_an_event_that_was_never_created_shows_its_fields() -> None:
    code = (
        "import inspect; from httpx_resilient.events import OriginUp, RequestEvent\n"
        "print(*inspect.signature(OriginUp).parameters)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    assert done.stdout.split() == ["origin", "key"]
    assert list(inspect.signature(Queued).parameters) == ["request", "limit", "waiting"]


def test_the_constructor_of_a_base_does_not_become_that_of_its_subclasses() -> None:
    code = (
        "from httpx_resilient.events import Event, OriginDown\n"
        "Event(); print(OriginDown('https://example.org', '503').reason)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    assert done.stdout == "503\n"


def test_events_are_equal_if_their_kinds_and_fields_are() -> None:
    scheduled = RetryScheduled(REQUEST, 1, "503", 0.2)
    same = dataclasses.replace(scheduled)
    assert scheduled == same
    assert hash(scheduled) == hash(same)
    assert scheduled != dataclasses.replace(same, wait=0.3)
    assert scheduled != OriginDown("https://example.org", "503")
    assert scheduled != "503"


def test_a_field_cannot_be_assigned_or_deleted() -> None:
    mutable: Any = SCHEDULED
    with pytest.raises(dataclasses.FrozenInstanceError, match="assign to field 'wait'"):
        mutable.wait = 0.3
    with pytest.raises(dataclasses.FrozenInstanceError, match="delete field 'wait'"):
        del mutable.wait


def test_the_repr_hides_the_request() -> None:
    assert repr(SCHEDULED) == "RetryScheduled(attempt=1, reason='503', wait=0.2)"


def test_an_event_matches_by_position() -> None:
    match SCHEDULED:
        case RetryScheduled(_, attempt, reason):
            assert (attempt, reason) == (1, "503")
