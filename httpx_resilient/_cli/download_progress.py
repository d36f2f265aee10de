"""The progress of a download: a bar on a terminal, and a line for each break."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.filesize import decimal
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from httpx_resilient import DownloadBreak, DownloadError, DownloadProgress
from httpx_resilient._cli.console import format_number, print_line


def format_bytes(count: float) -> str:
    """Format a number of bytes with a unit, such as `1.2 MB`."""
    return decimal(int(count))


class DownloadReporter:
    """
    A listener to the progress of a download, which shows it.

    Args:
        out: Prints lines, and a bar on a terminal; `None` prints nothing.
        path: Returns the file, once it is known.
    """

    def __init__(self, out: Console | None, path: Callable[[], Path | None]) -> None:
        self._out, self._path = out, path
        self._task: TaskID | None = None
        self._bar: Progress | None = None
        if out is not None and out.is_terminal:
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=None),
                DownloadColumn(),
                TransferSpeedColumn(),
                TimeRemainingColumn(),
                console=out,
                transient=True,
            )
        self.received = self.resumed_at = 0
        self.total: int | None = None
        self.breaks: tuple[DownloadBreak, ...] = ()

    def __enter__(self) -> None:
        if self._bar is not None:
            self._bar.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, progress: DownloadProgress) -> None:
        """Show how far it is, and what has happened since the last call."""
        received, total, resumed_at, breaks = progress
        if resumed_at and not self.resumed_at:
            self._print(f"resumed at {resumed_at:,}{_of(total)} bytes")
        for each in breaks[len(self.breaks) :]:
            self._print(_line(each, total), "yellow")
        self.received, self.total, self.resumed_at = received, total, resumed_at
        self.breaks = breaks
        self._draw()

    def _draw(self) -> None:
        if self._bar is None:
            return
        if self._task is None:
            path = self._path()
            name = "" if path is None else path.name
            # The rate counts from here: what was resumed has not come now.
            self._task = self._bar.add_task(
                name, total=self.total, completed=self.resumed_at
            )
        self._bar.update(self._task, total=self.total, completed=self.received)

    def kept(self, error: Exception | None) -> str:
        """Say where what has arrived is, unless the error says it."""
        path = self._path()
        if path is None or isinstance(error, DownloadError | FileExistsError):
            return ""
        part = path.with_name(f"{path.name}.part")
        if not part.exists():
            return ""
        return f". What has arrived is in {part.name}: the same command goes on with it"

    def _print(self, line: str, style: str = "") -> None:
        if self._out is not None:
            print_line(self._out, line, style)


def _of(total: int | None) -> str:
    return "" if total is None else f" of {total:,}"


def _line(each: DownloadBreak, total: int | None) -> str:
    how = f"goes on by {each.proof}" if each.proof else "starts anew"
    wait = f" in {format_number(each.wait)} s" if each.wait else ""
    return f"at {each.offset:,}{_of(total)} bytes: {each.reason}; {how}{wait}"
