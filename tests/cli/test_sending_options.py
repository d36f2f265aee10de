"""The options of the transport: HTTP/2, proxy and certificates, as curl names them."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from support.command_line import check, get
from support.server import Server, reply
from support.tls_server import TLSServer

from httpx_resilient._cli import request
from httpx_resilient._transport import checks

COMMANDS = pytest.mark.parametrize("command", [get, check])


@pytest.fixture
def tls_server(authority: trustme.CA) -> Iterator[TLSServer]:
    with TLSServer(authority) as server:
        server.play(reply(200))
        yield server


@COMMANDS
class TestCertificates:
    def test_those_of_a_file_are_trusted(
        self,
        command: Callable[..., Any],
        tls_server: TLSServer,
        authority: trustme.CA,
        tmp_path: Path,
    ) -> None:
        file = tmp_path / "authority.pem"
        authority.cert_pem.write_to_path(str(file))
        assert command(tls_server.url, "--cacert", str(file)).exit_code == 0

    def test_none_need_be_verified(
        self, command: Callable[..., Any], tls_server: TLSServer
    ) -> None:
        assert command(tls_server.url).exit_code == 1
        assert command(tls_server.url, "-k").exit_code == 0

    def test_a_file_that_is_missing_is_a_usage_error(
        self, command: Callable[..., Any], tmp_path: Path
    ) -> None:
        result = command("https://a.test", "--cacert", str(tmp_path / "none"))
        assert "Invalid value for --cacert: No such file or directory" in result.stderr
        assert result.exit_code == 2

    def test_a_file_without_certificates_is_a_usage_error(
        self, command: Callable[..., Any], tmp_path: Path
    ) -> None:
        (tmp_path / "empty").touch()
        result = command("https://a.test", "--cacert", str(tmp_path / "empty"))
        assert "Invalid value for --cacert: " in result.stderr
        assert result.exit_code == 2


@COMMANDS
class TestProxy:
    def test_it_is_used_instead_of_those_of_the_environment(
        self,
        command: Callable[..., Any],
        server: Server,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        assert command("http://a.test/path", "-x", server.url).exit_code == 0
        assert {each.target for each in server.received} == {"http://a.test/path"}

    def test_one_that_cannot_be_used_is_a_usage_error(
        self, command: Callable[..., Any]
    ) -> None:
        result = command("http://a.test/", "--proxy", "http://me:hunter2/x@a.test:1")
        assert "Invalid value for --proxy: proxy is not the URL" in result.stderr
        assert "hunter2" not in result.output
        assert result.exit_code == 2

    def test_one_that_needs_a_package_names_it(
        self, command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(request, "find_spec", lambda name: None)
        result = command("http://a.test/", "--proxy", "socks5://me:hunter2@a.test:1")
        assert "Invalid value for --proxy: a SOCKS proxy needs socksio" in result.stderr
        assert result.exit_code == 2


@COMMANDS
class TestHTTP2:
    def test_it_is_offered(
        self, command: Callable[..., Any], tls_server: TLSServer
    ) -> None:
        """The server takes HTTP/1.1 all the same."""
        assert command(tls_server.url, "-k", "--http2").exit_code == 0

    def test_without_its_package_it_is_a_usage_error(
        self, command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(checks, "find_spec", lambda name: None)
        result = command("https://a.test/", "--http2")
        assert "pip install 'httpx_resilient[http2]'" in result.stderr
        assert result.exit_code == 2


def test_tls_to_a_plain_port_says_why_it_failed() -> None:
    def answer() -> None:
        accepted, _ = listening.accept()
        with accepted:
            accepted.recv(1_000)
            accepted.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        answering = threading.Thread(target=answer)
        answering.start()
        result = get(f"https://127.0.0.1:{listening.getsockname()[1]}")
        answering.join()
    assert "ConnectError: [SSL" in result.stdout
    assert result.exit_code == 1
