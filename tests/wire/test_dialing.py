"""Connecting to a host with several addresses, some of which do not answer."""

from __future__ import annotations

import signal
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st
from support.addresses import NAME, dead, entry, resolve
from support.server import Server
from support.tls_server import TLSServer, trusting
from support.world import LIBRARIES, World

from httpx_resilient._core.classify import ALWAYS, classify_error
from httpx_resilient._pool.dialing_backend import DialingBackend, dial_all_addresses
from httpx_resilient._wire import dialing
from httpx_resilient._wire.dialing import ATTEMPT_DELAY, dial, interleaved
from httpx_resilient.testing import virtual_time

pytestmark = pytest.mark.anyio

DEAD = ["127.0.0.2", "127.0.0.3", "127.0.0.4"]
REFUSED = [f"127.0.0.{number}" for number in range(10, 50)]


def url_of(server: Server) -> str:
    return f"{server.url.partition(':')[0]}://{NAME}:{server.port}/"


def resolve_to(monkeypatch: pytest.MonkeyPatch, port: int, *hosts: str) -> None:
    resolve(monkeypatch, [entry(host, port) for host in hosts])


def family_of(world: World) -> Any:
    return world.ours._FAMILY


@pytest.fixture
def dead_hosts(server: Server) -> Iterator[list[str]]:
    """Hosts that do not answer at the port of the server."""
    with dead(*DEAD, port=server.port):
        yield DEAD


@pytest.fixture
def synchronous(library: str) -> World:
    """One world, for what asynchronous clients leave to their event loop."""
    return World(*LIBRARIES[library], sync=True)


class TestClient:
    async def test_reaches_a_good_address_behind_three_dead_ones_within_a_deadline(
        self,
        world: World,
        server: Server,
        dead_hosts: list[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        resolve_to(monkeypatch, server.port, *dead_hosts, "127.0.0.1")
        pool = world.ours.PoolingTransport()
        # One address after the other would take three timeouts of 5 s.
        within = world.ours.DeadlineTransport(pool, 10)
        started = time.monotonic()
        async with world.client(within, timeout=5) as client:
            assert (await client.get(url_of(server))).status_code == 200
        elapsed = time.monotonic() - started
        assert 3 * ATTEMPT_DELAY * 0.9 < elapsed < 9

    async def test_has_one_timeout_for_all_addresses(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hosts = [f"127.0.0.{number}" for number in range(2, 10)]
        with dead(*hosts) as listeners:
            port = listeners[0].getsockname()[1]
            resolve_to(monkeypatch, port, *hosts)
            timeout = world.library.Timeout(60, connect=1)
            started = time.monotonic()
            pool = world.ours.PoolingTransport()
            async with world.client(pool, timeout=timeout) as client:
                with pytest.raises(world.library.ConnectTimeout) as caught:
                    await client.get(f"http://{NAME}:{port}/")
            assert 0.9 < time.monotonic() - started < 6
        assert classify_error(caught.value, family_of(world)) is ALWAYS

    async def test_passes_over_addresses_that_refuse_at_once(
        self, world: World, server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        resolve_to(monkeypatch, server.port, *REFUSED, "127.0.0.1")
        started = time.monotonic()
        async with world.client(world.ours.PoolingTransport()) as client:
            assert (await client.get(url_of(server))).status_code == 200
        assert time.monotonic() - started < len(REFUSED) * ATTEMPT_DELAY

    async def test_knows_that_nothing_was_sent_if_all_addresses_refuse(
        self, world: World, server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        resolve_to(monkeypatch, server.port, *REFUSED[:3])
        async with world.client(world.ours.PoolingTransport()) as client:
            with pytest.raises(world.library.ConnectError) as caught:
                await client.get(url_of(server))
        assert classify_error(caught.value, family_of(world)) is ALWAYS

    async def test_verifies_the_certificate_of_the_name(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        authority, names = trustme.CA(), list[str]()

        class Named(TLSServer):
            def __init__(self) -> None:
                super().__init__(authority)
                self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                authority.issue_cert(NAME).configure_cert(self._context)
                self._context.sni_callback = lambda _, name, __: names.append(name)

        with Named() as server, dead(DEAD[0], port=server.port):
            resolve_to(monkeypatch, server.port, DEAD[0], "127.0.0.1")
            pool = world.ours.PoolingTransport(verify=trusting(authority))
            async with world.client(pool) as client:
                assert (await client.get(url_of(server))).status_code == 200
        assert names == [NAME]

    async def test_reaches_a_proxy_behind_a_dead_address(
        self,
        world: World,
        server: Server,
        dead_hosts: list[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        resolve_to(monkeypatch, server.port, dead_hosts[0], "127.0.0.1")
        pool = world.ours.PoolingTransport(proxy=url_of(server))
        async with world.client(pool, timeout=5) as client:
            assert (await client.get("http://api.example/")).status_code == 200
        (received,) = server.received
        assert received.target == "http://api.example/"


class TestSynchronousClient:
    def error_of(self, world: World, transport: Any, url: str) -> Exception:
        with world.library.Client(transport=transport) as client:
            with pytest.raises(world.library.ConnectError) as caught:
                client.get(url)
        return caught.value

    def causes(self, error: BaseException | None) -> list[tuple[type, str]]:
        """Return the exceptions in front of and behind those of the core."""
        found = []
        while error is not None:
            if not type(error).__module__.startswith("httpcore"):
                found.append((type(error), str(error)))
            error = error.__cause__ or error.__context__
        return found

    @pytest.mark.usefixtures("stock")  # ours has no exception of the core in between
    @pytest.mark.parametrize("case", ["refused", "unknown"])
    def test_raises_what_a_stock_client_raises(
        self, synchronous: World, server: Server, monkeypatch: pytest.MonkeyPatch,
        case: str,
    ) -> None:  # fmt: skip
        def unknown(*_: object, **__: object) -> None:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        if case == "unknown":
            monkeypatch.setattr(socket, "getaddrinfo", unknown)
        else:
            resolve_to(monkeypatch, server.port, *REFUSED[:3])
        errors = [
            self.error_of(synchronous, transport, url_of(server))
            for transport in (
                synchronous.ours.PoolingTransport(),
                synchronous.library.HTTPTransport(),
            )
        ]
        ours, stock = map(self.causes, errors)
        assert ours == stock
        assert ours[-1][0] in {ConnectionRefusedError, socket.gaierror}

    def test_connects_from_its_local_address_with_its_socket_options(
        self,
        synchronous: World,
        server: Server,
        dead_hosts: list[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        resolve_to(monkeypatch, server.port, dead_hosts[0], "127.0.0.1")
        keepalive = (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        pool = synchronous.ours.PoolingTransport(
            local_address="127.0.0.7", socket_options=[keepalive]
        )
        with synchronous.library.Client(transport=pool) as client:
            with client.stream("GET", url_of(server)) as response:
                stream = response.extensions["network_stream"]
                sock = stream.get_extra_info("socket")
                assert sock.getsockname()[0] == "127.0.0.7"
                assert sock.getsockopt(*keepalive[:2]) == 1
                assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1

    def test_closes_a_socket_whose_options_are_refused(
        self, synchronous: World, server: Server
    ) -> None:
        pool = synchronous.ours.PoolingTransport(socket_options=[(99, 99, 99)])
        with descriptors_unchanged():
            self.error_of(synchronous, pool, server.url)

    def test_waits_in_real_time_while_the_time_of_the_library_is_virtual(
        self,
        synchronous: World,
        server: Server,
        dead_hosts: list[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        resolve_to(monkeypatch, server.port, dead_hosts[0], "127.0.0.1")
        with virtual_time() as clock:
            transport = synchronous.ours.standard_transport()
            with synchronous.library.Client(transport=transport) as client:
                assert client.get(url_of(server)).status_code == 200
            assert clock.elapsed == 0

    @pytest.mark.parametrize("place", ["backend", "wrapped", "function", "class"])
    def test_calls_what_stands_in_the_place_of_the_stock_connect(
        self,
        synchronous: World,
        server: Server,
        monkeypatch: pytest.MonkeyPatch,
        place: str,
    ) -> None:
        core = __import__(family_of(synchronous).core)
        stock, create = core.SyncBackend.connect_tcp, socket.create_connection
        calls: list[Any] = []

        def connect_tcp(self: Any, host: str, **options: Any) -> Any:
            calls.append(host)
            return stock(self, host="127.0.0.1", **options)

        def create_connection(address: Any, *args: Any, **options: Any) -> Any:
            calls.append(address[0])
            return create(("127.0.0.1", address[1]), *args, **options)

        class Mine(socket.socket):
            def __init__(self, *args: Any, **options: Any) -> None:
                calls.append(NAME)
                super().__init__(*args, **options)

        if place == "function":
            monkeypatch.setattr(socket, "create_connection", create_connection)
        elif place == "class":
            resolve_to(monkeypatch, server.port, "127.0.0.1")
            monkeypatch.setattr(socket, "socket", Mine)
        else:
            if place == "wrapped":
                connect_tcp.__dict__["__wrapped__"] = stock
                connect_tcp.__module__ = stock.__module__
            monkeypatch.setattr(core.SyncBackend, "connect_tcp", connect_tcp)
        pool = synchronous.ours.PoolingTransport()
        with synchronous.library.Client(transport=pool) as client:
            assert client.get(url_of(server)).status_code == 200
        assert calls[0] == NAME


class TestBackend:
    """It takes the place of the stock backend only where it knows how."""

    def transport(self, world: World, **options: Any) -> Any:
        transport = world.library.HTTPTransport(**options)
        dial_all_addresses(transport, family_of(world))
        return transport

    def backend_of(self, transport: Any) -> Any:
        return transport._pool._network_backend

    @pytest.mark.parametrize("proxy", [None, "http://a:1", "socks5://a:1"])
    def test_takes_the_place_of_the_stock_one(
        self, synchronous: World, proxy: str | None
    ) -> None:
        with self.transport(synchronous, proxy=proxy) as transport:
            assert type(self.backend_of(transport)) is DialingBackend

    def test_leaves_everything_else_to_the_stock_one(self, synchronous: World) -> None:
        with self.transport(synchronous) as transport:
            self.backend_of(transport).sleep(0)

    def test_leaves_another_backend_where_it_is(self, synchronous: World) -> None:
        core = __import__(family_of(synchronous).core)
        backend = core.MockBackend([])
        with synchronous.library.HTTPTransport() as transport:
            transport._pool._network_backend = backend
            dial_all_addresses(transport, family_of(synchronous))
            assert self.backend_of(transport) is backend

    def test_leaves_a_mock_as_it_is(self, synchronous: World) -> None:
        mock = synchronous.library.MockTransport(lambda _: None)
        dial_all_addresses(mock, family_of(synchronous))
        assert list(vars(mock)) == ["handler"]

    @pytest.mark.parametrize("core", ["no_such_package", "anyio"])
    def test_leaves_a_core_that_it_does_not_know(
        self, synchronous: World, core: str
    ) -> None:
        class Unknown:
            def __init__(self) -> None:
                self.core = core

        unknown: Any = Unknown()
        with synchronous.library.HTTPTransport() as transport:
            stock = self.backend_of(transport)
            dial_all_addresses(transport, unknown)
            assert self.backend_of(transport) is stock


def descriptors() -> int:
    return len([*Path("/proc/self/fd").iterdir()])


@contextmanager
def descriptors_unchanged() -> Iterator[None]:
    before = descriptors()
    yield
    until = time.monotonic() + 10
    while descriptors() > before and time.monotonic() < until:
        time.sleep(0.01)  # a server closes its side a moment later
    assert descriptors() == before


class Interrupted(BaseException):
    """A signal handler has raised it."""


@pytest.fixture
def interrupt() -> Iterator[Callable[[], None]]:
    """Let a signal handler raise in this thread, a moment after it is called."""

    def raise_it(*_: object) -> None:
        raise Interrupted

    former = signal.signal(signal.SIGUSR1, raise_it)
    main = threading.main_thread().ident
    assert main is not None
    timer = threading.Timer(0.1, signal.pthread_kill, (main, signal.SIGUSR1))
    yield timer.start
    timer.join()
    signal.signal(signal.SIGUSR1, former)


class TestDial:
    def dial(
        self, timeout: float | None = None, before: Callable[[], None] = bool
    ) -> socket.socket:
        before()
        return dial(NAME, 80, timeout=timeout, local_address=None)

    @pytest.mark.parametrize("count", [1, 2])
    def test_closes_its_sockets_when_a_signal_handler_raises(
        self,
        monkeypatch: pytest.MonkeyPatch,
        interrupt: Callable[[], None],
        count: int,
    ) -> None:
        with dead(*DEAD[:count]) as listeners:
            resolve(monkeypatch, [entry(*each.getsockname()) for each in listeners])
            threads = threading.active_count()
            with descriptors_unchanged():
                with pytest.raises(Interrupted):
                    self.dial(None, interrupt)
        assert threading.active_count() <= threads + 1  # the timer

    def test_closes_the_sockets_that_have_not_won(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with dead(DEAD[0]) as dead_ones, socket.create_server(("127.0.0.1", 0)) as good:
            known = [entry(*each.getsockname()) for each in (*dead_ones, good)]
            resolve(monkeypatch, known)
            with descriptors_unchanged():
                with self.dial() as winner:
                    assert winner.getpeername() == good.getsockname()
                    assert winner.gettimeout() is None

    def test_keeps_an_earlier_address_in_the_race(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with dead(*DEAD[:2]) as listeners:
            resolve(monkeypatch, [entry(*each.getsockname()) for each in listeners])
            late, over = listeners[0], threading.Event()
            late.settimeout(0.05)

            def accept_all() -> None:
                while not over.wait(0.05):
                    with suppress(TimeoutError):
                        late.accept()[0].close()

            accepting = threading.Timer(2 * ATTEMPT_DELAY, accept_all)
            accepting.start()
            try:  # a SYN is sent again after a second
                with self.dial(30) as winner:
                    assert winner.getpeername() == late.getsockname()
            finally:
                over.set()
                accepting.join()

    @pytest.mark.parametrize("count", [1, 2])
    def test_ends_although_a_test_has_stopped_the_clock(
        self, monkeypatch: pytest.MonkeyPatch, count: int
    ) -> None:
        with dead(*DEAD[:count]) as listeners:
            resolve(monkeypatch, [entry(*each.getsockname()) for each in listeners])
            monkeypatch.setattr(dialing, "monotonic", lambda: 1000.0)
            with pytest.raises(TimeoutError, match=r"^timed out$"):
                self.dial(0.3)

    def test_tries_the_next_address_if_one_cannot_be_tried_at_all(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as good:
            unknown = entry("nowhere", 1, family=socket.AF_UNIX)
            resolve(monkeypatch, [unknown, entry(*good.getsockname())])
            with self.dial() as winner:
                assert winner.getpeername() == good.getsockname()

    def test_raises_an_error_for_a_name_without_an_address(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        resolve(monkeypatch, [])
        with pytest.raises(OSError, match="the host has no address"):
            self.dial()

    @pytest.mark.parametrize("count", [1, 2])
    def test_raises_an_error_for_a_local_address_that_is_not_here(
        self, monkeypatch: pytest.MonkeyPatch, count: int
    ) -> None:
        resolve_to(monkeypatch, 1, *DEAD[:count])
        with descriptors_unchanged():
            with pytest.raises(OSError, match="assign requested address"):
                dial(NAME, 1, timeout=5, local_address="192.0.2.1")


HOSTS = st.lists(
    st.builds(
        entry,
        st.sampled_from("abcdef"),
        st.just(80),
        st.sampled_from([socket.AF_INET, socket.AF_INET6]),
    )
)


class TestInterleaved:
    @given(HOSTS)
    def test_has_each_address_once_and_the_preferred_one_first(
        self, entries: list[Any]
    ) -> None:
        ordered = interleaved(entries)
        assert len(ordered) == len(set(entries))
        assert set(ordered) == set(entries)
        assert ordered[:1] == entries[:1]

    @given(HOSTS)
    def test_keeps_the_order_within_a_family(self, entries: list[Any]) -> None:
        known = list(dict.fromkeys(entries))
        for family in (socket.AF_INET, socket.AF_INET6):
            same = [each for each in interleaved(entries) if each[0] == family]
            assert same == [each for each in known if each[0] == family]

    @given(HOSTS)
    def test_alternates_while_both_families_are_left(self, entries: list[Any]) -> None:
        families = [each[0] for each in interleaved(entries)]
        both = 2 * min(map(families.count, (socket.AF_INET, socket.AF_INET6)))
        assert all(families[at] != families[at + 1] for at in range(both - 1))
