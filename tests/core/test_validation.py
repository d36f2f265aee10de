"""Checks of numbers that are given as arguments."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest

from httpx_resilient._core.validation import LARGEST, SMALLEST, number


@pytest.mark.parametrize(
    ("given", "limits", "message"),
    [
        (0, {"above": 0}, "n is a number, above 0; got 0"),
        (-1, {"least": 0, "most": 1}, "n is a number, 0 or more, at most 1; got -1"),
        (2, {"least": 0, "most": 1}, "n is a number, 0 or more, at most 1; got 2"),
        (math.nan, {"least": 0}, "n is a number, 0 or more; got nan"),
        (0, {"least": 1, "unit": "bytes"}, "n is a number of bytes, 1 or more; got 0"),
    ],
)
def test_a_number_out_of_its_range_is_rejected_with_the_range_and_the_value(
    given: float, limits: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        number("n", given, **limits)


@pytest.mark.parametrize("given", ["1", None, True])
def test_an_argument_that_is_not_a_number_is_rejected(given: object) -> None:
    with pytest.raises(TypeError, match="n is a number"):
        number("n", given, least=0)


def test_a_fraction_is_rejected_where_a_whole_number_is_required() -> None:
    with pytest.raises(TypeError, match="n is a whole number"):
        number("n", 1.5, least=0, whole=True)


@pytest.mark.parametrize("given", [0, 1, 0.5, math.inf])
def test_a_number_in_its_range_is_accepted(given: float) -> None:
    number("n", given, least=0)


@pytest.mark.parametrize("given", [10**400, 1e300, math.inf])
def test_a_number_that_is_too_large_to_calculate_with_is_bounded(given: float) -> None:
    assert number("n", given, least=0) == LARGEST


def test_a_number_that_is_too_small_to_calculate_with_is_bounded() -> None:
    assert number("n", 5e-324, above=0) == SMALLEST
    assert number("n", 0, least=0) == 0
