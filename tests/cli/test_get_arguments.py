"""The arguments of `get`: the request that they describe, and those that are refused."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import typer
from support.command_line import check, get
from support.server import Server

from httpx_resilient._cli import request
from httpx_resilient._cli.request import parse_request


def test_method_headers_and_data_are_sent(server: Server) -> None:
    get(server.url, "-X", "put", "-H", "X-One: 1", "-H", "x-two:zwölf", "-d", "a=b")
    (received,) = server.received
    assert (received.method, received.body) == ("PUT", b"a=b")
    assert received.headers["x-one"] == "1"
    assert received.headers["x-two"].encode("latin-1").decode() == "zwölf"
    assert received.headers["content-type"] == "application/x-www-form-urlencoded"


def test_data_are_read_from_a_file_or_standard_input(
    server: Server, tmp_path: Path
) -> None:
    file = tmp_path / "data.json"
    file.write_bytes(b"{}")
    get(server.url, "-d", f"@{file}", "-H", "content-type: application/json")
    get(server.url, "-d", "@-", input=b"\x00\xff")
    assert server.bodies == [b"{}", b"\x00\xff"]
    assert server.received[0].headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (["localhost/hunter2"], "URL"),
        (["ftp://localhost/hunter2"], "URL"),
        (["http://user:hunter2/@localhost/"], "URL"),
        (["http:///hunter2"], "URL"),
        (["http://xn--/hunter2"], "URL"),
        (["http://localhost/", "-H", "hunter2"], "--header"),
        (["http://localhost/", "-H", "a: b\nhunter2"], "--header"),
        (["http://localhost/", "-H", "hun ter2: a"], "--header"),
        (["http://localhost/", "-X", "hunter2 /"], "--method"),
        (["http://localhost:99999/hunter2"], "URL"),
        (["http://localhost/", "-d", "@/hunter2"], "--data"),
        (["http://localhost/", "--json", "-o", "-"], "--output"),
    ],
)
def test_an_invalid_argument_is_a_usage_error_that_does_not_repeat_it(
    arguments: list[str], option: str
) -> None:
    result = get(*arguments)
    assert f"Error: Invalid value for {option}: " in result.stderr
    assert "hunter2" not in result.output
    assert not result.stdout
    assert result.exit_code == 2


def test_closed_standard_input_is_a_usage_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(typer.BadParameter, match="standard input is closed"):
        parse_request("http://localhost/", None, [], "@-")


def test_an_unusable_proxy_is_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "gopher://user:hunter2@localhost")
    for command in get, check:
        result = command("http://example.invalid/")
        assert result.exit_code == 2
        assert "for the environment: " in result.stderr
        assert "hunter2" not in result.output


def test_the_error_about_a_socks_proxy_names_the_missing_package(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://user:hunter2@localhost")
    monkeypatch.setattr(request, "find_spec", lambda name: None)
    for command in get, check:
        result = command("http://example.invalid/")
        assert result.exit_code == 2
        assert "pip install 'httpx_resilient[socks]'" in result.stderr
        assert "hunter2" not in result.output


def test_unreadable_certificates_are_a_usage_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none"))
    for command in get, check:
        result = command("http://example.invalid/")
        assert result.exit_code == 2
        assert "SSL_CERT_FILE: the certificates cannot be read: No" in result.stderr
