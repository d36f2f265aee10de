"""Listeners and logging handlers that raise: no request fails, and no log is flooded."""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from support.world import World

from httpx_resilient._core.events.emitter import EventEmitter
from httpx_resilient._core.events.log import is_handled, logger
from httpx_resilient._core.events.reports import FaultReport
from httpx_resilient.events import CircuitOpened

pytestmark = pytest.mark.anyio

ORIGIN = "https://example.org"
URL = f"{ORIGIN}/"


class Raising(logging.Handler):
    """A handler that raises, which those of the standard library do not."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def handle(self, record: logging.LogRecord) -> bool:
        self.calls += 1
        raise OSError(record.getMessage())


@pytest.fixture
def raising() -> Iterator[Raising]:
    handler = Raising()
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)


def failing(world: World, **options: Any) -> Any:
    return world.transport(world.mock(lambda _: world.library.Response(503)), **options)


async def test_a_logging_handler_that_raises_fails_no_request(
    world: World, raising: Raising
) -> None:
    async with world.client(failing(world)) as client:
        assert (await client.get(URL)).status_code == 503
    assert raising.calls > 1


async def test_of_a_hundred_faults_of_a_listener_one_is_logged_with_its_traceback(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: object) -> None:
        msg = "broken"
        raise LookupError(msg)

    transport = world.transport(
        world.mock(lambda _: world.library.Response(200)), on_event=broken
    )
    async with world.client(transport) as client:
        for _ in range(50):
            assert (await client.get(URL)).status_code == 200
    (record,) = caplog.records
    assert record.getMessage() == "on_event raised an exception; the request goes on"
    assert record.exc_info is not None
    assert record.exc_info[0] is LookupError


def test_after_a_minute_the_number_of_faults_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now = 100.0
    monkeypatch.setattr(
        "httpx_resilient._core.clock.Clock.now", staticmethod(lambda: now)
    )
    report = FaultReport()
    for seconds in (0, 1, 59, 61, 62, 200):
        now = 100.0 + seconds
        report.add("on_event", LookupError("broken"))
    assert [record.getMessage() for record in caplog.records] == [
        "on_event raised an exception; the request goes on",
        "on_event has raised 4 exceptions; the requests go on",
        "on_event has raised 6 exceptions; the requests go on",
    ]
    assert [bool(record.exc_info) for record in caplog.records] == [True, False, False]


@contextmanager
def handled_by(*handlers: logging.Handler) -> Iterator[None]:
    """Give the root logger these handlers only. pytest adds its own to each test."""
    root = logging.getLogger()
    before, root.handlers = root.handlers, list(handlers)
    try:
        yield
    finally:
        root.handlers = before


class TestWhetherARecordIsHandled:
    def test_no_record_is_where_logging_is_not_configured(self) -> None:
        with handled_by():
            assert not is_handled(logging.WARNING)

    def test_a_warning_is_with_a_handler_of_the_root_logger(self) -> None:
        with handled_by(logging.StreamHandler()):
            assert is_handled(logging.WARNING)

    def test_no_record_is_if_the_logger_does_not_propagate(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(logger, "propagate", False)
        with handled_by(logging.StreamHandler()):
            assert not is_handled(logging.WARNING)

    def test_no_record_below_the_level_of_the_handler_is(self) -> None:
        handler = logging.StreamHandler()
        handler.setLevel(logging.CRITICAL)
        with handled_by(handler):
            assert not is_handled(logging.WARNING)

    def test_no_record_below_the_level_of_the_logger_is(self) -> None:
        with handled_by(logging.StreamHandler()):
            assert not is_handled(logging.DEBUG)

    @pytest.mark.parametrize("is_wrapped", [False, True])
    @pytest.mark.parametrize("method", ["handle", "callHandlers"])
    async def test_every_record_is_where_a_monitoring_tool_has_patched_logging(
        self, monkeypatch: pytest.MonkeyPatch, method: str, *, is_wrapped: bool
    ) -> None:
        original, seen = getattr(logging.Logger, method), list[str]()

        def patched(own: logging.Logger, record: logging.LogRecord) -> None:
            seen.append(record.getMessage())
            original(own, record)

        if is_wrapped:
            patched = functools.wraps(original)(patched)
        monkeypatch.setattr(logging.Logger, method, patched)
        with handled_by():
            assert is_handled(logging.WARNING)
            EventEmitter()(None, CircuitOpened, ORIGIN, "5 of 5 failed", 5.0)
        assert len(seen) == 1

    async def test_every_record_is_where_a_filter_of_the_logger_reads_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seen = list[str]()

        def collect(record: logging.LogRecord) -> bool:
            seen.append(record.getMessage())
            return True

        monkeypatch.setattr(logger, "filters", [collect])
        with handled_by():
            EventEmitter()(None, CircuitOpened, ORIGIN, "5 of 5 failed", 5.0)
        assert len(seen) == 1

    @pytest.mark.parametrize("runtime", ["sync"])
    async def test_giving_up_makes_no_record_that_nobody_handles(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def never(*_: object, **__: object) -> None:
            pytest.fail("a record was made")

        monkeypatch.setattr(logger, "log", never)
        with handled_by():
            async with world.client(failing(world)) as client:
                assert (await client.get(URL)).status_code == 503
