"""The figures of a result, the bins of a picture, and the picture."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from httpx_resilient import RetryingTransport
from httpx_resilient.simulation import (
    Outage,
    Second,
    Server,
    SimulationResult,
    Traffic,
    draw,
    simulate,
)
from httpx_resilient.simulation._bins import binned

GOOD, BAD, IDLE = Second(100, 100, 100), Second(100, 0, 300), Second(0, 0, 0)


def result_of(*seconds: Second, over: float | None = None) -> SimulationResult:
    return SimulationResult({"200": 1}, 1, 0, over, seconds, [0.1, 0.2, 0.3, 0.4])


class TestFigures:
    def test_the_recovery_begins_ten_good_seconds(self) -> None:
        result = result_of(*[BAD] * 7, *[GOOD] * 10, over=4)
        assert result.recovery == 3

    def test_99_of_100_calls_are_good(self) -> None:
        nearly = Second(100, 99, 100)
        assert result_of(*[nearly] * 10, over=0).recovery == 0
        assert result_of(*[nearly] * 9, BAD, over=0).recovery is None

    def test_a_fraction_of_a_second_counts_to_the_next_one(self) -> None:
        assert result_of(*[BAD] * 5, *[GOOD] * 10, over=3.2).recovery == 1

    def test_seconds_without_calls_are_no_recovery(self) -> None:
        assert result_of(*[IDLE] * 12, *[GOOD] * 3, over=0).recovery == 3

    def test_without_an_outage_there_is_no_recovery(self) -> None:
        assert result_of(*[GOOD] * 20).recovery is None

    def test_a_success_is_a_status_below_400(self) -> None:
        outcomes = {"200": 5, "304": 2, "404": 1, "503": 1, "ReadTimeout": 1}
        result = SimulationResult(outcomes, 20, 0, None, [BAD], [])
        assert (result.calls, result.succeeded) == (10, 7)
        assert (result.success, result.amplification, result.peak) == (0.7, 2.0, 300)

    def test_without_calls_nothing_has_failed(self) -> None:
        result = SimulationResult({}, 0, 0, None, [], [])
        assert (result.success, result.amplification, result.peak) == (1.0, 1.0, 0)
        assert result.latency(0.5) == 0.0

    def test_a_latency_is_a_quantile_of_all_calls(self) -> None:
        result = result_of(GOOD)
        assert [result.latency(each) for each in (0.25, 0.5, 1)] == [0.1, 0.2, 0.4]
        with pytest.raises(ValueError, match="share is a number, above 0, at most 1"):
            result.latency(0)


class TestBins:
    @given(
        st.lists(
            st.builds(Second, *[st.integers(0, 50)] * 3), min_size=1, max_size=300
        ),
        st.integers(1, 100),
    )
    def test_bins_are_at_most_so_many_and_conserve_the_sums(
        self, series: list[Second], most: int
    ) -> None:
        bins = binned(series, most)
        assert 1 <= len(bins) <= most
        starts = [each.start for each in bins]
        ends = [*starts[1:], len(series)]
        widths = [end - start for start, end in zip(starts, ends, strict=True)]
        for name in ("calls", "requests"):
            rates = [getattr(each, name) for each in bins]
            total = sum(map(float.__mul__, rates, map(float, widths)))
            assert total == pytest.approx(sum(getattr(each, name) for each in series))

    def test_a_bin_without_calls_has_no_shares(self) -> None:
        one, other = binned([IDLE, BAD], 2)
        assert (one.success, one.amplification) == (None, None)
        assert (other.success, other.amplification) == (0.0, 3.0)


class TestPicture:
    def test_a_picture_shows_results_and_outages(self, tmp_path: Path) -> None:
        server = Server(12, outages=[Outage(5, 10)])
        result = simulate(RetryingTransport, server, Traffic(5), seconds=20)
        path = tmp_path / "picture.png"
        draw(path, {"one": result, "other": result}, server)
        with Image.open(path) as image:
            colors = {color for _, color in image.convert("RGB").getcolors(10**6) or []}
        assert (255, 255, 255) in colors
        assert (0xF2, 0xE3, 0xC6) in colors  # the outage
        assert (0x1F, 0x5F, 0xA8) in colors  # the second policy

    def test_the_server_may_be_left_out(self, tmp_path: Path) -> None:
        path = tmp_path / "picture.svg"
        draw(path, {"one": result_of(GOOD, IDLE, BAD)})
        assert "svg" in path.read_text()

    @pytest.mark.parametrize("number", [0, 5])
    def test_a_picture_shows_one_to_four_results(
        self, number: int, tmp_path: Path
    ) -> None:
        results = {str(each): result_of(GOOD) for each in range(number)}
        with pytest.raises(ValueError, match=f"1 to 4 results; got {number}"):
            draw(tmp_path / "picture.png", results)

    def test_without_matplotlib_the_error_names_what_to_install(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setitem(sys.modules, "matplotlib", None)
        monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
        with pytest.raises(ImportError, match=r"httpx_resilient\[plot\]"):
            draw(tmp_path / "picture.png", {"one": result_of(GOOD)})
