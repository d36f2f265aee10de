"""The command `simulate`: its table, its charts, its words, its errors."""

from __future__ import annotations

import importlib.util
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from support.command_line import document_of, python, simulate

from httpx_resilient._cli.chart import Chart
from httpx_resilient._cli.simulated_policy import parse_policy
from httpx_resilient._cli.simulation_words import conclusions, describe
from httpx_resilient.simulation import Outage, Second, Server, SimulationResult, Traffic

SMALL = ("--clients", "10", "--capacity", "12", "--duration", "60")
OUTAGE = (*SMALL, "--outage", "10:20")
STORM = ("--stop", "8", "--no-budget")


def rows_of(text: str) -> dict[str, list[str]]:
    """Return the cells of the table by the name of the row."""
    lines = [re.split(r"  +", line.strip()) for line in text.splitlines()]
    return {cells[0]: cells[1:] for cells in lines if len(cells) > 1}


class TestReport:
    def test_the_table_has_the_figures_of_a_policy(self) -> None:
        result = simulate(*OUTAGE)
        assert result.exit_code == 0
        rows = rows_of(result.stdout)
        assert int(rows["calls"][0]) == pytest.approx(600, rel=0.15)
        assert rows["requests per call"][0].startswith("1.0")
        assert 0 < int(rows["recovery, s"][0]) < 40
        assert float(rows["p99 of calls, ms"][0]) >= 10_000
        assert int(rows["refused by the budget"][0]) > 0

    def test_two_policies_stand_beside_each_other(self) -> None:
        text = simulate(*OUTAGE, *STORM, "--against", "--stop 3").stdout
        assert "\nA: --stop 8 --no-budget\nB: --stop 3\n" in text
        rows = rows_of(text)
        assert rows["recovery, s"][0] == "not in 40"
        storm, default = map(float, rows["requests per call"])
        assert storm > 2 * default
        assert "A: retries multiply the load on the server by" in text
        assert "The retries keep it overloaded." in " ".join(text.split())
        assert text.split()[-3:] == ["B", "is", "better."]

    def test_an_empty_text_compares_with_the_default_policy(self) -> None:
        text = simulate(*OUTAGE, "--attempts", "1", "--against", "").stdout
        assert "\nA: --attempts 1\nB: default\n" in text

    def test_without_an_outage_there_is_no_recovery(self) -> None:
        text = simulate(*SMALL).stdout
        assert rows_of(text)["recovery, s"] == ["-"]
        assert "outage" not in text

    def test_the_first_lines_describe_the_situation(self) -> None:
        text = simulate(*SMALL, "--outage", "10:20:429=2", "--rate", "0.5").stdout
        assert " ".join(text.split()).startswith(
            "10 clients, 5 calls/s, for 60 s, at a server of 12 requests/s, 429=2 from "
            "10 to 20 s A: default"
        )

    @pytest.mark.parametrize("columns", [60, 120])
    def test_no_line_is_wider_than_the_terminal(
        self, monkeypatch: pytest.MonkeyPatch, columns: int
    ) -> None:
        monkeypatch.setenv("COLUMNS", str(columns))
        text = simulate(*OUTAGE, *STORM, "--against", "").stdout
        widths = [len(line.rstrip()) for line in text.splitlines()]
        assert max(widths) <= min(columns, 100)

    def test_the_charts_show_load_success_and_the_outage(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("COLUMNS", "68")
        lines = simulate(*OUTAGE).stdout.splitlines()
        start = lines.index("calls that succeed, by their start")
        top, *_, bottom, axis, legend = lines[start + 1 : start + 7]
        assert axis == " " * 8 + "─" * 10 + "━" * 10 + "─" * 40
        assert top.startswith("A 100 % ████")
        assert bottom.startswith("    0 % ████")
        assert top[8 + 11 : 8 + 17] == " " * 6  # in the outage, no call succeeds
        assert "━ outage" in legend
        assert legend.endswith("60 s")

    def test_seconds_are_put_together_where_a_terminal_is_too_narrow(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("COLUMNS", "38")
        assert "requests/s, means of 2 s\n" in simulate(*OUTAGE).stdout

    def test_one_bin_is_as_wide_as_the_simulation(self) -> None:
        assert simulate("--duration", "1", "--clients", "5").exit_code == 0

    def test_layers_and_other_situations_are_options(self) -> None:
        options = (
            "--breaker --throttle --rate-limit 50 --hedge 0.2 --retry-status 500 "
            "--wait 0.5 --max-time 20"
        )
        text = simulate(
            *OUTAGE, *options.split(), "--think", "0.5", "--latency", "0.1",
            "--queue", "50", "--seed", "3",
        ).stdout  # fmt: skip
        assert "10 clients, one call at a time, 0.5 s after the last" in text
        names = " ".join(text.split("A: ")[1].split("calls")[0].split())
        assert sorted(re.findall(r"--[a-z-]+", names)) == sorted(
            re.findall(r"--[a-z-]+", options)
        )

    def test_the_same_seed_prints_the_same(self) -> None:
        assert simulate(*OUTAGE).stdout == simulate(*OUTAGE, "--seed", "0").stdout
        assert simulate(*OUTAGE).stdout != simulate(*OUTAGE, "--seed", "1").stdout


class TestFiles:
    def test_json_has_the_situation_and_all_figures(self) -> None:
        document = document_of(simulate(*OUTAGE, "--against", "--stop 8", "--json"))
        assert document["seconds"] == 60
        assert document["server"]["outages"][0]["kind"] == "dead"
        one, other = document["policies"]
        assert (one["name"], other["name"]) == ("default", "--stop 8")
        assert one["calls"] == sum(one["outcomes"].values())
        assert len(one["by_second"]) == 60
        assert set(one["by_second"][0]) == {"calls", "succeeded", "requests"}
        assert one["latency"]["p50"] < one["latency"]["p99"]

    def test_png_writes_a_picture_and_names_it(self, tmp_path: Path) -> None:
        path = tmp_path / "picture.png"
        text = simulate(*OUTAGE, "--png", str(path)).stdout
        assert "The picture is in " in text
        assert path.read_bytes().startswith(b"\x89PNG")

    def test_png_prints_nothing_beside_json(self, tmp_path: Path) -> None:
        path = tmp_path / "picture.png"
        result = simulate(*OUTAGE, "--json", "--png", str(path))
        assert document_of(result)["seed"] == 0
        assert path.exists()


class TestUsage:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (
                ["--outage", "sixty"],
                "'sixty' is no outage. Examples: 60:90, 60:90:slow",
            ),
            (["--outage", "90:60"], "--outage: an outage ends after its start; got 90"),
            (["--outage", "1.2.3:60"], "could not convert string to float: '1.2.3'"),
            (["--outage", "1:2:odd"], "dead, slow, 429, errors, restart; got 'odd'"),
            (["--outage", "1:2:errors=3"], "the value of errors is a number, 0"),
            (["--outage", "1:5", "--outage", "4:6"], "do not overlap"),
            (["--outage", "60:90", "--duration", "90"], "a longer --duration, such as"),
            (["--clients", "0"], "--clients"),
            (["--rate", "10000"], "calls are too many, 2,000,000 can be simulated"),
            (["--think", "0.001"], "calls are too many"),
            (["--stop", "never"], "for --stop: never is not a stop strategy"),
            (["--against", "--stop never"], "for --stop: never is not a stop strategy"),
            (["--against", "--clients 5"], "--against: No such option: --clients"),
            (["--against", "--stop '3"], "--against: No closing quotation"),
            (["--against", "three"], "--against: Got unexpected extra argument"),
            (["--against", "--help"], "--against: No such option: --help"),
            (["--png", "picture"], "--png: the name of the file must end in .png"),
            (["--png", "/none/picture.png"], "--png: the file cannot be written"),
        ],
    )
    def test_what_cannot_be_simulated_is_a_usage_error(
        self, arguments: list[str], message: str
    ) -> None:
        result = simulate(*arguments)
        assert result.exit_code == 2
        text = " ".join(result.stderr.split())
        assert message in text
        assert not result.stdout

    def test_without_matplotlib_png_names_what_to_install(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        found = importlib.util.find_spec
        monkeypatch.setattr(
            "httpx_resilient._cli.simulate.find_spec",
            lambda name: None if name == "matplotlib" else found(name),
        )
        result = simulate("--png", "picture.png")
        assert result.exit_code == 2
        assert "pip install 'httpx_resilient[plot]'" in result.stderr

    def test_a_policy_is_named_by_its_options(self) -> None:
        text = "--attempts 4 --stop 30s --wait 'wait_fixed(2)' --no-budget --timeout 2"
        assert sorted(parse_policy(text).name.split()) == sorted(text.split())


class TestProcess:
    def test_a_pipe_in_ascii_gets_a_chart_in_ascii(self) -> None:
        environment = {**os.environ, "PYTHONIOENCODING": "ascii", "NO_COLOR": "1"}
        with python("simulate", *OUTAGE, env=environment) as process:
            out, err = process.communicate(timeout=50)
        assert out.isascii()
        assert "====" in out
        assert "####" in out
        assert not err
        assert process.returncode == 0

    def test_ctrl_c_ends_a_process_without_a_traceback(self) -> None:
        long = ("--clients", "100", "--duration", "10000")
        process = python("simulate", *long, start_new_session=True)
        with process:
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(timeout=3)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=50)
        assert (out, err) == ("", "interrupted\n")
        assert process.returncode == 130

    def test_an_interruption_reports_nothing(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupted(*_: Any, **__: Any) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr("httpx_resilient._cli.simulate.run", interrupted)
        result = simulate(*SMALL)
        assert (result.exit_code, result.stdout) == (130, "")
        assert result.stderr == "interrupted\n"

    def test_a_terminal_shows_progress(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FORCE_COLOR", "1")
        assert "simulating" in simulate(*SMALL).stderr


class TestChart:
    def test_a_column_has_eighths_and_a_small_value_is_visible(self) -> None:
        chart = Chart(Console(), [False] * 5)
        chart._levels = " ▁▂▃▄▅▆▇█"
        rows = chart.rows([0.0, 0.001, 0.5, 1.0, None], 1.0)
        assert rows == ["   █ ", "   █ ", "  ██ ", " ▁██ "]

    def test_a_series_of_zeros_is_empty(self) -> None:
        assert set(Chart(Console(), [True]).rows([0.0], 0.0)) == {" "}


def result_of(
    share: float, requests: int, over: float | None = 0.0, *, last: Second
) -> SimulationResult:
    outcomes = {"200": round(1000 * share), "503": round(1000 * (1 - share))}
    return SimulationResult(outcomes, requests, 0, over, [last] * 12, [])


GOOD, BAD = Second(10, 10, 10), Second(10, 0, 10)
SERVER = Server(12, outages=[Outage(0, 1)])


class TestWords:
    @pytest.mark.parametrize(
        ("last", "text"),
        [
            (GOOD, "A: as soon as the outage is over, the calls succeed again."),
            (BAD, "A: the server does not recover in the time that is left."),
            (Second(15, 0, 15), "recover: the calls alone are more than it can serve."),
            (
                Second(10, 0, 30),
                "but 30 requests per second. The retries keep it overloaded.",
            ),
        ],
    )
    def test_the_recovery_has_its_reason(self, last: Second, text: str) -> None:
        result = result_of(0.5, 1000, last=last)
        assert text in conclusions([("A", result)], SERVER)[1]

    @pytest.mark.parametrize(
        ("one", "other", "text"),
        [
            ((0.5, 1000), (0.5, 3000), "As many calls succeed with A as with B."),
            (
                (0.9, 1000),
                (0.5, 3000),
                "succeed with A and 50 with B, which also sends more requests: A is",
            ),
            (
                (0.5, 1000),
                (0.9, 1500),
                "90 succeed with B and 50 with A: B pays for it with 50 % more requests.",
            ),
        ],
    )
    def test_a_comparison_weighs_success_and_load(
        self, one: tuple[float, int], other: tuple[float, int], text: str
    ) -> None:
        runs = [
            (letter, result_of(*each, None, last=GOOD))
            for letter, each in (("A", one), ("B", other))
        ]
        assert text in conclusions(runs, Server())[-1]

    def test_outages_without_a_value_are_described_by_their_kind(self) -> None:
        server = Server(outages=[Outage(1, 2, "restart")])
        assert describe(Traffic(5), server, 60).endswith("restart from 1 to 2 s")


def test_the_command_needs_only_the_extra_cli(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert simulate(*SMALL).exit_code == 0
