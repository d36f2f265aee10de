"""The table of other tools' names agrees with the options that there are."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

import httpx_resilient
from httpx_resilient._core.foreign_options import FOREIGN_OPTIONS, OWN_OPTIONS, STATES


def options_of(name: str) -> list[str]:
    kind: Any = getattr(httpx_resilient, name)
    return list(inspect.signature(kind).parameters)


OWNERS = [name for name in FOREIGN_OPTIONS if name != "HTTP"]


@pytest.mark.parametrize("owner", OWNERS)
def test_every_answer_names_an_option_that_exists(owner: str) -> None:
    given = {each[0] for each in FOREIGN_OPTIONS[owner] if isinstance(each, tuple)}
    assert given <= set(options_of(owner))


@pytest.mark.parametrize("owner", OWNERS)
def test_no_option_of_a_class_is_a_name_of_others(owner: str) -> None:
    names = " ".join(FOREIGN_OPTIONS[owner].values()).split()
    assert not set(names) & set(options_of(owner))
    assert len(names) == len(set(names))


@pytest.mark.parametrize("owner", OWN_OPTIONS)
def test_the_own_options_are_all_listed(owner: str) -> None:
    of_all_layers = {"inner", "on_event", "http"}
    assert OWN_OPTIONS[owner].split() == [
        each for each in options_of(owner) if each not in of_all_layers
    ]


@pytest.mark.parametrize("layer", STATES)
def test_every_state_is_an_argument_of_its_layer(layer: str) -> None:
    assert STATES[layer].keys() <= set(options_of(layer))
    assert set(STATES[layer].values()) <= OWN_OPTIONS.keys()


def test_a_subclass_with_options_of_its_own_answers_as_python_does() -> None:
    class Own(httpx_resilient.CircuitBreaker):
        def __init__(self, *names: str, **options: Any) -> None:
            super().__init__(**options)

    with pytest.raises(TypeError, match="CircuitBreaker has failure_rate"):
        Own("a", "b", fail_max=3)


def test_an_error_of_a_constructor_stays_as_it_is() -> None:
    with pytest.raises(TypeError, match="got '5'"):
        httpx_resilient.CircuitBreaker(window="5")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - the mistake


def test_the_defaults_of_a_constructor_can_be_looked_up() -> None:
    breaker = inspect.signature(httpx_resilient.CircuitBreaker)
    assert breaker.parameters["window"].default == 10
    assert inspect.signature(httpx_resilient.RateLimit).parameters["per"].default == 1
