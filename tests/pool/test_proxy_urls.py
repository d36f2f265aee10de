"""The URL of a proxy that cannot be used: the error quotes no part of it."""

from __future__ import annotations

import subprocess
import sys
import traceback
from collections.abc import Callable
from typing import Any

import pytest
from support.world import LIBRARIES

UNUSABLE = [
    "http://me:hunter2#x@a.test:1",
    "http://me:hunter2/x@a.test:1",
    "http://me:12/hunter2@a.test:1",
    "http://me:12#hunter2@a.test:1",
    "http://me:hunter2@[::1",
    "http://me:hunter2@a.test:99999",
    "http://me:hunter2@a.test:port",
    "http://me:hunter2\x01@a.test:1",
    "http://me:hunter2@xn--\xfc:1",
    "http://me:hunter2@ a b:1",
    "http://me:hunter2@[a.test",
    "http://me:hunter2@",
    "gopher://me:hunter2@a.test:1",
    "me:hunter2@a.test:1/x y",
    "socks5://me:hunter2@a.test:port",
    "socks4://me:hunter2@a.test:1",
]
VARIABLES = ["HTTP_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]


def refusal(make: Callable[[], object], kind: type[Exception] = ValueError) -> str:
    """Return the message, after a look at all that a traceback would print."""
    with pytest.raises(kind) as caught:
        make()
    printed = "".join(traceback.format_exception(caught.value))
    message = str(caught.value)
    assert "hunter2" not in printed.partition(message)[2]
    assert caught.value.__context__ is None
    assert "hunter2" not in message
    assert "me:" not in message
    return message


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("url", UNUSABLE)
class TestUnusable:
    def test_as_an_argument(self, library: str, url: str) -> None:
        module, ours = LIBRARIES[library]
        for layer in (ours.RetryingTransport, ours.PoolingTransport):
            message = refusal(lambda layer=layer: layer(proxy=url))
            assert message.startswith("proxy is not the URL of a proxy")
            assert "write %40 for @" in message
        refusal(lambda: ours.standard_transport(proxy=url))
        mounted = lambda: module.Client(  # noqa: E731 - as users write it
            mounts={"https://": ours.RetryingTransport(proxy=url)}
        )
        refusal(mounted)

    @pytest.mark.parametrize("variable", VARIABLES)
    def test_in_the_environment(
        self, library: str, url: str, variable: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(variable, url)
        ours = LIBRARIES[library][1]
        message = refusal(ours.RetryingTransport)
        assert message.startswith(f"{variable.upper()} is not the URL of a proxy")
        ours.RetryingTransport(trust_env=False)


def test_a_name_that_no_host_can_have_in_no_proxy_is_a_value_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """That of httpx2 takes any name."""
    monkeypatch.setenv("NO_PROXY", "a.test:port")
    with pytest.raises(ValueError, match=r"NO_PROXY: .*port' is not a host"):
        LIBRARIES["httpx"][1].RetryingTransport()


@pytest.mark.parametrize("library", LIBRARIES)
def test_what_is_no_url_is_named_by_its_type(library: str) -> None:
    ours = LIBRARIES[library][1]
    given: Any = {"url": "http://me:hunter2@a.test"}
    message = refusal(lambda: ours.RetryingTransport(proxy=given), TypeError)
    assert message == "proxy must be a URL or a Proxy; got dict"


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_proxy_can_be_text_a_url_or_an_object(library: str) -> None:
    module, ours = LIBRARIES[library]
    for url in (
        "http://me:pass%40%2F%23@a.test:1",
        "socks5h://[::1]:1",
        "https://a.test",
    ):
        for proxy in (url, module.URL(url), module.Proxy(url)):
            ours.RetryingTransport(proxy=proxy)


@pytest.mark.parametrize("command", ["get", "check"])
def test_the_command_line_exits_with_2(command: str) -> None:
    for url in UNUSABLE[:2]:
        process = subprocess.run(
            [sys.executable, "-m", "httpx_resilient", command, "http://a.test/"],
            env={"HTTPS_PROXY": url},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert process.returncode == 2
        assert "HTTPS_PROXY is not the URL of a proxy" in process.stderr
        assert "hunter2" not in process.stderr
        assert "Traceback" not in process.stderr
