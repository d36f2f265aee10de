"""The command `explain`: the table of a policy's attempts, and what it retries."""

from __future__ import annotations

import re

import pytest
from support.command_line import document_of, explain


def plain(text: str) -> list[str]:
    """Split the output of a terminal into lines, without its control sequences."""
    return re.sub(r"\x1b\[[\d;]*m", "", text).splitlines()


class TestTable:
    def test_the_default_policy_has_longer_waits_when_throttled(self) -> None:
        result = explain()
        assert result.exit_code == 0
        assert "after failure" in result.stdout
        third = next(line for line in result.stdout.splitlines() if " 3 " in line)
        assert re.split("  +", third.strip()) == [
            "3", "1.9 to 2.5", "2.2", "2 to 2.5", "0 to 2", "1", "0 to 3"
        ]  # fmt: skip
        starts = "3 attempts, the last one starts after"
        assert f"\nfailure: {starts} 2 to 2.5 s\n" in result.stdout
        assert f"\nthrottled: {starts} 0 to 3 s\n" in result.stdout

    def test_a_wait_that_ignores_the_status_code_has_one_set_of_columns(self) -> None:
        lines = explain("--wait", "2").stdout
        assert "throttled" not in lines
        assert "\n3 attempts, the last one starts after 4 s\n" in lines

    def test_a_policy_of_one_attempt_has_no_wait(self) -> None:
        lines = explain("--attempts", "1").stdout
        assert "\n1 attempt, the last one starts after 0 s\n" in lines

    def test_attempts_that_depend_on_random_waits_are_marked(self) -> None:
        lines = explain("--wait", "wait_random(1, 2)", "--stop", "4s").stdout
        assert "2 to 4 ?" in lines
        assert "\n2 to 4 attempts, 3 if every wait is average\n" in lines

    def test_attempts_that_need_short_waits_are_left_out(self) -> None:
        lines = explain("--stop", "1s").stdout
        shown = [line.split()[0] for line in lines.splitlines() if line.strip()]
        assert shown[3:10] == ["1", "2", "3", "4", "5", "...", "failure:"]
        assert "failure: 4 to more than 20 attempts, 5 if every" in lines

    def test_at_most_20_attempts_are_shown(self) -> None:
        lines = explain("--stop", "stop_never", "--took", "1000").stdout
        assert "\nfailure: more than 20 attempts" in lines
        assert "   ..." in lines
        assert "19000" in lines

    def test_the_columns_of_two_waits_may_differ_in_length(self) -> None:
        wait = "wait_transient(wait_fixed(1), wait_fixed(3))"
        lines = explain("--stop", "4s", "--wait", wait).stdout.splitlines()
        assert re.split("  +", lines[6].strip()) == ["3", "1", "1", "2"]
        assert lines[9:11] == [
            "failure: 4 attempts, the last one starts after 3 s",
            "throttled: 2 attempts, the last one starts after 3 s",
        ]

    def test_a_narrow_terminal_leaves_nothing_out(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        wide = explain("--attempts", "4").stdout
        monkeypatch.setenv("COLUMNS", "20")
        assert explain("--attempts", "4").stdout == wide
        assert "2 to 2.5" in wide

    def test_on_a_narrow_terminal_the_tables_are_below_each_other(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("NO_COLOR", "1")
        monkeypatch.setenv("COLUMNS", "50")
        lines = plain(explain().stdout)
        assert max(map(len, lines)) <= 50
        assert sum("attempt " in line for line in lines) == 2
        assert any("if throttled" in line for line in lines)
        words = " ".join(" ".join(lines).split())
        assert "ReadTimeout, RemoteProtocolError, WriteError" in words
        monkeypatch.setenv("COLUMNS", "80")
        assert sum("attempt " in line for line in plain(explain().stdout)) == 1

    def test_times_have_units(self) -> None:
        assert explain("--stop", "1h").stdout == explain("--stop", "3600s").stdout
        assert explain("--wait", "100ms").stdout == explain("--wait", "0.1").stdout
        assert "1E+09" not in explain("--wait", "1e9", "--attempts", "2").stdout
        assert "starts after 60 s" in explain("--wait", "1m", "--attempts", "2").stdout

    def test_the_limit_of_a_request_is_a_part_of_the_policy(self) -> None:
        limited = explain("--max-time", "4", "--wait", "3").stdout
        assert limited == explain("--stop", "3", "--stop", "4s", "--wait", "3").stdout
        assert explain("-m", "9", "--wait", "3").stdout == explain("--wait", "3").stdout


class TestRetriedOutcomes:
    def test_the_outcomes_of_the_default_policy_are_listed(self) -> None:
        lines = explain().stdout
        assert (
            "GET is retried after: 408, 425, 429, 449, 500, 502-504, 506-510" in lines
        )
        assert "POST is retried after: 425, 429, 449, 529, ConnectError" in lines

    def test_retry_status_adds_a_status_code(self) -> None:
        lines = explain("--retry-status", "409").stdout
        assert "POST is retried after: 409, 425, 429, 449, 529, Conn" in lines

    def test_retry_replaces_the_default_outcomes(self) -> None:
        lines = explain("--retry", "retry_if_status(503) | retry_never").stdout
        assert "GET is retried after: 503\n" in lines

    def test_a_policy_that_retries_nothing_says_so(self) -> None:
        lines = explain("--retry", "retry_never").stdout
        assert "GET is retried after: nothing" in lines


def test_the_first_of_several_stops_applies() -> None:
    stops = ("--attempts", "9", "--stop", "5s", "--stop", "4")
    document = document_of(explain(*stops, "--wait", "0", "--json"))
    assert len(document["failure"]["attempts"]) == 4


def test_json_has_all_numbers_of_the_table() -> None:
    wait = ("--wait", "wait_random(1, 3)")
    document = document_of(explain("--attempts", "2", *wait, "--json"))
    assert document["failure"] == document["throttled"]
    assert document["failure"]["complete"]
    assert document["failure"]["attempts"][1] == {
        "number": 2,
        "wait": {"low": 1.0, "high": 3.0, "mean": 2.0},
        "earliest": 1.0,
        "typical": 2.0,
        "latest": 3.0,
        "likely": True,
        "certain": True,
    }
    assert document["retry"]["POST"] == {
        "statuses": ["425", "429", "449", "529"],
        "errors": ["ConnectError", "ConnectTimeout"],
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--stop", "never"], "for --stop: never is not a stop strategy"),
        (["--wait", "wait_fixed(-1)"], "--wait: wait_fixed: wait_fixed is -1"),
        (["--retry", "retry_if_exception_type(HTTPStatusError)"], "raise_for_status"),
        (["--retry-status", "99"], "--retry-status: a status code is an integer"),
        (["--attempts", "0"], "--attempts"),
        (["--took", "inf"], "--took"),
    ],
)
def test_an_invalid_option_is_a_usage_error(arguments: list[str], message: str) -> None:
    result = explain(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert not result.stdout
