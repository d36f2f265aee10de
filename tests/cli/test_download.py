"""The command `download` over a real wire: the file, the lines and the exit code."""

from __future__ import annotations

import hashlib
import json
import re
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from support.command_line import document_of, python, run
from support.file_server import OLD, SIZE, STRONG, File, FileServer
from support.server import Connection, Server, head, reply, stall

from httpx_resilient import DownloadProgress
from httpx_resilient._cli.download_progress import DownloadReporter
from httpx_resilient._cli.file_name import FALLBACK, file_name, safe_name

DIGEST = f"sha-256={hashlib.sha256(OLD).hexdigest()}"
LARGE = File(OLD * 100, etag='"a"')
HEAD = f'HTTP/1.1 200 OK\r\netag: "a"\r\ncontent-length: {SIZE}\r\n\r\n'.encode()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lines_of(text: str) -> list[str]:
    text = re.sub(r"[\d.e-]+ s\b", "N s", text)
    return re.sub(r"[\d.]+ [kMG]?B/s|[\d.]+ bytes/s", "R", text).splitlines()


def files(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


class TestResults:
    def test_a_break_has_a_line_and_the_result_a_summary(
        self, server: Server, folder: Path
    ) -> None:
        server.play(FileServer(STRONG, cut=60_000))
        result = run("download", server.url, "-o", "big.iso", "--checksum", DIGEST)
        assert result.exit_code == 0
        first, last = lines_of(result.stdout)
        assert first.startswith("at 60,000 of 100,000 bytes: RemoteProtocolError: ")
        assert first.endswith("; goes on by ETag")
        assert last == "big.iso: 100,000 bytes, N s, R, 1 break, sha-256 is right"
        assert (folder / "big.iso").read_bytes() == OLD

    def test_the_same_command_goes_on(self, server: Server, folder: Path) -> None:
        server.play(FileServer(STRONG, cuts=1))
        result = run("download", server.url, "-o", "big.iso", "--max-breaks", "1")
        assert result.exit_code == 1
        assert "it broke 1 times (max_breaks)" in result.stdout
        assert result.stdout.count("the same command goes on") == 1
        result = run("download", server.url, "-o", "big.iso")
        assert lines_of(result.stdout) == [
            "resumed at 30,000 of 100,000 bytes",
            "big.iso: 100,000 bytes, N s, R, resumed at 30,000",
        ]
        assert files(folder) == ["big.iso"]

    def test_several_connections_and_bytes_read_twice_are_told(
        self, server: Server
    ) -> None:
        big = File(OLD * 30, etag='"a"')
        server.play(FileServer(big, cuts=0))
        result = run("download", server.url, "-o", "big", "--connections", "2")
        assert ", 2 connections" in result.stdout
        server.play(FileServer(File(), cuts=1))
        result = run("download", server.url, "-o", "other")
        assert ", 1 break, 30,000 bytes read twice" in result.stdout
        assert "; starts anew" in result.stdout

    def test_json_has_everything(self, server: Server, folder: Path) -> None:
        server.play(FileServer(STRONG, cuts=1))
        document = document_of(run("download", server.url, "--json", "-o", "big"))
        assert document["path"] == str(folder / "big")
        told = [document[each] for each in ("ok", "interrupted", "error")]
        assert told == [True, False, None]
        assert (document["received"], document["total"]) == (SIZE, SIZE)
        assert [each["outcome"] for each in document["attempts"]] == ["200", "206"]
        assert document["breaks"][0]["offset"] == 30_000
        server.play(reply(404))
        document = document_of(run("download", server.url, "--json"))
        assert (document["error"], document["message"]) == (
            "HTTPStatusError",
            "404 Not Found",
        )
        assert (document["path"], document["received"], document["seconds"]) == (
            None,
            0,
            None,
        )


class TestFailures:
    @pytest.mark.parametrize(
        ("step", "message"),
        [
            (reply(404), "404 Not Found"),
            (reply(204), "the answer 204 has no file"),
            (reply(302, location="http://127.0.0.1:99999/"), "OverflowError"),
            (
                reply(200, b"x", repr_digest=f"sha-256=:{'A' * 43}=:"),
                "as Repr-Digest says",
            ),
        ],
    )
    def test_the_reason_is_printed(
        self, server: Server, step: Any, message: str
    ) -> None:
        server.play(step)
        result = run("download", server.url, "-o", "file")
        assert result.exit_code == 1
        assert message in result.stdout

    def test_a_connection_that_is_refused(self) -> None:
        result = run("download", "http://127.0.0.1:1/", "--attempts", "1")
        assert result.exit_code == 1
        assert result.stdout.startswith("ConnectError")

    def test_a_file_that_is_there_stays(self, server: Server, folder: Path) -> None:
        (folder / "name").write_text("old")
        result = run("download", f"{server.url}name")
        assert (
            result.stdout == "name: the file exists: give --overwrite to replace it\n"
        )
        assert result.exit_code == 1
        result = run("download", f"{server.url}name", "-o", "name")
        assert "give --overwrite to" in result.stderr
        assert result.exit_code == 1
        assert server.requests == 1
        assert run("download", f"{server.url}name", "--overwrite").exit_code == 0

    def test_usage_errors_come_before_anything_is_sent(self, server: Server) -> None:
        for arguments in (("-o", "none/file"), ("--checksum", "x"), ("-H", "x")):
            assert run("download", server.url, *arguments).exit_code == 2
        assert not server.received

    def test_the_time_as_a_whole_is_limited(self, server: Server, folder: Path) -> None:
        server.play(stall(HEAD + OLD[:50_000]))
        result = run("download", server.url, "-o", "big", "--max-time", "0.5")
        assert result.exit_code == 1
        assert result.stdout.startswith("it took longer than --max-time")

    def test_an_interrupt_keeps_what_has_arrived(
        self, server: Server, folder: Path
    ) -> None:
        server.play(slowly)
        target = folder / "big"
        process = python("download", server.url, "-o", str(target))
        part = folder / "big.part"
        while not part.exists() or not part.stat().st_size:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=30)
        assert (process.returncode, errors) == (130, "")
        assert output == (
            "interrupted. What has arrived is in big.part: the same command goes on "
            "with it\n"
        )
        assert files(folder) == ["big.part", "big.part.json"]
        server.play(FileServer(LARGE, cuts=0))
        result = run("download", server.url, "-o", str(target))
        assert "resumed at" in result.stdout
        assert target.read_bytes() == LARGE.content


def slowly(connection: Connection) -> bool:
    size = len(LARGE.content)
    connection.send(head(200, {"etag": LARGE.etag, "content-length": str(size)}))
    for start in range(0, size, 10_000):
        connection.send(LARGE.content[start : start + 10_000])
        time.sleep(0.02)
    return False


class TestProgress:
    def test_a_terminal_has_a_bar_with_rate_and_time(self) -> None:
        out = Console(force_terminal=True, width=100, record=True)
        reporter = DownloadReporter(out, lambda: Path("big.iso"))
        with reporter:
            reporter(DownloadProgress(400_000, 1_000_000, 300_000, ()))
            assert reporter._bar is not None
            out.print(reporter._bar.get_renderable())
            reporter(DownloadProgress(1_000_000, 1_000_000, 300_000, ()))
        text = out.export_text()
        assert "resumed at 300,000 of 1,000,000 bytes" in text
        assert "big.iso" in text
        assert "0.4/1.0 MB" in text

    def test_a_bar_without_a_name_or_a_length(self) -> None:
        out = Console(force_terminal=True, width=100, record=True)
        with DownloadReporter(out, lambda: None) as _:
            pass
        reporter = DownloadReporter(out, lambda: None)
        with reporter:
            reporter(DownloadProgress(400_000, None, 0, ()))
        assert reporter.kept(None) == ""
        assert DownloadReporter(None, lambda: Path("none")).kept(None) == ""


class TestNames:
    @pytest.mark.parametrize(
        ("disposition", "name"),
        [
            ('attachment; filename="big.iso"', "big.iso"),
            ("attachment; filename=big.iso", "big.iso"),
            ('attachment; filename="../../etc/passwd"', "passwd"),
            (r'attachment; filename="..\\..\\x.exe"', "x.exe"),
            ('attachment; filename="/etc/passwd"', "passwd"),
            ('attachment; filename=".bashrc"', "bashrc"),
            ('attachment; filename="a:b?.txt"', "a_b_.txt"),
            ('attachment; filename="con.txt"', "_con.txt"),
            ("attachment; filename*=UTF-8''na%C3%AFve.txt; filename=x", "naïve.txt"),
            ("attachment; filename*=UTF-8''..%2F..%2Fevil", "evil"),
            ("attachment; filename*=none''%E9; filename=b", "b"),
            ("attachment; filename*=UTF-8''%FF; filename=b", "b"),
            ("attachment; filename*=UTF-8''%E2%80%AEfdp.exe", "_fdp.exe"),
            ('attachment; filename=".."', "of url.txt"),
            ("attachment", "of url.txt"),
        ],
    )
    def test_a_suggestion_stays_in_its_directory(
        self, disposition: str, name: str
    ) -> None:
        response = httpx.Response(200, headers={"content-disposition": disposition})
        assert file_name(response, httpx.URL("https://x/a/of%20url.txt?b=/c")) == name

    def test_without_any_there_is_a_fallback(self) -> None:
        assert file_name(httpx.Response(200), httpx.URL("https://x/")) == FALLBACK

    @given(st.text())
    def test_a_name_is_one_part_of_a_path(self, text: str) -> None:
        name = safe_name(text)
        assert not set(name) & set("/\\\0")
        assert not name.startswith(".")
        assert len(name.encode()) <= 201

    def test_a_long_one_keeps_its_ending(self) -> None:
        assert safe_name("é" * 300 + ".iso").endswith("é.iso")
        assert safe_name("x" * 300) == "x" * 200

    def test_the_command_uses_it(self, server: Server, folder: Path) -> None:
        disposition = 'attachment; filename="../../big file.iso"'
        file = replace(STRONG, extra={"content-disposition": disposition})
        server.play(FileServer(file, cuts=2))
        result = run("download", server.url)
        assert result.exit_code == 0, result.stdout
        assert files(folder) == ["big file.iso"]
        assert json.dumps(OLD.hex()) == json.dumps(
            (folder / "big file.iso").read_bytes().hex()
        )
