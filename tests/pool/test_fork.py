"""A fork: a child process uses no connection, lock or queue of its parent."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme
from support.server import Connection, Server, head, reply
from support.tls_server import TLSServer
from support.world import LIBRARIES

TESTS = Path(__file__).parent.parent

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork"),
    pytest.mark.parametrize("library", LIBRARIES),
]

Run = Callable[[str], None]


class Paths:
    """Answers with the path of the request. Half of `/slow` comes only after `/go`."""

    def __init__(self) -> None:
        self._go = threading.Event()

    def __call__(self, connection: Connection) -> bool:
        path = connection.request.target.encode()
        if path == b"/go":
            self._go.set()
        if path != b"/slow":
            return reply(200, path)(connection)
        connection.send(head(200, {"content-length": "5"}) + b"/sl")
        going = self._go.wait(20)
        connection.send(b"ow")
        return going


@pytest.fixture(params=["http", "https"])
def run(request: pytest.FixtureRequest, library: str) -> Iterator[Run]:
    """Run a program that forks, beside a server that answers with paths."""
    authority = trustme.CA()
    is_plain, paths = request.param == "http", Paths()
    made = Server(paths) if is_plain else TLSServer(authority, paths)
    with made as server:

        def run_program(code: str) -> None:
            program = "from support.forking import *\n" + textwrap.dedent(code)
            certificate = authority.cert_pem.bytes().decode()
            ended = subprocess.run(
                [
                    *(sys.executable, "-W", "ignore:.*fork:DeprecationWarning"),
                    *("-c", program, library, server.url.rstrip("/"), certificate),
                ],
                env={**os.environ, "PYTHONPATH": f"{TESTS}{os.pathsep}{TESTS.parent}"},
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            assert not ended.returncode, ended.stderr
            assert not ended.stderr

        yield run_program


def test_parent_and_children_never_get_the_answers_of_each_other(run: Run) -> None:
    run("""
        program = Program(sync=True)
        program.client.get(program.url)
        children = [
            in_child(lambda: program.wrong(f"child{number}", method=method))
            for number, method in enumerate(["GET", "POST", "GET"])
        ]
        check(program.wrong("parent"), *[each() for each in children])
        check(program.wrong("later", 3))
        assert program.pool.stats().opened == 1  # the parent's connection goes on
    """)


def test_a_child_of_a_child_is_as_separate(run: Run) -> None:
    run("""
        program = Program(sync=True)
        def child():
            wrong = program.wrong("child", 3)
            return in_child(lambda: program.wrong("grandchild", 3))() + wrong
        program.client.get(program.url)
        check(in_child(child)(), program.wrong("parent", 3))
    """)


def test_a_lock_that_another_thread_held_at_the_fork_is_free_in_the_child(
    run: Run,
) -> None:
    run("""
        program = Program(sync=True)
        program.client.get(program.url)
        with program.pool._sync_side.made.leases.lock:
            child = in_child(lambda: program.wrong("child", 3))
            check(child())
        check(program.wrong("parent", 3))
    """)


def test_the_statistics_of_a_child_begin_at_zero(run: Run) -> None:
    run("""
        program = Program(sync=True)
        program.client.get(program.url)
        def child():
            stats = program.pool.stats()
            wrong = [stats.active, stats.idle, stats.waiting, stats.opened]
            assert not any(wrong), wrong
            program.client.get(program.url)
            stats = program.pool.stats()
            assert (stats.active, stats.idle, stats.opened) == (0, 1, 1), stats
            return []
        check(in_child(child)())
        assert program.pool.stats().idle == 1
    """)


def test_a_response_open_at_the_fork_is_read_by_the_parent_alone(run: Run) -> None:
    run("""
        program = Program(sync=True)
        request = program.client.build_request("GET", program.url + "/slow")
        response = program.client.send(request, stream=True)
        def child():
            try:
                response.read()
            except program.world.library.TransportError:
                return program.wrong("child", 3)
            return ["read"]
        check(in_child(child)())
        program.client.get(program.url + "/go")
        assert response.read() == b"/slow"
        check(program.wrong("parent", 3))
        assert program.pool.stats().opened == 2
    """)


def test_requests_that_wait_in_the_parent_are_not_served_in_the_child(run: Run) -> None:
    run("""
        import threading
        from support.gates import eventually
        program = Program(sync=True, limits=World(*LIBRARIES[sys.argv[1]], True)
            .library.Limits(max_connections=1))
        request = program.client.build_request("GET", program.url)
        holding = program.client.send(request, stream=True)
        wrong = []
        threads = [
            threading.Thread(target=lambda: wrong.extend(program.wrong("thread", 3)))
            for _ in range(3)
        ]
        for each in threads:
            each.start()
        eventually(lambda: program.pool.stats().waiting == 3)
        def child():
            wrong = program.wrong("child", 3)
            assert program.pool.stats().reused == 2
            assert threading.active_count() == 1
            return wrong
        check(in_child(child)())
        holding.read()
        for each in threads:
            each.join()
        check(wrong)
    """)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_parent_and_child_run_event_loops_of_their_own(run: Run, backend: str) -> None:
    run(f"""
        import anyio
        program = Program(sync=False)
        async def use(who):
            wrong = []
            for number in range(10):
                path = f"/{{who}}/{{number}}"
                answer = (await program.client.get(program.url + path)).text
                if answer != path:
                    wrong.append(answer)
            return wrong
        def in_loop(who):
            return anyio.run(use, who, backend="{backend}")
        check(in_loop("before"))
        children = [in_child(lambda: in_loop(f"child{{n}}")) for n in range(2)]
        check(in_loop("parent"), *[each() for each in children])
    """)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_child_of_a_running_event_loop_leaves_it_to_its_parent(
    run: Run, backend: str
) -> None:
    """It ends as `os._exit`, without closing anything of the loop."""
    run(f"""
        import anyio, gc
        program = Program(sync=False)
        async def use():
            request = program.client.build_request("GET", program.url)
            holding = await program.client.send(request, stream=True)
            assert (await program.client.get(program.url + "/a")).text == "/a"
            def child():
                assert not program.pool.stats().idle
                assert not program.pool.stats().active
                gc.collect()
                return []
            check(in_child(child)())
            assert (await holding.aread()) == b"/"
            for path in ("/b", "/c"):
                assert (await program.client.get(program.url + path)).text == path
            assert program.pool.stats().opened == 2
            await program.client.aclose()
        anyio.run(use, backend="{backend}")
    """)
