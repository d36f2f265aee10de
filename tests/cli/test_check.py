"""The command `check` over a real wire: its bounds, its report and its exit code."""

from __future__ import annotations

import json
import re
import time

import httpx
import pytest
from support.command_line import check, document_of, run
from support.server import Server, close, reply, reset, stall

from httpx_resilient import PoolingTransport
from httpx_resilient._cli.load_output import print_report
from httpx_resilient._cli.load_report import Load, LoadReport
from httpx_resilient.events import BudgetRefused, ConnectionOpened


class TestBounds:
    def test_the_load_is_no_faster_than_its_rate(self, server: Server) -> None:
        result = check(server.url, "-n", "11", "--rate", "50", "--json")
        # On a busy machine the server may receive the first requests late.
        assert document_of(result)["seconds"] >= 0.2
        assert server.requests == 11

    def test_the_load_has_no_more_connections_than_its_concurrency(
        self, server: Server
    ) -> None:
        server.play(lambda c: time.sleep(0.01) or reply()(c))
        check(server.url, "-n", "30", "-c", "3", "--rate", "1000")
        assert server.connections <= 3

    @pytest.mark.parametrize(
        "options",
        [
            ("--requests", "10001"),
            ("--concurrency", "101"),
            ("--rate", "1001"),
            ("--rate", "0"),
            ("--rate", "inf"),
        ],
    )
    def test_a_load_out_of_bounds_is_a_usage_error(
        self, options: tuple[str, str]
    ) -> None:
        result = check("http://localhost/", *options)
        assert result.exit_code == 2
        assert options[0] in result.stderr


class TestReport:
    def test_a_load_with_failures_is_summed_up_and_exits_with_1(
        self, server: Server
    ) -> None:
        server.play(*[reply(503)] * 2, *[reply()] * 10, reply(404), reply())
        result = check(server.url, "-n", "20", "-c", "4", "--rate", "1000")
        lines = result.stdout.splitlines()
        assert re.fullmatch(rf"GET {server.url}: 20 requests in [\d.]+ s", lines[0])
        assert " 200             19   95.0 " in lines
        assert " 404              1    5.0 " in lines
        assert re.search(
            r"attempts     22, \S+ per second; 1\d requests with 1", result.stdout
        )
        assert re.search(
            r"connections  \d opened, reused \d+ times, 0 retired", result.stdout
        )
        assert re.search(r"per attempt( +[\d.e-]+){4}", result.stdout)
        assert re.search(r"per request, with retries( +[\d.e-]+){4}", result.stdout)
        assert not result.stderr
        assert server.requests == 22
        assert result.exit_code == 1

    def test_a_load_without_failures_exits_with_0(self, server: Server) -> None:
        result = check(server.url, "-n", "2")
        assert "; 2 requests with 1\n" in result.stdout
        assert result.exit_code == 0

    def test_an_error_is_counted_as_an_outcome(self, server: Server) -> None:
        server.play(reset())
        result = check(server.url, "-n", "2", "--attempts", "1", "--json")
        document = document_of(result)
        assert document["outcomes"] == {"ReadError": 2}
        assert document["attempts"] == {
            "sent": 2,
            "of_requests": {"1": 2},
            "refused_by_budget": 0,
        }
        assert result.exit_code == 1

    def test_a_truncated_body_is_counted_as_an_error(self, server: Server) -> None:
        server.play(close(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"))
        document = document_of(check(server.url, "-n", "1", "--json"))
        assert document["outcomes"] == {"RemoteProtocolError": 1}
        assert document["attempts"]["sent"] == 1

    def test_a_body_is_sent_with_each_request(self, server: Server) -> None:
        check(server.url, "-n", "2", "-d", "a=1")
        assert server.bodies == [b"a=1"] * 2
        assert {each.method for each in server.received} == {"POST"}

    def test_retries_that_the_budget_refuses_are_told(self, server: Server) -> None:
        server.play(reply(503))
        result = run("check", server.url, "-n", "40", "--rate", "200")
        assert re.search(
            r"^refused      \d+ retries: the retry budget was spent$",
            result.stdout,
            re.MULTILINE,
        )

    def test_json_has_the_number_of_refused_retries(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        report = LoadReport()
        for _ in range(2):
            report(BudgetRefused(httpx.Request("GET", "http://a.test")))
        report(ConnectionOpened(httpx.Request("GET", "http://a.test")))
        load = Load("GET http://a.test", 2, 1, 1.0)
        print_report(report, load, PoolingTransport().stats(), as_json=True)
        document = json.loads(capsys.readouterr().out)
        assert document["attempts"]["refused_by_budget"] == 2

    def test_an_attempt_that_a_deadline_cuts_off_is_counted(
        self, server: Server
    ) -> None:
        server.play(stall(), reply(503), stall())
        result = check(server.url, "-n", "2", "-m", "0.3", "-c", "1", "--json")
        document = document_of(result)
        assert document["outcomes"] == {"DeadlineExceeded": 2}
        assert document["attempts"] == {
            "sent": 3,
            "of_requests": {"1": 1, "2": 1},
            "refused_by_budget": 0,
        }

    def test_an_attempt_that_a_deadline_cuts_off_has_no_latency(self) -> None:
        report = LoadReport()
        report.add("DeadlineExceeded", (), started=1, failed=True)
        assert report.attempts == 1
        assert not report.attempt_latencies
        assert not report.request_latencies

    def test_json_has_all_numbers_of_the_report(self, server: Server) -> None:
        url = f"{server.url}?q"
        document = document_of(check(url, "-n", "4", "-c", "2", "--json"))
        latency = document.pop("latency")
        assert list(latency) == ["attempt", "request"]
        assert list(latency["attempt"]) == ["p50", "p90", "p99", "max"]
        assert document.pop("seconds") > 0
        assert document.pop("connections")["opened"] in {1, 2}
        assert document == {
            "request": f"GET {server.url}",
            "ok": True,
            "interrupted": False,
            "asked": {"requests": 4, "concurrency": 2, "rate": 50.0},
            "outcomes": {"200": 4},
            "attempts": {
                "sent": 4,
                "of_requests": {"1": 4},
                "refused_by_budget": 0,
            },
        }

    def test_a_terminal_shows_a_progress_bar(
        self, server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("FORCE_COLOR", "1")
        result = check(server.url, "-n", "3")
        assert "3/3" in result.stderr
        assert "\x1b[?25h" in result.stderr

    @pytest.mark.parametrize(("columns", "row"), [(80, ", with retries"), (50, "")])
    def test_progress_and_tables_fit_the_terminal(
        self,
        server: Server,
        monkeypatch: pytest.MonkeyPatch,
        columns: int,
        row: str,
    ) -> None:
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("NO_COLOR", "1")
        monkeypatch.setenv("COLUMNS", str(columns))
        result = check(f"{server.url}{'segment/' * 20}", "-n", "3")
        shown = re.sub(r"\x1b\[[\d;?]*\w", "", result.stderr)
        assert re.search(r"3/3 ━+ GET http", shown)
        assert max(map(len, re.split(r"[\r\n]+", shown))) <= columns
        table = re.sub(r"\x1b\[[\d;]*m", "", result.stdout)
        assert re.search(rf"per request{row} +\d", table)
